package store

// authorizeCopy decides over a copy: to take the tags of its source along, or to give it
// others, are actions of their own ("CopyObject" of the API Reference).
func (se *Session) authorizeCopy(src Source, bucket, key string, in CopyInput) error {
	from := se.reading(src)
	if err := from.authorizeVersion(readAction(src.Version, actGetObject, actGetObjectVersion), src.Bucket, src.Key, src.Version); err != nil {
		return err
	}
	if se.unbound(bucket) && from.unbound(src.Bucket) {
		return nil
	}
	say := func(a *asked) {
		a.says(PutInput{ACL: in.ACL, StorageClass: in.StorageClass, Headers: in.Headers, Conditions: in.Conditions, Lock: in.Lock, Encryption: in.Encryption})
		a.tags, a.tagged = in.Tags, in.ReplaceTags
		if a.puts().directive = "COPY"; in.ReplaceMetadata {
			a.puts().directive = "REPLACE"
		}
		a.puts().copySource = src.name()
	}
	if err := se.authorizeFor(actPutObject, bucket, key, say); err != nil {
		return err
	}
	if err := se.authorizeMatch(bucket, key, in.Conditions); err != nil {
		return err
	}
	tags := in.Tags
	if !in.ReplaceTags {
		var err error
		if tags, err = from.copiedTags(src); err != nil {
			return err
		}
	}
	return se.authorizeGiven(bucket, key, in.ACL, tags, say)
}

// copiedTags are the tags that a copy takes along, if the caller may read them.
func (se *Session) copiedTags(src Source) (map[string]string, error) {
	a := &asked{se: se, bucket: src.Bucket, key: src.Key, version: src.Version}
	if a.rec, _ = se.s.buckets.ruled(src.Bucket); a.rec == nil {
		return nil, nil // as will be said
	}
	v, err := a.object()
	if err != nil || len(v.GetTags()) == 0 {
		return nil, err
	}
	return v.Tags, se.authorizeVersion(readAction(src.Version, actGetObjectTagging, actGetObjectVersionTagging), src.Bucket, src.Key, src.Version)
}

// name is how a request names a source, as s3:x-amz-copy-source has it.
func (src Source) name() string {
	if src.AccessPoint != "" {
		return src.AccessPoint + "/object/" + src.Key
	}
	return src.Bucket + "/" + src.Key
}
