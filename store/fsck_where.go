package store

import (
	"fmt"

	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// How problems name what they are about.

// object is BUCKET/KEY.
func (f *fsck) object(bucket uint64, key string) string {
	return f.bucketTitle(bucket) + "/" + key
}

func (f *fsck) bucketTitle(id uint64) string {
	if b := f.buckets[id]; b != nil {
		return b.Name
	}
	return fmt.Sprintf("(bucket %d)", id)
}

// version is BUCKET/KEY and which version of it.
func (f *fsck) version(bucket uint64, key string, v *record.Version) string {
	return fmt.Sprintf("%s version %s", f.object(bucket, key), versionID(v))
}

// recordTitle names a record by its key. It must take anything: keys may be damaged.
func (f *fsck) recordTitle(k []byte) string {
	t, ok := tableOf(k)
	if !ok {
		return fmt.Sprintf("record %q", k)
	}
	if name := t.title(f, k); name != "" {
		return t.what + " of " + name
	}
	return fmt.Sprintf("%s %q", t.what, k[1:])
}

func titleName(_ *fsck, k []byte) string { return string(k[1:]) }

func titleNumber(_ *fsck, k []byte) string {
	if len(k) < 9 {
		return ""
	}
	return fmt.Sprint(table.SplitBucket(k))
}

func titleKey(f *fsck, k []byte) string {
	if len(k) < 9 {
		return ""
	}
	return f.object(table.SplitBucket(k), table.SplitKey(k))
}

// titleConfig names a bucket's configuration.
func titleConfig(f *fsck, k []byte) string {
	_, bucket, _, err := table.SplitConfig(k)
	if err != nil {
		return ""
	}
	if b := f.buckets[bucket]; b != nil {
		return b.Name
	}
	return fmt.Sprint(bucket)
}

// titleSplit names records whose keys hold an escaped string.
func titleSplit(split func(k []byte) (string, error)) func(*fsck, []byte) string {
	return func(f *fsck, k []byte) string {
		if len(k) < 9 {
			return ""
		}
		key, err := split(k)
		if err != nil {
			return ""
		}
		return f.object(table.SplitBucket(k), key)
	}
}

func dropNumber(split func(k []byte) (string, uint64, error)) func(k []byte) (string, error) {
	return func(k []byte) (string, error) {
		s, _, err := split(k)
		return s, err
	}
}
