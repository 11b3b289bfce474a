package web

import (
	"io"
	"net"
	"time"
)

// A client that takes nothing of its answer for a while is let go. How long an answer may
// take as a whole depends on its size and on the client's line, and is not bounded: each
// write has a deadline of its own. What goes from a file to the socket within the kernel is
// handed over in pieces for that.

// piece is how much of a file is handed to the kernel under one deadline, in bytes: little
// enough for a slow line, and enough for the calls not to count.
const piece = 256 << 10

// A progressListener gives each connection that it accepts write deadlines.
type progressListener struct {
	net.Listener
	stall time.Duration
}

func (l progressListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &progressConn{Conn: c, stall: l.stall}, nil
}

type progressConn struct {
	net.Conn
	stall time.Duration
}

// Write implements net.Conn.
func (c *progressConn) Write(p []byte) (n int, err error) {
	for len(p) > 0 && err == nil {
		var w int
		if err = c.SetWriteDeadline(time.Now().Add(c.stall)); err == nil {
			w, err = c.Conn.Write(p[:min(len(p), piece)])
		}
		n += w
		p = p[w:]
	}
	return n, err
}

// ReadFrom implements io.ReaderFrom: net/http uses it for answers whose bytes come from a
// file, and the connection's own sends them without a copy.
func (c *progressConn) ReadFrom(src io.Reader) (n int64, err error) {
	to, ok := c.Conn.(io.ReaderFrom)
	if !ok {
		return io.Copy(onlyWriter{c}, src)
	}
	// The kernel's path is taken for a file, or a limited part of one, and nothing else.
	left, limited := src.(*io.LimitedReader)
	if !limited {
		left = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	for left.N > 0 {
		want := min(left.N, piece)
		if err := c.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
			return n, err
		}
		sent, err := to.ReadFrom(&io.LimitedReader{R: left.R, N: want})
		n += sent
		left.N -= sent
		if err != nil || sent < want {
			return n, err
		}
	}
	return n, nil
}

// CloseWrite has the client read the end of the answer before the connection goes.
func (c *progressConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// onlyWriter hides that a connection has ReadFrom.
type onlyWriter struct{ w io.Writer }

func (o onlyWriter) Write(p []byte) (int, error) { return o.w.Write(p) }
