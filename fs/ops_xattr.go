package fs

import (
	"slices"
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"

	"pail/fs/attrs"
	"pail/store"
	"pail/store/fault"
)

// Extended attributes. ENOSYS would have the kernel stop asking for good, so what is not
// there answers ENODATA, and what cannot be EOPNOTSUPP; the latter is also what ls takes
// to mean that the next file need not be asked about.

// labelXattr is where SELinux keeps its labels. On a mount it keeps none (a policy gives
// all of it one), and ls -l asks for each file until it hears EOPNOTSUPP.
const labelXattr = "security.selinux"

// GetXAttr reads an attribute. It is asked for security.capability before the first write
// to a file, so that has to be cheap.
func (f *filesystem) GetXAttr(_ <-chan struct{}, h *fuse.InHeader, name string, dest []byte) (uint32, fuse.Status) {
	value, err := f.getXattr(h, name)
	if name == labelXattr && fault.Is(err, fault.NoData) {
		err = unsupported()
	}
	if err != nil {
		return 0, f.status("getxattr", err)
	}
	return fill(dest, value)
}

// fill puts a value where the caller wants it, or says how long it is.
func fill(dest, value []byte) (uint32, fuse.Status) {
	if len(dest) > 0 && len(value) > len(dest) {
		return uint32(len(value)), fuse.ERANGE
	}
	copy(dest, value)
	return uint32(len(value)), fuse.OK
}

func (f *filesystem) getXattr(h *fuse.InHeader, name string) ([]byte, error) {
	at := attrs.Parse(name)
	switch at.Kind {
	case attrs.ACL, attrs.Foreign, attrs.Later:
		return nil, unsupported()
	case attrs.Nameless:
		return nil, nameless(name)
	case attrs.Reserved, attrs.Malformed:
		return nil, noAttribute()
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	a, err := f.attributed(h)
	if err != nil {
		return nil, err
	}
	return a.get(at)
}

// ListXAttr lists the attributes that a copy should have.
func (f *filesystem) ListXAttr(_ <-chan struct{}, h *fuse.InHeader, dest []byte) (uint32, fuse.Status) {
	names, err := f.listXattr(h)
	if err != nil {
		return 0, f.status("listxattr", err)
	}
	slices.Sort(names)
	var out []byte
	for _, name := range names {
		out = append(append(out, name...), 0)
	}
	return fill(dest, out)
}

func (f *filesystem) listXattr(h *fuse.InHeader) ([]string, error) {
	f.tree.RLock()
	defer f.tree.RUnlock()
	a, err := f.attributed(h)
	if err != nil {
		return nil, err
	}
	return a.list(h.Uid == 0)
}

// isTrusted says whether an attribute is one that only root may see.
func isTrusted(name string) bool { return strings.HasPrefix(name, "trusted.") }

// SetXAttr sets an attribute.
func (f *filesystem) SetXAttr(_ <-chan struct{}, in *fuse.SetXAttrIn, name string, value []byte) fuse.Status {
	c := xattrChange{Attr: attrs.Parse(name), value: slices.Clone(value)}
	switch in.Flags {
	case unix.XATTR_CREATE:
		c.when = store.Absent
	case unix.XATTR_REPLACE:
		c.when = store.Present
	}
	return f.status("setxattr", f.changeXattr(&in.InHeader, c))
}

// RemoveXAttr removes an attribute.
func (f *filesystem) RemoveXAttr(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	return f.status("removexattr", f.changeXattr(h, xattrChange{Attr: attrs.Parse(name), remove: true}))
}

func (f *filesystem) changeXattr(h *fuse.InHeader, c xattrChange) error {
	defer f.tellPeers()
	if f.readOnly {
		return fault.ReadOnly
	}
	switch c.Kind {
	case attrs.ACL, attrs.Foreign, attrs.Later, attrs.Reserved:
		return unsupported()
	case attrs.Nameless:
		return nameless(c.Name)
	}
	f.tree.RLock()
	defer f.tree.RUnlock()
	a, err := f.attributed(h)
	if err != nil {
		return err
	}
	if err := a.change(c); err != nil {
		return err
	}
	f.peers.changed(f, h.NodeId)
	return nil
}
