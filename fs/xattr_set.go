package fs

import (
	"strings"

	"pail/fs/attrs"
	"pail/store"
	"pail/store/fault"
	"pail/versioning"
)

// An xattrChange is a request to set or remove an attribute.
type xattrChange struct {
	attrs.Attr
	value  []byte
	remove bool
	when   store.Presence
}

// change sets or removes an attribute.
func (a *attributed) change(c xattrChange) error {
	switch {
	case isLock(c.Kind) && !a.none:
		return a.changeLock(c)
	case isAccess(c.Kind) && !a.none:
		return a.changeAccess(c)
	case a.old:
		return readOnlyPast()
	case a.none:
		return fault.New(fault.NotPermitted, "this directory has no attributes of its own")
	case c.Kind == attrs.Plain:
		return a.se.ChangeXattr(a.f.ctx, a.node, store.XattrChange{Name: c.Name, Value: c.value, Remove: c.remove, When: c.when})
	case c.Kind.ReadOnly(), c.Kind == attrs.Encryption && a.bucket == "":
		return fault.New(fault.NotPermitted, "%s%s can only be read", attrs.Prefix, c.Name)
	case c.Kind == attrs.Malformed:
		if c.remove {
			return noAttribute()
		}
		return fault.New(fault.InvalidArgument, "%s%s cannot be the name of an attribute; metadata names are lower case", attrs.Prefix, c.Name)
	case a.bucket != "":
		return a.changeBucket(c)
	}
	switch c.Kind {
	case attrs.Tag, attrs.AllTags:
		t, err := c.text()
		if err != nil {
			return err
		}
		return a.se.ChangeTags(a.f.ctx, a.node, t)
	case attrs.Header, attrs.Meta, attrs.AllMeta:
		t, err := c.text()
		if err != nil {
			return err
		}
		if c.Kind != attrs.Header {
			if t, err = a.besideEnvelope(t); err != nil {
				return err
			}
		}
		d := store.DescriptionChange{Metadata: t}
		if c.Kind == attrs.Header {
			if !c.remove && len(c.value) == 0 {
				return fault.New(fault.InvalidArgument, "a header that is empty is not there; remove it instead")
			}
			d = store.DescriptionChange{Headers: t}
		}
		return a.se.ChangeDescription(a.f.ctx, a.node, d)
	}
	return unsupported()
}

// changeBucket changes an attribute of a bucket's directory, which is the bucket's.
func (a *attributed) changeBucket(c xattrChange) error {
	switch c.Kind {
	case attrs.AllTags:
		t, err := c.text()
		if err != nil {
			return err
		}
		return a.se.ChangeBucketTags(a.f.ctx, a.bucket, t)
	case attrs.Versioning:
		switch {
		case c.when == store.Absent:
			return fault.New(fault.Exists, "a bucket always has it")
		case c.remove:
			return fault.New(fault.NotPermitted, "versioning cannot be removed; it can be suspended")
		}
		var to versioning.State
		if err := to.UnmarshalText(c.value); err != nil {
			return fault.Wrap(fault.InvalidArgument, err, "bucket %s", a.bucket)
		}
		return a.se.SetVersioning(a.f.ctx, a.bucket, to)
	case attrs.Encryption:
		return a.changeEncryption(c)
	}
	return unsupported()
}

// changeEncryption says how a bucket encrypts, and leaves what else is configured of its
// encryption; removing the attribute removes all of it.
func (a *attributed) changeEncryption(c xattrChange) error {
	e, err := a.se.BucketEncryption(a.f.ctx, a.bucket)
	unseen := fault.Is(err, fault.AccessDenied) && c.when == store.Whichever // to change it is another right
	if err != nil && !unseen && !fault.Is(err, fault.NoSuchEncryption) {
		return err
	}
	switch there := e.Mode != ""; {
	case c.when == store.Absent && there:
		return fault.New(fault.Exists, "there is one already")
	case !there && !unseen && (c.remove || c.when == store.Present):
		return noAttribute()
	case c.remove:
		return a.se.DeleteBucketEncryption(a.f.ctx, a.bucket)
	}
	e.Mode, e.KMSKey, _ = strings.Cut(string(c.value), " ") // as Encryption.String has it
	if e.Mode == "" {
		return fault.New(fault.InvalidArgument, "bucket %s: no encryption is said by removing the attribute", a.bucket)
	}
	return a.se.SetBucketEncryption(a.f.ctx, a.bucket, e)
}

// text is the change of names and values that a change of one attribute, or of the one
// that holds all, amounts to.
func (c xattrChange) text() (store.TextChange, error) {
	all := c.Kind == attrs.AllTags || c.Kind == attrs.AllMeta
	switch {
	case all && c.remove:
		return store.TextChange{All: true, When: store.Present}, nil
	case c.remove:
		return store.TextChange{Remove: []string{c.Name}}, nil
	case !all:
		return store.TextChange{Set: map[string]string{c.Name: string(c.value)}, When: c.when}, nil
	}
	m, err := attrs.ParseMap(c.value)
	if err != nil {
		return store.TextChange{}, fault.Wrap(fault.InvalidArgument, err, "%s%s", attrs.Prefix, c.Name)
	}
	return store.TextChange{Set: m, All: true, When: c.when}, nil
}
