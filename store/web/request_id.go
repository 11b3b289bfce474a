package web

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// An ID is what a request is known by, to its client (x-amz-request-id and the
// RequestId of an error), in the log and in the trail: 16 upper-case hexadecimal digits,
// as AWS has them.
type ID uint64

type idKey struct{}

// NewID makes up the id of a request.
func NewID() ID { return ID(rand.Uint64()) }

// String is the id as clients see it.
func (id ID) String() string { return fmt.Sprintf("%016X", uint64(id)) }

// HostID is what AWS calls the extended request id (x-amz-id-2). It says nothing that
// the id does not, but clients show both.
func (id ID) HostID() string {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(id))
	return base64.StdEncoding.EncodeToString(b[:])
}

// WithID returns a context that carries the id of a request.
func WithID(ctx context.Context, id ID) context.Context { return context.WithValue(ctx, idKey{}, id) }

// IDOf returns the id of the request whose context it is; a new one if it has none.
func IDOf(ctx context.Context) ID {
	if id, ok := ctx.Value(idKey{}).(ID); ok {
		return id
	}
	return NewID()
}
