package sigv4

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"pail/store/web/apierror"
)

// Sources of this file: sigv4-streaming and sigv4-streaming-trailers in the Amazon S3 API
// Reference. A body is
//
//	size-in-hex;chunk-signature=64-hex CRLF data CRLF
//
// repeated, the last with the size 0 and without data; then trailers as name:value lines,
// the last of them x-amz-trailer-signature if the chunks are signed; then an empty line.
// Unsigned chunks have no chunk-signature.

const (
	// minChunk is how small a chunk may be that is not the last with data.
	minChunk = 8 << 10
	// maxChunkLine bounds the line before a chunk: the longest that S3 describes has 99 bytes.
	maxChunkLine = 256
	// maxTrailers bounds all that follows the last chunk.
	maxTrailers = 8 << 10
	// readSize is the size of the buffer that lines are read through. Data of chunks goes
	// past it, into the memory of the caller.
	readSize = 4 << 10
)

var lineReaders = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, readSize) }}

// openChunks sets a body that is aws-chunked; signer is nil if its chunks are not signed.
func (res *Result) openChunks(r *http.Request, signer *chunkSigner, trailers bool) error {
	size, err := strconv.ParseUint(r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 63)
	if err != nil {
		return apierror.New(apierror.MissingContentLength, "")
	}
	c := &chunkReader{body: r.Body, signer: signer, size: int64(size), trailers: trailers}
	if c.body == nil {
		c.body = http.NoBody
	}
	for _, line := range r.Header["X-Amz-Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name == "" {
				continue
			}
			if !strings.HasPrefix(name, "x-amz-checksum-") {
				return apierror.New(apierror.InvalidRequest, "The value specified in the x-amz-trailer header is not supported")
			}
			c.declared = append(c.declared, name)
		}
	}
	c.lines = lineReaders.Get().(*bufio.Reader)
	c.lines.Reset(c.body)
	res.Body, res.Size, res.Chunked, res.chunks = c, c.size, true, c
	return nil
}

// A chunkReader decodes an aws-chunked body.
type chunkReader struct {
	body   io.ReadCloser
	lines  *bufio.Reader // over body; nil once the end is known
	signer *chunkSigner  // nil: the chunks are not signed

	size   int64 // of all data, as the client declared it
	named  int64 // data in the chunks whose lines were read
	number int   // of the present chunk, from 1
	chunk  int64 // its size
	left   int64 // what was not read of it

	done     bool     // whether the end was reached, and all of it verified
	trailers bool     // whether trailers may follow
	declared []string // in x-amz-trailer, in lower case
	trailer  http.Header

	err error // what Read goes on to answer
}

// Read reads the data. The last bytes of a chunk are handed out when its signature was
// verified, and the last bytes of all when all that follows was.
func (c *chunkReader) Read(p []byte) (int, error) {
	if c.err != nil || len(p) == 0 {
		return 0, c.err
	}
	if c.left == 0 { // the first chunk
		if err := c.next(); err != nil {
			return 0, c.end(err)
		}
		if c.done { // without data
			return 0, c.end(io.EOF)
		}
	}
	n, err := c.lines.Read(p[:min(int64(len(p)), c.left)])
	if err != nil {
		return 0, c.end(cut(err))
	}
	c.left -= int64(n)
	if c.signer != nil {
		c.signer.hash.Write(p[:n])
	}
	if c.left > 0 {
		return n, nil
	}
	if err := c.close(); err != nil {
		return 0, c.end(err)
	}
	if err := c.next(); err != nil {
		return 0, c.end(err)
	}
	if c.done {
		c.end(io.EOF)
	}
	return n, nil
}

// next reads the line before a chunk, and after the last chunk all that follows it.
func (c *chunkReader) next() error {
	line, err := c.line(maxChunkLine)
	if err != nil {
		return cut(err)
	}
	size, signature, ok := c.parseLine(line)
	if !ok {
		return terminated()
	}
	c.number++
	if size == 0 {
		return c.finish(signature)
	}
	if c.number > 1 && c.chunk < minChunk {
		return apierror.New(apierror.InvalidChunkSize, "").
			With("Chunk", strconv.Itoa(c.number)).With("BadChunkSize", strconv.FormatInt(c.chunk, 10))
	}
	if size > c.size-c.named {
		return incompleteBody(c.size, c.named+min(size, 1<<62))
	}
	c.named += size
	c.chunk, c.left = size, size
	if c.signer != nil {
		c.signer.begin(signature)
	}
	return nil
}

