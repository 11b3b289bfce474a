package s3api

import (
	"bytes"
	"net/http"
	"sync"
	"time"
)

// A copy may read all of its source, which takes minutes on a slow disk, and clients give up
// when they hear nothing for one. S3 begins its answer then: "200 OK", and blanks before the
// document until the copy is made or has failed, which the document says ("CopyObject" of the
// API Reference). The version that was made cannot be told then, as its header has gone.
const (
	// copyPatience is how long nothing is said; below it errors have their own status.
	copyPatience = 15 * time.Second
	// copyPulse is the time between two blanks.
	copyPulse = 5 * time.Second
)

// xmlProlog begins every document.
const xmlProlog = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// meanwhile runs fn and keeps the client waiting. What is answered after it by xml or refuse
// goes on where the answer has begun.
func (c *call) meanwhile(fn func() error) error {
	done, ended := make(chan struct{}), sync.WaitGroup{}
	ended.Go(func() { c.pulse(done) })
	err := fn()
	close(done)
	ended.Wait()
	if c.begun && c.h.settle != nil {
		c.h.settled() // the answer has begun before there was anything to settle
	}
	return err
}

// pulse begins the answer when fn has taken too long, and says something until it is done.
func (c *call) pulse(done <-chan struct{}) {
	wait := time.NewTimer(c.h.copyPatience)
	defer wait.Stop()
	for text := xmlProlog; ; text = " " {
		select {
		case <-done:
			return
		case <-wait.C:
		}
		if !c.begun {
			c.begun = true
			h := c.w.Header()
			setID(h, c.r.ID)
			h.Set("Content-Type", "application/xml")
			c.w.WriteHeader(http.StatusOK)
		}
		_, err := c.w.Write([]byte(text))
		if err != nil || http.NewResponseController(c.w).Flush() != nil {
			return // the client has gone, which ends the request
		}
		wait.Reset(c.h.copyPulse)
	}
}

// rest writes a document to an answer that has begun.
func (c *call) rest(document []byte) {
	_, _ = c.w.Write(bytes.TrimPrefix(document, []byte(xmlProlog)))
}
