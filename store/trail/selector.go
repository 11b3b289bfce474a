package trail

import (
	"fmt"
	"strings"
)

// A Which says which events of a category a trail has.
type Which uint32

// Their numbers are kept and never change.
const (
	None  Which = 0
	All   Which = 1
	Read  Which = 2 // those that change nothing
	Write Which = 3
)

var whichNames = [...]string{"none", "all", "read", "write"}

// String is how people write it.
func (w Which) String() string {
	if int(w) < len(whichNames) {
		return whichNames[w]
	}
	return "unknown"
}

// ParseWhich reads what String writes.
func ParseWhich(s string) (Which, error) {
	for i, name := range whichNames {
		if s == name {
			return Which(i), nil
		}
	}
	return None, fmt.Errorf("%q is none of all, read, write and none", s)
}

func (w Which) has(readOnly bool) bool {
	return w == All || w == Read && readOnly || w == Write && !readOnly
}

// maxPrefixes is how many resources the event selectors of a trail of AWS may name.
const maxPrefixes = 250

// A Selector says which events a trail has. It must not be changed while it is in use.
type Selector struct {
	Management Which
	Data       Which
	// Prefixes are those of the ARNs of the objects whose data events it has, for example
	// "arn:aws:s3:::photos/2026/"; none: those of all objects.
	Prefixes []string
}

// Check says what is wrong with a selector.
func (s Selector) Check() error {
	if int(s.Management) >= len(whichNames) || int(s.Data) >= len(whichNames) {
		return fmt.Errorf("events are selected by all, read, write or none")
	}
	if s.Management == None && s.Data == None {
		return fmt.Errorf("a trail must have management events or data events")
	}
	if len(s.Prefixes) > maxPrefixes {
		return fmt.Errorf("a trail selects at most %d prefixes", maxPrefixes)
	}
	for _, p := range s.Prefixes {
		if rest, ok := strings.CutPrefix(p, "arn:aws:s3:::"); ok && (rest == "" || strings.Contains(rest, "/")) {
			continue
		}
		return fmt.Errorf("%q is no prefix of ARNs of objects; write it as arn:aws:s3:::BUCKET/ or arn:aws:s3:::BUCKET/PREFIX", p)
	}
	return nil
}

// Has says whether a trail has the event of an operation of some kind on a bucket and keys,
// of which "" stand for none.
func (s *Selector) Has(k Kind, bucket string, keys ...string) bool {
	if !k.Data {
		return s.Management.has(k.ReadOnly)
	}
	if !s.Data.has(k.ReadOnly) {
		return false
	}
	if len(s.Prefixes) == 0 {
		return true
	}
	for i, key := range keys {
		if i > 0 && key == "" {
			continue
		}
		for _, p := range s.Prefixes {
			if hasPrefix(p, bucket, key) {
				return true
			}
		}
	}
	return false
}

// hasPrefix is strings.HasPrefix(ARN(bucket, key), p), and makes no string.
func hasPrefix(p, bucket, key string) bool {
	p = strings.TrimPrefix(p, "arn:aws:s3:::")
	name, rest, whole := strings.Cut(p, "/")
	if !whole {
		return name == "" // of all buckets
	}
	return name == bucket && strings.HasPrefix(key, rest)
}
