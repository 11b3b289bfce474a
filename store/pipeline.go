package store

import (
	"sync/atomic"

	"pail/store/internal/blob"
)

// bufferSize is how many bytes are read at once, and bufferCount how many such buffers a
// stream has: one that is read into and some that are written or hashed still.
const (
	bufferSize  = 256 << 10
	bufferCount = 4
)

// A buffer is bytes that several read and then let go of.
type buffer struct {
	data  []byte // of those of all
	all   []byte // memory for direct writes
	users atomic.Int32
}

// A pipeline hands the buffers of a stream to its users. One goroutine fills it.
type pipeline struct {
	s     *Store
	users []*user
	free  chan *buffer
	made  int // buffers
	ended bool
}

// A user does something with the bytes of a stream, in a goroutine of its own.
type user struct {
	queue chan *buffer
	done  chan struct{} // closed when all is done that was handed on
}

func (s *Store) newPipeline() *pipeline {
	return &pipeline{s: s, free: make(chan *buffer, bufferCount)}
}

// use makes a user, before anything is handed on.
func (l *pipeline) use(do func(p []byte)) *user {
	u := &user{queue: make(chan *buffer, bufferCount), done: make(chan struct{})}
	l.users = append(l.users, u)
	go func() {
		defer close(u.done)
		for b := range u.queue {
			do(b.data)
			l.letGo(b)
		}
	}()
	return u
}

// next returns a buffer to read into; it waits for one if all are in use.
func (l *pipeline) next() *buffer {
	select {
	case b := <-l.free:
		return b
	default:
	}
	if l.made < bufferCount {
		l.made++
		all, ok := l.s.buffers.Get().(*[]byte)
		if !ok {
			b := blob.DirectBuffer(bufferSize)
			all = &b
		}
		return &buffer{all: *all}
	}
	return <-l.free
}

// handOn gives the data of a buffer to all users; it is the caller's no more.
func (l *pipeline) handOn(b *buffer) {
	b.users.Store(int32(len(l.users)) + 1)
	for _, u := range l.users {
		u.queue <- b
	}
	l.letGo(b)
}

func (l *pipeline) letGo(b *buffer) {
	if b.users.Add(-1) == 0 {
		l.free <- b
	}
}

// end says that nothing more is handed on.
func (l *pipeline) end() {
	if l.ended {
		return
	}
	l.ended = true
	for _, u := range l.users {
		close(u.queue)
	}
}

// close waits until the users are done. Buffers that were not handed on are lost.
func (l *pipeline) close() {
	l.end()
	for _, u := range l.users {
		<-u.done
	}
	for {
		select {
		case b := <-l.free:
			l.s.buffers.Put(&b.all)
		default:
			return
		}
	}
}
