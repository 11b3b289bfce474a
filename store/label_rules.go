package store

import (
	"errors"
	"strconv"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/versioning"
)

// Between the rules of labels and kinds of failure, and between headers and their names.

// checkTags refuses tags that an object cannot have.
func checkTags(bucket, key string, tags map[string]string) error {
	return labelError(bucket, key, versioning.CheckObjectTags(tags))
}

// checkDescription refuses headers and metadata that an object cannot have.
func checkDescription(bucket, key string, headers, metadata map[string]string) error {
	if err := labelError(bucket, key, versioning.CheckHeaders(headers)); err != nil {
		return err
	}
	return labelError(bucket, key, versioning.CheckMetadata(metadata))
}

// labelError gives the violation of a rule its kind.
func labelError(bucket, key string, err error) error {
	kind := fault.InvalidArgument
	switch {
	case err == nil:
		return nil
	case errors.Is(err, versioning.RuleTag):
		kind = fault.InvalidTag
	case errors.Is(err, versioning.RuleTagLength):
		kind = fault.TagTooLong
	case errors.Is(err, versioning.RuleTagCount):
		kind = fault.TooManyTags
	case errors.Is(err, versioning.RuleMetadataSize), errors.Is(err, versioning.RuleHeaderSize):
		kind = fault.MetadataTooLarge
	}
	return withFacts(fault.New(kind, "%v", err), err).At(bucket, key)
}

// withFacts adds to a failure what S3 tells of the rule that was broken.
func withFacts(e *fault.Error, err error) *fault.Error {
	var v *versioning.Violation
	if !errors.As(err, &v) {
		return e
	}
	switch e.Kind {
	case fault.InvalidTag, fault.TagTooLong:
		e = e.With("TagKey", v.Key)
		if v.Value != "" {
			e = e.With("TagValue", v.Value)
		}
	case fault.MetadataTooLarge:
		most := versioning.MaxMetadata
		if v.Rule == versioning.RuleHeaderSize {
			most = versioning.MaxHeaders
		}
		e = e.With("Size", strconv.Itoa(v.Size)).With("MaxSizeAllowed", strconv.Itoa(most))
	}
	return e
}

// A headerField is one of the headers that are kept.
type headerField struct {
	name string
	of   func(*record.Headers) *string
}

// headerFields are all of them, by their names in HTTP.
func headerFields() [7]headerField {
	return [...]headerField{
		{"content-type", func(h *record.Headers) *string { return &h.ContentType }},
		{"content-encoding", func(h *record.Headers) *string { return &h.ContentEncoding }},
		{"content-language", func(h *record.Headers) *string { return &h.ContentLanguage }},
		{"content-disposition", func(h *record.Headers) *string { return &h.ContentDisposition }},
		{"cache-control", func(h *record.Headers) *string { return &h.CacheControl }},
		{"expires", func(h *record.Headers) *string { return &h.Expires }},
		{"x-amz-website-redirect-location", func(h *record.Headers) *string { return &h.WebsiteRedirect }},
	}
}

// headerMap is headers by their names.
func headerMap(h *record.Headers) map[string]string {
	if h == nil {
		return nil
	}
	out := map[string]string{}
	for _, f := range headerFields() {
		if v := *f.of(h); v != "" {
			out[f.name] = v
		}
	}
	return out
}

// setHeaders makes m the headers of a version.
func setHeaders(v *record.Version, m map[string]string) error {
	h, known := &record.Headers{}, 0
	for _, f := range headerFields() {
		if value, ok := m[f.name]; ok {
			*f.of(h) = value
			known++
		}
	}
	if known != len(m) {
		return fault.New(fault.InvalidArgument, "one of the headers is not among those that are kept with an object")
	}
	if v.Headers = h; len(headerMap(h)) == 0 {
		v.Headers = nil
	}
	return nil
}
