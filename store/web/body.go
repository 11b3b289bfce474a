package web

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"pail/store/fault"
	"pail/store/web/apierror"
)

// A stallingBody is the body of a request whose client must go on sending: each read has
// a deadline of its own, and the whole of it none. While there is more to come some deadline
// always stands, because net/http reads a little of what the handler has left.
//
// At the end of the body net/http lifts it, and reads from the connection to learn that the
// client goes away: from then on there must be none.
type stallingBody struct {
	io.ReadCloser
	conn  *http.ResponseController
	stall time.Duration

	mu    sync.Mutex // guards what follows
	ended time.Time  // when its end was read; zero: it was not
	read  int64
}

func newStallingBody(w http.ResponseWriter, body io.ReadCloser, stall time.Duration) *stallingBody {
	b := &stallingBody{ReadCloser: body, conn: http.NewResponseController(w), stall: stall}
	b.arm()
	return b
}

// arm begins the time anew in which the client must send something.
func (b *stallingBody) arm() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended.IsZero() {
		_ = b.conn.SetReadDeadline(time.Now().Add(b.stall)) // a connection that cannot is closed
	}
}

// Read implements io.Reader. It fails with RequestTimeout if nothing comes, and
// IncompleteBody if the client ends before what it has announced, or breaks off.
func (b *stallingBody) Read(p []byte) (int, error) {
	b.arm()
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.read += int64(n)
	switch {
	case err == nil:
	case err == io.EOF:
		b.ended = time.Now()
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = apierror.New(apierror.RequestTimeout, "")
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, new(*net.OpError)): // the latter is a reset
		err = fault.Wrap(fault.IncompleteBody, err, "")
	}
	return n, err
}

// endedAt is when the end of the body was read, zero if it was not.
func (b *stallingBody) endedAt() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}

// bytes is how many bytes of the body have come.
func (b *stallingBody) bytes() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.read
}
