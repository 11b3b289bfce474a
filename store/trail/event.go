package trail

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Version is the eventVersion of the records.
const Version = "1.11"

// TimeFormat is how records and digests write times, in UTC.
const TimeFormat = "2006-01-02T15:04:05Z"

// The services whose events there are.
const (
	SourceS3   = "s3.amazonaws.com"
	SourceIAM  = "iam.amazonaws.com"
	SourceSTS  = "sts.amazonaws.com"
	SourceKMS  = "kms.amazonaws.com"
	SourcePail = "pail.amazonaws.com" // what AWS has no like of

	SourceCloudTrail = "cloudtrail.amazonaws.com"
)

// An Identity is who did something: the userIdentity of a record.
type Identity struct {
	Type        string // Root, IAMUser, AssumedRole, AWSAccount, AWSService
	PrincipalID string
	ARN         string
	Account     string
	AccessKey   string
	UserName    string
	InvokedBy   string // of a service: its name
	Via         string // the service that has asked on behalf of who this is; "": none
	// Issuer is the role that somebody has assumed; the zero Issuer: none.
	Issuer Issuer
	// Issued is when temporary credentials were given; zero: they are not temporary.
	Issued time.Time
	MFA    bool // with a code of an MFA device
	Source string
}

// An Issuer is the identity that temporary credentials are of.
type Issuer struct{ Type, PrincipalID, ARN, Account, UserName string }

// A Field is one member of an object of a record.
type Field struct {
	Name  string
	Value any // string, int64, uint32, float64, bool, []any, or []Field: an object
}

// A Resource is what an act is about, besides a bucket and its objects.
type Resource struct{ Account, Type, ARN string }

// A TLS is what is known of the connection that a request came by.
type TLS struct{ Version, Cipher, Host string }

// An Event is one act. Strings may be any: what is not UTF-8 is replaced.
type Event struct {
	ID        string // see NewID
	Time      time.Time
	Source    string
	Name      string
	Region    string
	Account   string // whose trail it is for: recipientAccountId
	Who       Identity
	SourceIP  string
	UserAgent string
	RequestID string
	// Bucket and Key are what the act is about, "" if it is about none; Other is a second key
	// of it, as a rename has. Prefix says that the act is about all keys that begin so.
	Bucket, Key, Other string
	Prefix             bool
	Owner              string // account of the bucket, "" if that is not known
	// AccessPoint is the ARN of the access point that the act is about, or came through; "": of
	// none.
	AccessPoint string
	// Resources are what else the act is about.
	Resources []Resource
	// Parameters are those of the request but for bucketName and key; Response is what was
	// answered, nil: nothing that a record tells; Additional is what else there is.
	Parameters, Response, Additional []Field
	ErrorCode, ErrorMessage          string
	ReadOnly                         bool
	Data                             bool // a data event; else a management event
	Service                          bool // Pail itself did it, as lifecycles do
	TLS                              TLS
}

// NewID makes up the eventID of a record: a random UUID.
func NewID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	s := make([]byte, 0, 36)
	for i, n := range []int{4, 2, 2, 2, 6} {
		if i > 0 {
			s = append(s, '-')
		}
		at := []int{0, 4, 6, 8, 10}[i]
		s = hex.AppendEncode(s, b[at:at+n])
	}
	return string(s)
}

// Limits of what a record repeats of a request, in bytes: the sizes that CloudTrail truncates
// fields at ("CloudTrail record contents").
const (
	maxUserAgent    = 1 << 10
	maxErrorMessage = 1 << 10
	maxParameters   = 100 << 10
)

