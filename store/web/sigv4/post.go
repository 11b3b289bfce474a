package sigv4

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"io"
	"strconv"
	"strings"
	"time"

	"pail/store/web/apierror"
)

// Sources of this file: sigv4-authentication-HTTPPOST and sigv4-HTTPPOSTForms, and HTTPPOSTForms
// for version 2.

// A Field is one of a browser's form.
type Field struct{ Name, Value string }

// A PostResult is what is known of a verified form.
type PostResult struct {
	// Credential is whose the form is; nil: anonymous.
	Credential *Credential
	Kind       Kind      // Form or Anonymous
	Signed     time.Time // zero if the form does not say it
	// MinSize and MaxSize are how many bytes the policy lets the file have; MaxSize is -1
	// if it does not say it.
	MinSize, MaxSize int64
}

// VerifyPost verifies the fields of a form that was posted to a bucket, those before the file,
// in their order and with ${filename} replaced. A form without any field of a signature is
// anonymous. The policy has to be signed and to hold for all fields; what it says of the
// file's size is for PostResult.Body to verify. Errors are *apierror.Error or those of Lookup.
func (v *Verifier) VerifyPost(ctx context.Context, bucket string, form []Field) (PostResult, error) {
	fields := make(map[string]string)
	for _, f := range form {
		name := strings.ToLower(f.Name)
		if was, twice := fields[name]; twice {
			fields[name] = was + "," + f.Value
		} else {
			fields[name] = f.Value
		}
	}
	fields["bucket"] = bucket // that of the URL, whatever the form says
	if _, ok := fields["key"]; !ok {
		return PostResult{}, missingField("key")
	}
	var err error
	res := PostResult{Kind: Form, MaxSize: -1}
	switch {
	case has(fields, "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature"):
		res.Credential, res.Signed, err = v.postSigner4(ctx, fields)
	case has(fields, "awsaccesskeyid", "signature"):
		res.Credential, err = v.postSigner2(ctx, fields)
	default:
		return PostResult{Kind: Anonymous, MaxSize: -1}, nil
	}
	if err != nil {
		return PostResult{}, err
	}
	p, err := parsePolicy(fields["policy"])
	if err != nil {
		return PostResult{}, err
	}
	res.MinSize, res.MaxSize, err = p.check(v.now(), fields, form)
	if err != nil {
		return PostResult{}, err
	}
	return res, nil
}

// postSigner4 returns who signed the policy with version 4, and when.
func (v *Verifier) postSigner4(ctx context.Context, fields map[string]string) (*Credential, time.Time, error) {
	var none time.Time
	if err := demand(fields, "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature", "Policy"); err != nil {
		return nil, none, err
	}
	switch fields["x-amz-algorithm"] {
	case algorithm:
	case "AWS4-ECDSA-P256-SHA256":
		return nil, none, noECDSA()
	default:
		return nil, none, badField("X-Amz-Algorithm", fields["x-amz-algorithm"], `X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"`)
	}
	a := auth{kind: Form, service: serviceS3, signature: fields["x-amz-signature"], stamp: fields["x-amz-date"]}
	credential := fields["x-amz-credential"]
	// The SDK for .NET puts a slash behind it, which S3 lets pass.
	if err := a.parseCredential(strings.TrimSuffix(credential, "/")); err != nil {
		return nil, none, badField("X-Amz-Credential", credential, "%s", err.Message)
	}
	if a.region != v.Region {
		return nil, none, badField("X-Amz-Credential", credential, "the region '%s' is wrong; expecting '%s'", a.region, v.Region).With("Region", v.Region)
	}
	var err error
	if a.time, err = time.Parse(timeFormat, a.stamp); err != nil {
		return nil, none, badField("X-Amz-Date", a.stamp, "X-Amz-Date must be formated via ISO8601 Long format")
	}
	if err := a.checkDay(); err != nil {
		return nil, none, badField("X-Amz-Credential", credential, "%s", err.Message)
	}
	// A signing key is good for seven days, and so is what it signed.
	if v.now().Sub(a.time) > maxExpires*time.Second {
		return nil, none, notAllowed("Policy expired.")
	}
	cred, err := v.lookup(ctx, a.accessKey, fields["x-amz-security-token"])
	if err != nil {
		return nil, none, err
	}
	text := []byte(fields["policy"])
	key := v.keys.get(a.accessKey, cred.Secret, a.day, a.region, a.service)
	if subtle.ConstantTimeCompare(key.sign(nil, text), []byte(a.signature)) != 1 {
		return nil, none, signatureMismatch(a.accessKey, a.signature, text)
	}
	return &cred, a.time, nil
}

