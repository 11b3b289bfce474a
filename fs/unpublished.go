package fs

import (
	"fmt"
	"slices"
	"strings"

	"pail/store/fault"
)

// unpublished are files that could not be published when a mount ended. The store keeps
// them and tries again.
type unpublished struct {
	names []string // BUCKET/KEY
	first error
}

// add takes in what publishing a file has said, also if that is nothing.
func (u *unpublished) add(f openFile, err error) {
	if err == nil {
		return
	}
	if u.first == nil {
		u.first = err
	}
	o := f.Object()
	if name := o.Bucket + "/" + o.Key; !slices.Contains(u.names, name) {
		u.names = append(u.names, name)
	}
}

// most is how many files a sentence names.
const most = 3

func (u *unpublished) err() error {
	if u.first == nil {
		return nil
	}
	slices.Sort(u.names)
	named := strings.Join(u.names[:min(most, len(u.names))], ", ")
	if n := len(u.names) - most; n > 0 {
		named += fmt.Sprintf(" and %d more", n)
	}
	return fault.Wrap(fault.KindOf(u.first), u.first, "not published yet: %s", named)
}
