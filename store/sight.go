package store

import (
	"context"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/internal/meta/table"
)

// What a mount shows is decided as what S3 shows: a name by listing its directory or by what
// may be done to the object of that name, and a directory also by what may be done to
// anything below it: there is no other way to get there. So somebody who may read
// "home/alice/*" alone finds the way to it, and learns that the directories on it exist,
// which is what the policy says anyhow; what else they hold is withheld.

// authorizeList decides over listing a directory, which is what S3 lists with that prefix and
// the delimiter "/".
func (se *Session) authorizeList(act action, bucket, dir string) error {
	if se.unbound(bucket) {
		return nil
	}
	return se.decide(&asked{se: se, act: act, bucket: bucket, key: dir, list: &listAsked{prefix: dir, delimiter: "/"}})
}

// probeList is authorizeList for what the session does not do, see probe.
func (se *Session) probeList(act action, bucket, dir string) error {
	if se.unbound(bucket) {
		return nil
	}
	return se.decide(&asked{se: se, act: act, bucket: bucket, key: dir, quiet: true, list: &listAsked{prefix: dir, delimiter: "/"}})
}

// reaches says whether the session may do act to any object whose key begins with a prefix.
func (se *Session) reaches(act action, bucket, prefix string) (bool, error) {
	a := &asked{se: se, act: act, bucket: bucket, key: prefix}
	u, err := a.uniform()
	if fault.Is(err, fault.AccessDenied) {
		return false, nil
	}
	return u != access.AllDenied, err
}

// changes says whether the session may change anything below a directory.
func (se *Session) changes(bucket, dir string) (bool, error) {
	for _, act := range []action{actPutObject, actDeleteObject} {
		if yes, err := se.reaches(act, bucket, dir); yes || err != nil {
			return yes, err
		}
	}
	return false, nil
}

// isAllowed says whether an error is none, and which it is if it is not a denial.
func isAllowed(err error) (bool, error) {
	if fault.Is(err, fault.AccessDenied) {
		return false, nil
	}
	return err == nil, err
}

// mayEnter says whether the session may know that a directory is there.
func (se *Session) mayEnter(bucket, dir string) (bool, error) {
	if se.unbound(bucket) {
		return true, nil
	}
	if yes, err := isAllowed(se.probeList(actListBucket, bucket, dir)); yes || err != nil {
		return yes, err
	}
	if yes, err := se.reaches(actGetObject, bucket, dir); yes || err != nil {
		return yes, err
	}
	return se.changes(bucket, dir)
}

// authorizeEnter is mayEnter as a failure.
func (se *Session) authorizeEnter(bucket, dir string) error {
	yes, err := se.mayEnter(bucket, dir)
	if yes || err != nil {
		return err
	}
	return se.authorizeList(actListBucket, bucket, dir)
}

// A nameSight is what of a name in a directory a session may know.
type nameSight struct {
	object, dir bool
	// absent is the failure if there is nothing of that name that it may know of; nil: that
	// is what it is told.
	absent error
}

// sees says what of a name in a directory the session may know.
func (se *Session) sees(bucket, dir, segment string) (nameSight, error) {
	if se.unbound(bucket) {
		return nameSight{object: true, dir: true}, nil
	}
	key := dir + segment
	absent := se.probeList(actListBucket, bucket, dir)
	if lists, err := isAllowed(absent); lists || err != nil {
		return nameSight{object: true, dir: true}, err
	}
	var s nameSight
	var err error
	if s.dir, err = se.mayEnter(bucket, key+"/"); err != nil {
		return s, err
	}
	writes := s.dir
	for _, act := range []action{actPutObject, actDeleteObject, actGetObject} {
		may, err := se.may(act, bucket, key)
		if err != nil {
			return s, err
		}
		if may {
			s.object, writes = true, writes || act != actGetObject
			break
		}
	}
	if !writes { // who may make it is told that it can be made
		s.absent = absent
	}
	return s, nil
}

// Rights are what a session may do with what stands under a name of a mount.
type Rights struct {
	Read  bool // a file's content; the names in a directory
	Write bool // a file's content; something below a directory
}

// Rights says what the session may do with a file or, if the key is empty or ends in a slash,
// with a directory, so that a mount promises no more. Whoever may do neither and not know of
// it either is refused.
func (se *Session) Rights(ctx context.Context, p Path) (Rights, error) {
	if se.unbound(p.Bucket) {
		return Rights{true, true}, nil
	}
	if p.isDir() {
		return se.dirRights(p)
	}
	reads, err := se.may(actGetObject, p.Bucket, p.Key)
	if err != nil {
		return Rights{}, err
	}
	writes, err := se.may(actPutObject, p.Bucket, p.Key)
	if err != nil || reads || writes {
		return Rights{reads, writes}, err
	}
	if lists, err := isAllowed(se.probeList(actListBucket, p.Bucket, table.DirOf(p.Key))); lists || err != nil {
		return Rights{}, err
	}
	return Rights{}, se.authorize(actGetObject, p.Bucket, p.Key)
}

func (se *Session) dirRights(p Path) (Rights, error) {
	reads, err := isAllowed(se.probeList(actListBucket, p.Bucket, p.Key))
	if err != nil {
		return Rights{}, err
	}
	writes, err := se.changes(p.Bucket, p.Key)
	if err != nil || reads || writes {
		return Rights{reads, writes}, err
	}
	if enters, err := se.mayEnter(p.Bucket, p.Key); enters || err != nil {
		return Rights{}, err
	}
	return Rights{}, se.authorizeList(actListBucket, p.Bucket, p.Key)
}