// parseLine parses the line before a chunk.
func (c *chunkReader) parseLine(line []byte) (size int64, signature []byte, ok bool) {
	if !bytes.HasSuffix(line, []byte("\r\n")) {
		return 0, nil, false
	}
	hex, extension, extended := bytes.Cut(line[:len(line)-2], []byte(";"))
	if len(hex) == 0 || len(hex) > 16 || extended != (c.signer != nil) {
		return 0, nil, false
	}
	for _, b := range hex {
		v, ok := unhex(b)
		if !ok || size > 1<<58 {
			return 0, nil, false
		}
		size = size<<4 | int64(v)
	}
	if c.signer != nil {
		if signature, ok = bytes.CutPrefix(extension, []byte("chunk-signature=")); !ok || len(signature) != 64 {
			return 0, nil, false
		}
	}
	return size, signature, true
}

// close ends a chunk with data: its signature, and the line end behind it.
func (c *chunkReader) close() error {
	line, err := c.line(2)
	if err != nil {
		return cut(err)
	}
	if string(line) != "\r\n" {
		return terminated()
	}
	if c.signer == nil {
		return nil
	}
	return c.signer.verify()
}

// finish ends the body, whose last chunk has no data.
func (c *chunkReader) finish(signature []byte) error {
	if c.signer != nil {
		c.signer.begin(signature)
		if err := c.signer.verify(); err != nil {
			return err
		}
	}
	if c.named != c.size {
		return incompleteBody(c.size, c.named)
	}
	if err := c.readTrailers(); err != nil {
		return err
	}
	c.done = true
	return nil
}

// readTrailers reads what follows the last chunk, to the end of the body. minio-go ends the
// lines of trailers with a line feed alone and has an empty line among them.
func (c *chunkReader) readTrailers() error {
	var signed []byte // the trailers as they are signed
	var signature string
	ended := false // by an empty line
	for budget := maxTrailers; ; {
		line, err := c.line(budget)
		if err == io.EOF && len(line) == 0 {
			break
		}
		if err != nil {
			return cut(err)
		}
		budget -= len(line)
		line = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
		if ended = len(line) == 0; ended {
			continue
		}
		if !c.trailers {
			return terminated()
		}
		name, value, ok := strings.Cut(string(line), ":")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if !ok || name == "" || signature != "" {
			return apierror.New(apierror.MalformedTrailer, "")
		}
		if name == "x-amz-trailer-signature" && c.signer != nil {
			signature = value
			continue
		}
		if err := c.addTrailer(name, value); err != nil {
			return err
		}
		signed = append(append(append(append(signed, name...), ':'), value...), '\n')
	}
	if !ended {
		return terminated()
	}
	if len(c.trailer) != len(c.declared) {
		return apierror.New(apierror.MalformedTrailer, "")
	}
	if c.signer == nil || !c.trailers {
		return nil
	}
	if signature == "" {
		return apierror.New(apierror.MalformedTrailer, "")
	}
	return c.signer.verifyTrailers(signed, signature)
}

// addTrailer keeps a trailer that x-amz-trailer has declared.
func (c *chunkReader) addTrailer(name, value string) error {
	key := http.CanonicalHeaderKey(name)
	declared := false
	for _, d := range c.declared {
		declared = declared || d == name
	}
	if !declared || c.trailer[key] != nil {
		return apierror.New(apierror.MalformedTrailer, "")
	}
	if c.trailer == nil {
		c.trailer = make(http.Header)
	}
	c.trailer[key] = []string{value}
	return nil
}

// line reads a line, its end included, of limit bytes at most. At the end of the body it
// returns io.EOF with what there was. The line is good until the next read.
func (c *chunkReader) line(limit int) ([]byte, error) {
	line, err := c.lines.ReadSlice('\n')
	if err == bufio.ErrBufferFull || err == nil && len(line) > limit {
		return nil, terminated()
	}
	return line, err
}

// cut tells a body that ends where it should not. Other errors are those of the connection.
func cut(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return terminated()
	}
	return err
}

// end keeps the error that the body ends with; io.EOF is the end of one that was verified.
func (c *chunkReader) end(err error) error {
	c.err = err
	if c.lines != nil {
		c.lines.Reset(nil)
		lineReaders.Put(c.lines)
		c.lines = nil
	}
	return err
}

// Close closes the request's body.
func (c *chunkReader) Close() error {
	if c.err == nil {
		c.end(http.ErrBodyReadAfterClose)
	}
	return c.body.Close()
}
