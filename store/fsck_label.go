package store

import (
	"pail/store/internal/meta/record"
	"pail/versioning"
)

// checkLabels reports labels of a version that no session would have let in, of a draft's
// or an upload's too. Nothing else says anything about them, so a rule is all there is to
// hold them against.
func (f *fsck) checkLabels(k []byte, v *record.Version) error {
	if v != nil && (v.Owner != "" || v.Acl != nil) {
		if bad := checkRights(v); bad != "" {
			return f.wrong(k, f.soundLabelsAt(k), "%s", bad)
		}
	}
	if v == nil || len(v.Tags) == 0 && len(v.Metadata) == 0 && v.Headers == nil && len(v.Xattrs) == 0 {
		return nil
	}
	if v.Marker || v.Bare {
		return f.wrong(k, f.soundLabelsAt(k), "it has labels and should have none")
	}
	for _, err := range []error{
		versioning.CheckObjectTags(v.Tags), versioning.CheckMetadata(v.Metadata),
		versioning.CheckHeaders(headerMap(v.Headers)), checkXattrs(v.Xattrs),
	} {
		if err != nil {
			return f.wrong(k, f.soundLabelsAt(k), "%v", err)
		}
	}
	return nil
}
