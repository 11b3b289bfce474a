package s3api

import (
	"crypto/md5"
	"net/http"
	"strings"

	"pail/store"
	"pail/store/checksum"
	"pail/store/fault"
	"pail/store/web/apierror"
)

// Checksums in headers and trailers
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html).

const checksumPrefix = "X-Amz-Checksum-"

// notValues are the headers that begin like those of checksums and are none.
var notValues = set(checksumPrefix+"Algorithm", checksumPrefix+"Mode", checksumPrefix+"Type")

// checksumHeader is the checksum that a request has in a header: its algorithm, None if there
// is none, and its text.
func (c *call) checksumHeader() (a checksum.Algorithm, text string, err error) {
	for name, values := range c.r.Header {
		if !strings.HasPrefix(name, checksumPrefix) || notValues[name] {
			continue
		}
		named, ok := checksum.ParseHeader(name)
		switch {
		case !ok:
			return a, "", apierror.New(apierror.InvalidRequest, "The algorithm type you specified in x-amz-checksum- header is invalid.")
		case a != checksum.None, len(values) > 1:
			return a, "", severalChecksums()
		}
		a, text = named, values[0]
	}
	return a, text, nil
}

func severalChecksums() error {
	return apierror.New(apierror.InvalidRequest, "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
}

func invalidChecksum(a checksum.Algorithm, where string) error {
	return apierror.New(apierror.InvalidRequest, "Value for %s %s is invalid.", a.Header(), where)
}

// checksumTrailer is the algorithm whose value the request announces to stand behind its
// body, None if it announces none.
func (c *call) checksumTrailer() (a checksum.Algorithm, err error) {
	for _, list := range c.r.Header["X-Amz-Trailer"] {
		for name := range strings.SplitSeq(list, ",") {
			named, ok := checksum.ParseHeader(strings.TrimSpace(name))
			switch {
			case !ok:
				return a, apierror.New(apierror.InvalidRequest, "The value specified in the x-amz-trailer header is not supported")
			case a != checksum.None:
				return a, severalChecksums()
			}
			a = named
		}
	}
	return a, nil
}

// sums is what a request says of the bytes that it brings.
func (c *call) sums() (s store.Sums, err error) {
	if s.MD5, err = c.contentMD5(); err != nil {
		return s, err
	}
	a, text, err := c.checksumHeader()
	if err != nil {
		return s, err
	}
	late, err := c.checksumTrailer()
	switch {
	case err != nil:
		return s, err
	case a != checksum.None && late != checksum.None:
		return s, severalChecksums()
	case a != checksum.None:
		s.Algorithm = a
		if s.Value, err = a.Decode(text); err != nil {
			return s, invalidChecksum(a, "header")
		}
	case late != checksum.None:
		s.Algorithm, s.Late = late, func() ([]byte, error) { return c.trailingSum(late) }
	}
	return s, c.checkSDKAlgorithm(s.Algorithm)
}

// trailingSum is the checksum behind the body.
func (c *call) trailingSum(a checksum.Algorithm) ([]byte, error) {
	text := c.r.Trailer().Get(a.Header())
	if text == "" {
		return nil, apierror.New(apierror.MalformedTrailer, "")
	}
	value, err := a.Decode(text)
	if err != nil {
		return nil, invalidChecksum(a, "trailing header")
	}
	return value, nil
}

// checkSDKAlgorithm compares the algorithm that SDKs name with the one that there is a
// checksum of.
func (c *call) checkSDKAlgorithm(a checksum.Algorithm) error {
	v := c.r.Header.Get("x-amz-sdk-checksum-algorithm")
	if v == "" {
		return nil
	}
	named, ok := checksum.Parse(v)
	switch {
	case !ok:
		return unknownAlgorithm()
	case a == checksum.None:
		return apierror.New(apierror.InvalidRequest, "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
	case named != a:
		return apierror.New(apierror.InvalidRequest, "Value for x-amz-sdk-checksum-algorithm header is invalid.")
	}
	return nil
}

func unknownAlgorithm() error {
	names := make([]string, 0, 10)
	for _, a := range checksum.Algorithms() {
		names = append(names, a.String())
	}
	return apierror.New(apierror.InvalidRequest, "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [%s]", strings.Join(names, ", "))
}

// wantedAlgorithm is the algorithm that a request asks for in x-amz-checksum-algorithm, None
// if it does not ask.
func (c *call) wantedAlgorithm() (checksum.Algorithm, error) {
	v := c.r.Header.Get("x-amz-checksum-algorithm")
	if v == "" {
		return checksum.None, nil
	}
	a, ok := checksum.Parse(v)
	if !ok {
		return a, unknownAlgorithm()
	}
	return a, nil
}

// wantedType is the type of checksum that a request names, Unknown if it names none.
func (c *call) wantedType() (checksum.Type, error) {
	v := c.r.Header.Get("x-amz-checksum-type")
	if v == "" {
		return checksum.Unknown, nil
	}
	t, ok := checksum.ParseType(strings.ToUpper(v))
	if !ok {
		return t, apierror.New(apierror.InvalidRequest, "Value for x-amz-checksum-type header is invalid.")
	}
	return t, nil
}

// checksumHeaders puts the checksums of an object into the headers of an answer.
func checksumHeaders(h http.Header, o store.Object) {
	for name, value := range o.Checksums {
		h.Set("x-amz-checksum-"+name, value)
	}
	if o.ChecksumType != checksum.Unknown {
		h["X-Amz-Checksum-Type"] = []string{o.ChecksumType.String()}
	}
}

// checksumElements writes checksums into a document, in the order of AWS's lists.
func checksumElements(x *xmlWriter, values map[string]string) {
	if len(values) == 0 {
		return
	}
	for _, a := range checksum.Algorithms() {
		x.optional(a.Element(), values[a.Lower()])
	}
}

// checkSums compares a body that is no object with what the request says of it. need says
// that it has to say something, as S3 demands of some operations.
func (c *call) checkSums(data []byte, need bool) error {
	s, err := c.sums()
	if err != nil {
		return err
	}
	if need && s.MD5 == nil && s.Algorithm == checksum.None {
		return apierror.New(apierror.InvalidRequest, "Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	if got := md5.Sum(data); s.MD5 != nil && string(got[:]) != string(s.MD5) {
		return store.BadMD5(s.MD5, got[:])
	}
	if s.Algorithm == checksum.None {
		return nil
	}
	want := s.Value
	if s.Late != nil {
		if want, err = s.Late(); err != nil {
			return err
		}
	}
	if string(s.Algorithm.Sum(data)) != string(want) {
		return fault.New(fault.BadDigest, "The %v you specified did not match the calculated checksum.", s.Algorithm)
	}
	return nil
}
