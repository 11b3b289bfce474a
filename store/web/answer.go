package web

import (
	"io"
	"net/http"
	"time"
)

// An Answer is a ResponseWriter that knows what was answered, for the log, the metrics,
// and whoever must know whether an error can still be told.
type Answer struct {
	http.ResponseWriter
	Status int   // 0 as long as nothing is answered
	Bytes  int64 // of the body
	// Before, if it is not nil, is called once, right before the answer begins.
	Before func()

	body      *stallingBody // of the request; nil: it has none, or is not watched
	accessKey string        // of the request, for the log
	begun     time.Time     // when the request came
	first     time.Time     // when the answer began
}

// WriteHeader implements http.ResponseWriter.
func (a *Answer) WriteHeader(status int) {
	if a.Status == 0 && status >= 200 {
		a.Status = status
		a.first = time.Now()
		if a.Before != nil {
			a.Before()
		}
		if a.body != nil {
			a.body.arm() // net/http reads some of what is left before it answers
		}
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *Answer) Write(p []byte) (int, error) {
	a.begin()
	n, err := a.ResponseWriter.Write(p)
	a.Bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom, so that files reach the socket without a copy.
func (a *Answer) ReadFrom(r io.Reader) (int64, error) {
	a.begin()
	n, err := io.Copy(a.ResponseWriter, r)
	a.Bytes += n
	return n, err
}

func (a *Answer) begin() {
	if a.Status == 0 {
		a.WriteHeader(http.StatusOK)
	}
}

// Received is how many bytes of the request's body were read; 0 where nobody counts them.
func (a *Answer) Received() int64 {
	if a.body == nil {
		return 0
	}
	return a.body.bytes()
}

// Unwrap is for http.ResponseController.
func (a *Answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
