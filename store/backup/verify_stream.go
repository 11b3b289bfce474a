package backup

import (
	"context"
	"io"
)

// VerifyStream reads a stream to its end and says what it holds. Damaged if it is not
// whole, NewerFormat if a newer program wrote it.
func VerifyStream(ctx context.Context, in io.Reader, what string, far func(Far)) (Snapshot, error) {
	v := &streamVerifier{far: far}
	err := Decode(ctx, in, what, v)
	return v.s, err
}
