package certs

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"sync"
	"time"

	"pail/store/fault"
)

// lookAgain is how old the answer to "have the files changed" may be.
const lookAgain = time.Second

// Files is a certificate that stands in two files, read again when they change. It is
// safe for concurrent use.
type Files struct {
	cert, key string
	log       *slog.Logger
	now       func() time.Time

	mu     sync.Mutex // guards what follows
	have   *tls.Certificate
	marks  [2]mark   // of the files that it was read from
	looked time.Time // when the files were last looked at
	told   string    // the failure that the log knows of
}

// A mark tells one state of a file from another.
type mark struct {
	size  int64
	mtime time.Time
	inode any
}

// Open reads a certificate, with those that lead to its authority behind it, and its key,
// both PEM. The kinds of failure: InvalidArgument.
func Open(cert, key string, log *slog.Logger) (*Files, error) {
	f := &Files{cert: cert, key: key, log: log, now: time.Now}
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.read(); err != nil {
		return nil, err
	}
	return f, nil
}

// GetCertificate is for tls.Config.
func (f *Files) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now.Sub(f.looked) >= lookAgain {
		f.looked = now
		if f.look() != f.marks {
			f.renew()
		}
	}
	return f.have, nil
}

// renew reads the files anew. What was there stays in use if that fails.
func (f *Files) renew() {
	err := f.read()
	switch {
	case err == nil:
		f.told = ""
		f.log.Info("the certificate was read anew", "file", f.cert, "expires", f.have.Leaf.NotAfter)
	case f.told != err.Error():
		f.told = err.Error()
		f.log.Error("the certificate cannot be read anew, and the old one stays in use", "err", err)
	}
}

// read reads the files. They are marked before, so that what changes meanwhile is seen.
func (f *Files) read() error {
	marks := f.look()
	c, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fault.Wrap(fault.InvalidArgument, err, "the certificate %s with the key %s cannot be used", f.cert, f.key)
	}
	if c.Leaf == nil {
		if c.Leaf, err = x509.ParseCertificate(c.Certificate[0]); err != nil {
			return fault.Wrap(fault.InvalidArgument, err, "the certificate %s cannot be used", f.cert)
		}
	}
	f.have, f.marks = &c, marks
	return nil
}

// look marks both files; one that is not there has the zero mark.
func (f *Files) look() [2]mark {
	return [2]mark{markOf(f.cert), markOf(f.key)}
}

func markOf(path string) mark {
	fi, err := os.Stat(path)
	if err != nil {
		return mark{}
	}
	return mark{fi.Size(), fi.ModTime(), inode(fi)}
}