// postSigner2 returns who signed the policy with version 2.
func (v *Verifier) postSigner2(ctx context.Context, fields map[string]string) (*Credential, error) {
	if v.NoV2 {
		return nil, noV2()
	}
	if err := demand(fields, "AWSAccessKeyId", "Signature", "Policy"); err != nil {
		return nil, err
	}
	accessKey, signature := fields["awsaccesskeyid"], fields["signature"]
	cred, err := v.lookup(ctx, accessKey, fields["x-amz-security-token"])
	if err != nil {
		return nil, err
	}
	if text := []byte(fields["policy"]); !fits2(cred.Secret, text, signature) {
		return nil, signatureMismatch(accessKey, signature, text)
	}
	return &cred, nil
}

// has says whether a form has one of the fields.
func has(fields map[string]string, names ...string) bool {
	for _, name := range names {
		if _, ok := fields[name]; ok {
			return true
		}
	}
	return false
}

// demand demands fields; the names are as S3 writes them.
func demand(fields map[string]string, names ...string) error {
	for _, name := range names {
		if _, ok := fields[strings.ToLower(name)]; !ok {
			return missingField(name)
		}
	}
	return nil
}

func missingField(name string) *apierror.Error {
	return badField(name, "", "Bucket POST must contain a field named '%s'.  If it is specified, please check the order of the fields.", name)
}

func badField(name, value, format string, args ...any) *apierror.Error {
	return apierror.New(apierror.InvalidArgument, format, args...).With("ArgumentName", name).With("ArgumentValue", value)
}

// Body returns the file of a form, held to the size that the policy allows: a file that is
// too large or too small ends in an error instead of io.EOF.
func (p *PostResult) Body(file io.Reader) io.Reader {
	if p.MinSize == 0 && p.MaxSize < 0 {
		return file
	}
	return &sizedReader{file: file, least: p.MinSize, most: p.MaxSize}
}

type sizedReader struct {
	file        io.Reader
	least, most int64
	read        int64
	err         error
}

func (s *sizedReader) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.file.Read(p)
	s.read += int64(n)
	switch {
	case s.most >= 0 && s.read > s.most:
		s.err = apierror.New(apierror.EntityTooLarge, "").
			With("ProposedSize", strconv.FormatInt(s.read, 10)).With("MaxSizeAllowed", strconv.FormatInt(s.most, 10))
		return 0, s.err
	case err == io.EOF && s.read < s.least:
		s.err = apierror.New(apierror.EntityTooSmall, "").
			With("ProposedSize", strconv.FormatInt(s.read, 10)).With("MinSizeAllowed", strconv.FormatInt(s.least, 10))
		return 0, s.err
	}
	s.err = err
	return n, err
}

// SignPost returns the fields that sign a policy, which is JSON, with version 4. The policy
// has to have conditions for all of them but the signature and itself.
func SignPost(policy []byte, cred Credential, region string, now time.Time) []Field {
	a := newAuth(Form, cred, region, now)
	encoded := base64.StdEncoding.EncodeToString(policy)
	signature := newSigningKey(cred.Secret, a.day, region, serviceS3).sign(nil, []byte(encoded))
	return []Field{
		{"X-Amz-Algorithm", algorithm}, {"X-Amz-Credential", a.credential()}, {"X-Amz-Date", a.stamp},
		{"Policy", encoded}, {"X-Amz-Signature", string(signature)},
	}
}
