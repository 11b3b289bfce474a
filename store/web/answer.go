package web

import (
	"io"
	"net/http"
)

// An Answer is a ResponseWriter that knows what was answered, for the log, the metrics,
// and whoever must know whether an error can still be told.
type Answer struct {
	http.ResponseWriter
	Status int   // 0 as long as nothing is answered
	Bytes  int64 // of the body
}

// WriteHeader implements http.ResponseWriter.
func (a *Answer) WriteHeader(status int) {
	if a.Status == 0 && status >= 200 {
		a.Status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *Answer) Write(p []byte) (int, error) {
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(p)
	a.Bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom, so that files reach the socket without a copy.
func (a *Answer) ReadFrom(r io.Reader) (int64, error) {
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	n, err := io.Copy(a.ResponseWriter, r)
	a.Bytes += n
	return n, err
}

// Unwrap is for http.ResponseController.
func (a *Answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
