package backup

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"math"

	"pail/store/fault"
)

// An Encoder is a Visitor that writes what it is shown as a stream.
type Encoder struct{ fw frameWriter }

// NewEncoder returns an Encoder; w should gather small writes.
func NewEncoder(w io.Writer) *Encoder { return &Encoder{frameWriter{w: w}} }

// Head implements Visitor.
func (e *Encoder) Head(h Head) error { return e.json(frameHead, h) }

// Records implements Visitor.
func (e *Encoder) Records(chunk []byte) error { return e.fw.write(frameRecords, chunk) }

// Draft implements Visitor.
func (e *Encoder) Draft(d Draft) error {
	return e.fw.write(frameDraft, numbers(d.ID, uint64(d.Size)))
}

// Content implements Visitor.
func (e *Encoder) Content(c Content) error {
	return e.fw.write(frameContent, numbers(c.ID, uint64(c.Length), c.Sum))
}

// Part implements Visitor.
func (e *Encoder) Part(off int64, p []byte) error {
	return e.fw.write(framePart, numbers(uint64(off)), p)
}

// Finish implements Visitor.
func (e *Encoder) Finish() error { return e.fw.write(frameFinish) }

// End implements Visitor.
func (e *Encoder) End(t Totals) error { return e.json(frameEnd, t) }

func (e *Encoder) json(kind byte, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fault.Wrap(fault.Internal, err, "encode a backup")
	}
	return e.fw.write(kind, b)
}

// WriteStream writes the whole state of src to w, in one pass.
func WriteStream(ctx context.Context, src Source, w io.Writer, far func(Far)) (Head, Totals, error) {
	b := bufio.NewWriterSize(w, 1<<20)
	v := &streamWriter{Encoder: NewEncoder(b), ctx: ctx, src: src, far: far}
	err := src.Walk(ctx, v)
	if err == nil {
		err = b.Flush()
	}
	return v.head, v.totals, err
}

// A streamWriter fetches each content where it is named.
type streamWriter struct {
	*Encoder
	ctx    context.Context
	src    Source
	far    func(Far)
	done   Far
	head   Head
	totals Totals
}

func (v *streamWriter) Head(h Head) error {
	v.head = h
	return v.Encoder.Head(h)
}

func (v *streamWriter) Records(chunk []byte) error {
	v.tell(int64(len(chunk)))
	return v.Encoder.Records(chunk)
}

func (v *streamWriter) Content(c Content) error {
	if err := v.Encoder.Content(c); err != nil {
		return err
	}
	err := v.src.Fetch(v.ctx, c, v.Part)
	if err != nil {
		return err
	}
	return v.Finish()
}

func (v *streamWriter) Part(off int64, p []byte) error {
	v.tell(int64(len(p)))
	return v.Encoder.Part(off, p)
}

func (v *streamWriter) End(t Totals) error {
	v.totals = t
	return v.Encoder.End(t)
}

func (v *streamWriter) tell(n int64) {
	if v.done.Bytes += n; v.far != nil {
		v.far(v.done)
	}
}

// Far is how far an operation has come.
type Far struct {
	Bytes int64 // copied or read
}

// Decode shows the stream that r reads to v, and demands that it is whole.
func Decode(ctx context.Context, r io.Reader, what string, v Visitor) error {
	d := &decoder{fr: frameReader{r: bufio.NewReaderSize(r, 1<<20), what: what}, v: v}
	return d.run(ctx, func(kind byte, _ []byte) error {
		return fault.New(fault.Damaged, "%s is damaged: it has a frame of kind %q", what, kind)
	})
}

// DecodeListing is Decode for a stream in which contents come without their bytes, and
// after whose end r goes on: as a Source that is elsewhere shows its state.
func DecodeListing(ctx context.Context, r io.Reader, what string, v Visitor) error {
	d := &decoder{fr: frameReader{r: r, what: what}, v: v, bare: true, open: true}
	return d.run(ctx, func(kind byte, _ []byte) error {
		return fault.New(fault.Damaged, "%s is damaged: it has a frame of kind %q", what, kind)
	})
}

