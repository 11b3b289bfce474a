package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"pail/store/fault"
)

// Some answers are bytes. They come in pieces, each with its length before it (4 bytes,
// big-endian); one of length 0 ends them, and behind it is the outcome as everywhere: a
// line of JSON. So a failure in the middle is told, and an answer that was cut off known.

// bytesPiece bytes gather before they are sent.
const bytesPiece = 256 << 10

// A byteWriter writes such an answer. It is for one goroutine.
type byteWriter struct {
	w   http.ResponseWriter
	buf []byte
}

func newByteWriter(w http.ResponseWriter) *byteWriter {
	w.Header().Set("Content-Type", "application/octet-stream")
	return &byteWriter{w: w, buf: make([]byte, 4, 4+bytesPiece)}
}

// Write implements io.Writer.
func (b *byteWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		room := min(len(p), cap(b.buf)-len(b.buf))
		b.buf = append(b.buf, p[:room]...)
		p = p[room:]
		n += room
		if len(b.buf) == cap(b.buf) {
			if err := b.piece(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// piece sends what has gathered.
func (b *byteWriter) piece() error {
	if len(b.buf) == 4 {
		return nil
	}
	binary.BigEndian.PutUint32(b.buf, uint32(len(b.buf)-4))
	_, err := b.w.Write(b.buf)
	b.buf = b.buf[:4]
	if err != nil {
		return fault.Wrap(fault.Canceled, err, "the client went away")
	}
	return nil
}

// flush sends what has gathered, at once.
func (b *byteWriter) flush() error {
	if err := b.piece(); err != nil {
		return err
	}
	if err := http.NewResponseController(b.w).Flush(); err != nil {
		return fault.Wrap(fault.Canceled, err, "the client went away")
	}
	return nil
}

// end sends the outcome.
func (b *byteWriter) end(outcome error) error {
	if err := b.piece(); err != nil {
		return err
	}
	if _, err := b.w.Write(make([]byte, 4)); err != nil {
		return fault.Wrap(fault.Canceled, err, "the client went away")
	}
	out := &frameWriter{w: b.w, enc: json.NewEncoder(b.w)}
	return out.end(outcome)
}

// A byteReader reads such an answer. At its end Read answers io.EOF, or how the
// operation failed.
type byteReader struct {
	ctx  context.Context
	r    *bufio.Reader
	body io.Closer
	left int // of the piece
	err  error
}

// askBytes sends a request whose answer is bytes. Close must be called; before the end it
// cancels the operation.
func (c *Client) askBytes(ctx context.Context, op string, req any) (*byteReader, http.Header, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return nil, nil, fault.Wrap(fault.Internal, err, "ask the daemon")
	}
	hr, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://pail/v1/"+op, bytes.NewReader(body))
	if err != nil {
		return nil, nil, fault.Wrap(fault.Internal, err, "ask the daemon")
	}
	resp, err := c.http.Do(hr)
	if err != nil {
		return nil, nil, askError(ctx, err)
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, nil, fault.New(fault.NotSupported, "the daemon of this store (pail %s) does not know %q; restart it", c.hello.Release, op)
	}
	return &byteReader{ctx: ctx, r: bufio.NewReaderSize(resp.Body, bytesPiece), body: resp.Body}, resp.Header, nil
}

// Read implements io.Reader.
func (b *byteReader) Read(p []byte) (int, error) {
	if b.err != nil || len(p) == 0 {
		return 0, b.err
	}
	if b.left == 0 {
		if b.err = b.next(); b.err != nil {
			return 0, b.err
		}
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	if err != nil {
		b.err = b.cutOff(err)
	}
	return n, b.err
}

// next begins a piece, or ends the answer.
func (b *byteReader) next() error {
	var head [4]byte
	if _, err := io.ReadFull(b.r, head[:]); err != nil {
		return b.cutOff(err)
	}
	if b.left = int(binary.BigEndian.Uint32(head[:])); b.left > 0 {
		return nil
	}
	err := readFrames(b.r, func(json.RawMessage) error { return nil }, nil)
	if err != nil {
		return askError(b.ctx, err)
	}
	return io.EOF
}

func (b *byteReader) cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return askError(b.ctx, fault.Wrap(fault.Unavailable, err, "the daemon ended in the middle of its answer"))
}

// Close ends the request.
func (b *byteReader) Close() error { return b.body.Close() }