// AppendJSON appends the record of e: one line, in the order in which CloudTrail has the
// fields.
func (e *Event) AppendJSON(b []byte) []byte {
	w := writer{b: b}
	w.open()
	w.text("eventVersion", Version)
	w.identity(&e.Who)
	w.text("eventTime", e.Time.UTC().Format(TimeFormat))
	w.text("eventSource", e.Source)
	w.text("eventName", e.Name)
	w.text("awsRegion", e.Region)
	w.text("sourceIPAddress", e.SourceIP)
	w.text("userAgent", cut(e.UserAgent, maxUserAgent))
	w.some("errorCode", e.ErrorCode)
	w.some("errorMessage", cut(e.ErrorMessage, maxErrorMessage))
	w.parameters(e)
	w.fields("responseElements", e.Response)
	if len(e.Additional) > 0 {
		w.fields("additionalEventData", e.Additional)
	}
	w.some("requestID", e.RequestID)
	w.text("eventID", e.ID)
	w.flag("readOnly", e.ReadOnly)
	w.resources(e)
	typ, category := "AwsApiCall", "Management"
	if e.Service {
		typ = "AwsServiceEvent"
	}
	if e.Data {
		category = "Data"
	}
	w.text("eventType", typ)
	w.flag("managementEvent", !e.Data)
	w.text("recipientAccountId", e.Account)
	w.text("eventCategory", category)
	if e.TLS != (TLS{}) {
		w.name("tlsDetails")
		w.open()
		w.text("tlsVersion", e.TLS.Version)
		w.text("cipherSuite", e.TLS.Cipher)
		w.some("clientProvidedHostHeader", e.TLS.Host)
		w.shut()
	}
	w.shut()
	return w.b
}

// A writer writes one JSON object after another.
type writer struct {
	b     []byte
	first bool // nothing stands in the innermost object yet
}

func (w *writer) open() { w.b, w.first = append(w.b, '{'), true }
func (w *writer) shut() { w.b, w.first = append(w.b, '}'), false }

func (w *writer) comma() {
	if !w.first {
		w.b = append(w.b, ',')
	}
	w.first = false
}

func (w *writer) name(name string) {
	w.comma()
	w.b = append(appendQuoted(w.b, name), ':')
}

func (w *writer) text(name, value string) {
	w.name(name)
	w.b = appendQuoted(w.b, value)
}

// some is text of what may be missing.
func (w *writer) some(name, value string) {
	if value != "" {
		w.text(name, value)
	}
}

func (w *writer) flag(name string, value bool) {
	w.name(name)
	w.b = strconv.AppendBool(w.b, value)
}

func (w *writer) value(v any) {
	switch v := v.(type) {
	case string:
		w.b = appendQuoted(w.b, v)
	case bool:
		w.b = strconv.AppendBool(w.b, v)
	case int64:
		w.b = strconv.AppendInt(w.b, v, 10)
	case uint32:
		w.b = strconv.AppendUint(w.b, uint64(v), 10)
	case float64:
		w.b = strconv.AppendFloat(w.b, v, 'f', -1, 64)
	case []any:
		w.b, w.first = append(w.b, '['), true
		for _, item := range v {
			w.comma()
			w.value(item)
		}
		w.b, w.first = append(w.b, ']'), false
	case []Field:
		w.open()
		for _, f := range v {
			w.name(f.Name)
			w.value(f.Value)
		}
		w.shut()
	default:
		w.b = append(w.b, "null"...)
	}
}

// fields writes an object, null if there is none.
func (w *writer) fields(name string, fields []Field) {
	w.name(name)
	if fields == nil {
		w.b = append(w.b, "null"...)
		return
	}
	w.open()
	for _, f := range fields {
		w.name(f.Name)
		w.value(f.Value)
	}
	w.shut()
}

func (w *writer) identity(i *Identity) {
	w.name("userIdentity")
	w.open()
	w.text("type", i.Type)
	if i.InvokedBy != "" {
		w.text("invokedBy", i.InvokedBy)
		w.shut()
		return
	}
	w.text("principalId", i.PrincipalID)
	w.some("arn", i.ARN)
	w.text("accountId", i.Account)
	w.some("accessKeyId", i.AccessKey)
	w.some("userName", i.UserName)
	w.some("invokedBy", i.Via)
	if !i.Issued.IsZero() {
		w.name("sessionContext")
		w.open()
		if i.Issuer != (Issuer{}) {
			w.name("sessionIssuer")
			w.open()
			w.text("type", i.Issuer.Type)
			w.text("principalId", i.Issuer.PrincipalID)
			w.text("arn", i.Issuer.ARN)
			w.text("accountId", i.Issuer.Account)
			w.text("userName", i.Issuer.UserName)
			w.shut()
		}
		w.some("sourceIdentity", i.Source)
		w.name("attributes")
		w.open()
		w.text("creationDate", i.Issued.UTC().Format(TimeFormat))
		w.text("mfaAuthenticated", strconv.FormatBool(i.MFA))
		w.shut()
		w.shut()
	}
	w.shut()
}

