package record

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
)

// Schema is the number that this program writes into each record.
const Schema = 1

// ErrNewer says that a record was written by a newer Pail.
var ErrNewer = errors.New("the record was written by a newer Pail")

// ErrDamaged says that the bytes are not the record they stand for.
var ErrDamaged = errors.New("the record is damaged")

// A Record is any message of this package that stands under a key of its own.
type Record interface {
	proto.Message
	GetSchema() uint32
}

// Unmarshal parses b into m and checks its schema number.
func Unmarshal(b []byte, m Record) error {
	if err := proto.Unmarshal(b, m); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	switch n := m.GetSchema(); {
	case n == 0:
		return ErrDamaged
	case n > Schema:
		return fmt.Errorf("%w (schema %d, this program knows %d)", ErrNewer, n, Schema)
	}
	return nil
}

// Marshal returns the bytes of m.
func Marshal(m Record) ([]byte, error) { return proto.Marshal(m) }
