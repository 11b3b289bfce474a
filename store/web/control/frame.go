package control

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"pail/store/fault"
)

// A frame is one line of an answer; exactly one field is set.
type frame struct {
	Item     json.RawMessage `json:"item,omitempty"`
	Progress *Progress       `json:"progress,omitempty"`
	Error    *failure        `json:"error,omitempty"`
	Done     bool            `json:"done,omitempty"`
}

// A failure is a fault.Error on its way through the socket.
type failure struct {
	Kind     string `json:"kind"`
	Message  string `json:"message"`
	Resource string `json:"resource,omitempty"`
	Cause    string `json:"cause,omitempty"`
}

// failureOf keeps the outermost fault.Error in parts, so that the client's error
// reads as the daemon's does, and any other error whole.
func failureOf(err error) *failure {
	kind := fault.KindOf(err)
	var fe *fault.Error
	if errors.As(err, &fe) && fe.Error() == err.Error() {
		f := &failure{Kind: kind.String(), Message: fe.Text(), Resource: fe.Resource}
		if fe.Err != nil {
			f.Cause = fe.Err.Error()
		}
		return f
	}
	return &failure{Kind: kind.String(), Message: err.Error()}
}

func (f *failure) err() error {
	kind, ok := fault.ParseKind(f.Kind)
	if !ok || kind == fault.None {
		kind = fault.Internal // a kind of a newer daemon
	}
	var cause error
	if f.Cause != "" {
		cause = errors.New(f.Cause)
	}
	e := fault.Wrap(kind, cause, "%s", f.Message)
	e.Resource = f.Resource
	return e
}

// A frameWriter writes an answer. It is for one goroutine.
type frameWriter struct {
	w   http.ResponseWriter
	enc *json.Encoder
}

func newFrameWriter(w http.ResponseWriter) *frameWriter {
	w.Header().Set("Content-Type", "application/x-ndjson")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &frameWriter{w: w, enc: enc}
}

// item sends one result. Results gather in a buffer; flush sends what is there.
func (fw *frameWriter) item(v any) error {
	b, err := marshal(v)
	if err != nil {
		return err
	}
	return fw.send(frame{Item: b})
}

// marshal leaves <, > and & as they are: nobody puts this into a page.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fault.Wrap(fault.Internal, err, "encode an answer")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// progress sends how far the operation has come, at once.
func (fw *frameWriter) progress(p Progress) error {
	if err := fw.send(frame{Progress: &p}); err != nil {
		return err
	}
	return fw.flush()
}

// end sends the outcome.
func (fw *frameWriter) end(err error) error {
	f := frame{Done: true}
	if err != nil {
		f = frame{Error: failureOf(err)}
	}
	if err := fw.send(f); err != nil {
		return err
	}
	return fw.flush()
}

func (fw *frameWriter) send(f frame) error {
	if err := fw.enc.Encode(f); err != nil {
		return fault.Wrap(fault.Canceled, err, "the client went away")
	}
	return nil
}

func (fw *frameWriter) flush() error {
	if err := http.NewResponseController(fw.w).Flush(); err != nil {
		return fault.Wrap(fault.Canceled, err, "the client went away")
	}
	return nil
}

// readFrames reads an answer to its end and returns the outcome.
func readFrames(r io.Reader, item func(json.RawMessage) error, progress func(Progress)) error {
	dec := json.NewDecoder(bufio.NewReader(r))
	for {
		var f frame
		if err := dec.Decode(&f); err != nil {
			return fault.Wrap(fault.Unavailable, err, "the daemon ended in the middle of its answer")
		}
		switch {
		case f.Done:
			return nil
		case f.Error != nil:
			return f.Error.err()
		case f.Progress != nil:
			if progress != nil {
				progress(*f.Progress)
			}
		case f.Item != nil:
			if err := item(f.Item); err != nil {
				return err
			}
		default:
			return fault.Wrap(fault.Internal, fmt.Errorf("empty frame"), "the daemon's answer makes no sense")
		}
	}
}