// parameters writes what was asked for. What is more than CloudTrail keeps is left out, and
// the record says so.
func (w *writer) parameters(e *Event) {
	w.name("requestParameters")
	if e.Bucket == "" && len(e.Parameters) == 0 {
		w.b = append(w.b, "null"...)
		return
	}
	begun := len(w.b)
	w.open()
	w.some("bucketName", e.Bucket)
	if !e.Prefix {
		w.some("key", e.Key)
	}
	for _, f := range e.Parameters {
		if len(w.b)-begun > maxParameters {
			w.flag("omitted", true)
			break
		}
		w.name(f.Name)
		if s, ok := f.Value.(string); ok {
			f.Value = cut(s, maxParameters-(len(w.b)-begun))
		}
		w.value(f.Value)
	}
	w.shut()
}

// resources writes which objects and buckets the act is about.
func (w *writer) resources(e *Event) {
	if e.Bucket == "" && e.AccessPoint == "" && len(e.Resources) == 0 {
		return
	}
	w.name("resources")
	w.b, w.first = append(w.b, '['), true
	defer func() { w.b, w.first = append(w.b, ']'), false }()
	if e.AccessPoint != "" {
		defer w.accessPoint(e.AccessPoint)
	}
	for _, r := range e.Resources {
		w.comma()
		w.open()
		w.some("accountId", r.Account)
		w.text("type", r.Type)
		w.text("ARN", r.ARN)
		w.shut()
	}
	if e.Bucket == "" {
		return
	}
	if e.Data && e.Key == "" {
		w.comma()
		w.open()
		w.text("type", "AWS::S3::Object")
		w.text("ARNPrefix", ARN(e.Bucket, ""))
		w.shut()
	}
	for _, key := range []string{e.Key, e.Other} {
		if key == "" {
			continue
		}
		w.comma()
		w.open()
		w.text("type", "AWS::S3::Object")
		w.text(map[bool]string{false: "ARN", true: "ARNPrefix"}[e.Prefix], ARN(e.Bucket, key))
		w.shut()
	}
	w.comma()
	w.open()
	w.some("accountId", e.Owner)
	w.text("type", "AWS::S3::Bucket")
	w.text("ARN", "arn:aws:s3:::"+e.Bucket)
	w.shut()
}

// accessPoint writes an access point as one more resource, as CloudTrail does behind the others
// ("Monitoring and logging access points" of the Amazon S3 User Guide).
func (w *writer) accessPoint(arn string) {
	w.comma()
	w.open()
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		w.text("accountId", parts[4])
	}
	w.text("type", "AWS::S3::AccessPoint")
	w.text("ARN", arn)
	w.shut()
}

// ARN is the name of an object; of a bucket's objects at large if key is "".
func ARN(bucket, key string) string { return "arn:aws:s3:::" + bucket + "/" + key }

// cut is the beginning of s, at most so many bytes and whole characters.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	most = max(most, 0)
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends s as a JSON string.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	plain := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			// The separators of lines end one in what reads JSON as JavaScript.
			if r != '\u2028' && r != '\u2029' && (r != utf8.RuneError || n != 1) {
				i += n
				continue
			}
			b = append(b, s[plain:i]...)
			if r == utf8.RuneError {
				b = append(b, "\ufffd"...)
			} else {
				b = append(b, `\u202`...)
				b = append(b, hexDigits[r&0xf])
			}
			i += n
			plain = i
			continue
		}
		b = append(b, s[plain:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, `\n`...)
		case '\r':
			b = append(b, `\r`...)
		case '\t':
			b = append(b, `\t`...)
		default:
			b = append(b, `\u00`...)
			b = append(b, hexDigits[c>>4], hexDigits[c&0xf])
		}
		i++
		plain = i
	}
	return append(append(b, s[plain:]...), '"')
}