// A decoder reads a stream and sees to the order of its frames.
type decoder struct {
	fr   frameReader
	v    Visitor
	bare bool // contents come without parts, as in manifests
	open bool // something may follow the end

	loose bool // the totals are of more than the stream itself holds, as in manifests

	begun bool  // there was a head
	file  int64 // bytes that the file that has begun can have, -1 for none
	at    int64 // and so far its parts reach
	sum   Totals
}

// run shows the stream to the Visitor; other is called with the frames it does not know.
func (d *decoder) run(ctx context.Context, other func(kind byte, payload []byte) error) error {
	d.file = -1
	if err := d.fr.begin(); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		kind, payload, err := d.fr.next()
		if err != nil {
			return err
		}
		if !d.inOrder(kind) {
			return fault.New(fault.Damaged, "%s is damaged: frame %d (%q) is out of place", d.fr.what, d.fr.number-1, kind)
		}
		if kind == frameEnd {
			return d.end(payload)
		}
		if err := d.frame(kind, payload, other); err != nil {
			return err
		}
	}
}

func (d *decoder) inOrder(kind byte) bool {
	switch kind {
	case frameHead:
		return !d.begun
	case framePart, frameFinish:
		return d.begun && d.file >= 0
	case frameChunk:
		return d.begun
	}
	return d.begun && d.file < 0
}

func (d *decoder) frame(kind byte, b []byte, other func(byte, []byte) error) error {
	switch kind {
	case frameHead:
		var h Head
		if json.Unmarshal(b, &h) != nil {
			return malformed("the head of " + d.fr.what)
		}
		d.begun = true
		return d.v.Head(h)
	case frameRecords:
		return d.records(b)
	case frameDraft:
		var size uint64
		var dr Draft
		if _, err := takeNumbers(b, &dr.ID, &size); err != nil || size > math.MaxInt64 {
			return malformed("a draft in " + d.fr.what)
		}
		dr.Size = int64(size)
		d.sum.Drafts++
		d.sum.Bytes += dr.Size
		d.file, d.at = dr.Size, 0
		return d.v.Draft(dr)
	case frameContent:
		return d.content(b)
	case framePart:
		return d.part(b)
	case frameFinish:
		d.file = -1
		return d.v.Finish()
	}
	return other(kind, b)
}

func (d *decoder) records(b []byte) error {
	if err := EachRecord(b, func(_, _ []byte) error { d.sum.Records++; return nil }); err != nil {
		return err
	}
	d.sum.Bytes += int64(len(b))
	return d.v.Records(b)
}

func (d *decoder) content(b []byte) error {
	c, err := parseContent(b)
	if err != nil {
		return err
	}
	d.sum.Contents++
	d.sum.Bytes += c.Length
	if !d.bare {
		d.file, d.at = math.MaxInt64, 0
	}
	return d.v.Content(c)
}

func parseContent(b []byte) (c Content, err error) {
	var length uint64
	_, err = takeNumbers(b, &c.ID, &length, &c.Sum)
	c.Length = int64(length)
	if err == nil && (c.Length < 0 || len(b) != 24) {
		err = malformed("a content")
	}
	return c, err
}

func (d *decoder) part(b []byte) error {
	var off uint64
	p, err := takeNumbers(b, &off)
	if err != nil {
		return err
	}
	if off < uint64(d.at) || off > uint64(d.file) || int64(len(p)) > d.file-int64(off) {
		return malformed("a part of a file in " + d.fr.what)
	}
	d.at = int64(off) + int64(len(p))
	return d.v.Part(int64(off), p)
}

func (d *decoder) end(b []byte) error {
	var t Totals
	if json.Unmarshal(b, &t) != nil {
		return malformed("the end of " + d.fr.what)
	}
	if t != d.sum && !d.loose {
		return fault.New(fault.Damaged, "%s is damaged: it holds %+v and should hold %+v", d.fr.what, d.sum, t)
	}
	if !d.open {
		if err := d.fr.ends(); err != nil {
			return err
		}
	}
	return d.v.End(t)
}
