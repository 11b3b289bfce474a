package trail

import (
	"strconv"
	"strings"
	"time"
)

// An AccessRecord is what one line of a server access log tells, in the order of its fields
// ("Amazon S3 server access log format" in the Amazon S3 User Guide). What is empty, and a
// number that says so, is "-" in the line.
type AccessRecord struct {
	Owner      string    // canonical id of the owner of the bucket
	Bucket     string    // that the request was about
	Time       time.Time // when it arrived
	RemoteIP   string
	Requester  string // canonical id of a root, ARN of everybody else; "": anonymous
	RequestID  string
	Operation  string // as LogOperation names it
	Key        string // as it is; the line has it URL-encoded
	RequestURI string // first line of the HTTP request; "": there was none
	Status     int    // of HTTP; 0: there was none
	ErrorCode  string
	BytesSent  int64         // of the body of the answer; 0: none
	ObjectSize int64         // in bytes; less than 0: of no object
	Total      time.Duration // until the answer was sent; less than 0: not known
	TurnAround time.Duration // from the end of the request to the beginning of the answer; likewise
	Referer    string
	UserAgent  string
	VersionID  string // that the request names
	HostID     string
	Signature  string // SigV2 or SigV4
	Cipher     string // as OpenSSL names it, see CipherName
	AuthType   string // AuthHeader or QueryString
	Host       string // the header
	TLS        string // TLSv1.2
	// AccessPoint is the ARN of the access point that the request came through.
	AccessPoint string
	ACLRequired bool // no policy allowed it, but an ACL
}

// logTime is the form of times, as strftime has it [%d/%b/%Y:%H:%M:%S %z].
const logTime = "[02/Jan/2006:15:04:05 +0000]"

// AppendLine appends the record as a line, without an end. No value makes more of it than one
// line, or other fields than its own: in quoted fields quotation marks are percent-encoded,
// which AWS leaves as they are, and what is no printable ASCII.
//
// The last field is the AWS Region from which the request came, which no request has here.
func (r *AccessRecord) AppendLine(b []byte) []byte {
	asked := r.RequestURI != ""
	b = appendField(b, r.Owner)
	b = appendField(b, r.Bucket)
	b = append(r.Time.UTC().AppendFormat(b, logTime), ' ')
	b = appendField(b, r.RemoteIP)
	b = appendField(b, r.Requester)
	b = appendField(b, r.RequestID)
	b = appendField(b, r.Operation)
	b = append(appendOr(b, r.Key, appendKey), ' ')
	b = appendLogQuoted(b, r.RequestURI, false)
	b = appendNumber(b, int64(r.Status), r.Status != 0)
	b = appendField(b, r.ErrorCode)
	b = appendNumber(b, r.BytesSent, r.BytesSent != 0)
	b = appendNumber(b, r.ObjectSize, r.ObjectSize >= 0)
	b = appendNumber(b, r.Total.Milliseconds(), r.Total >= 0)
	b = appendNumber(b, r.TurnAround.Milliseconds(), r.TurnAround >= 0)
	b = appendLogQuoted(b, r.Referer, asked)
	b = appendLogQuoted(b, r.UserAgent, asked)
	b = appendField(b, r.VersionID)
	b = appendField(b, r.HostID)
	b = appendField(b, r.Signature)
	b = appendField(b, r.Cipher)
	b = appendField(b, r.AuthType)
	b = appendField(b, r.Host)
	b = appendField(b, r.TLS)
	b = appendField(b, r.AccessPoint)
	if r.ACLRequired {
		b = append(b, "Yes"...)
	} else {
		b = append(b, '-')
	}
	return append(b, " -"...)
}

// appendOr appends a value by fn, or "-" for an empty one.
func appendOr(b []byte, v string, fn func([]byte, string) []byte) []byte {
	if v == "" {
		return append(b, '-')
	}
	return fn(b, v)
}

// appendField appends a field that is not quoted, and the space behind it.
func appendField(b []byte, v string) []byte {
	return append(appendOr(b, v, func(b []byte, v string) []byte { return appendPlain(b, v, ' ') }), ' ')
}

// appendLogQuoted is appendField for a field that is quoted; so is its "-" if quotes says so.
func appendLogQuoted(b []byte, v string, quotes bool) []byte {
	switch {
	case v == "" && quotes:
		return append(b, `"-" `...)
	case v == "":
		return append(b, "- "...)
	}
	return append(appendPlain(append(b, '"'), v, '"'), '"', ' ')
}

func appendNumber(b []byte, n int64, known bool) []byte {
	if !known {
		return append(b, "- "...)
	}
	return append(strconv.AppendInt(b, n, 10), ' ')
}

const upperHex = "0123456789ABCDEF"

func appendPercent(b []byte, c byte) []byte {
	return append(b, '%', upperHex[c>>4], upperHex[c&15])
}

// appendPlain appends printable ASCII as it is, and the rest, end and quotation marks
// percent-encoded.
func appendPlain(b []byte, v string, end byte) []byte {
	for i := range len(v) {
		if c := v[i]; c < ' ' || c >= 0x7f || c == end || c == '"' {
			b = appendPercent(b, c)
		} else {
			b = append(b, c)
		}
	}
	return b
}

// appendKey appends a key, URL-encoded but for its slashes.
func appendKey(b []byte, key string) []byte {
	for i := range len(key) {
		c := key[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.~/", c) >= 0:
			b = append(b, c)
		default:
			b = appendPercent(b, c)
		}
	}
	return b
}

// tlsCiphers are the suites of TLS 1.2 that Go knows, as OpenSSL names them, which is how logs
// of AWS name them. Those of TLS 1.3 have one name.
var tlsCiphers = map[string]string{
	"TLS_RSA_WITH_RC4_128_SHA":                      "RC4-SHA",
	"TLS_RSA_WITH_3DES_EDE_CBC_SHA":                 "DES-CBC3-SHA",
	"TLS_RSA_WITH_AES_128_CBC_SHA":                  "AES128-SHA",
	"TLS_RSA_WITH_AES_256_CBC_SHA":                  "AES256-SHA",
	"TLS_RSA_WITH_AES_128_CBC_SHA256":               "AES128-SHA256",
	"TLS_RSA_WITH_AES_128_GCM_SHA256":               "AES128-GCM-SHA256",
	"TLS_RSA_WITH_AES_256_GCM_SHA384":               "AES256-GCM-SHA384",
	"TLS_ECDHE_ECDSA_WITH_RC4_128_SHA":              "ECDHE-ECDSA-RC4-SHA",
	"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA":          "ECDHE-ECDSA-AES128-SHA",
	"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA":          "ECDHE-ECDSA-AES256-SHA",
	"TLS_ECDHE_RSA_WITH_RC4_128_SHA":                "ECDHE-RSA-RC4-SHA",
	"TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA":           "ECDHE-RSA-DES-CBC3-SHA",
	"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA":            "ECDHE-RSA-AES128-SHA",
	"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA":            "ECDHE-RSA-AES256-SHA",
	"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256":       "ECDHE-ECDSA-AES128-SHA256",
	"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256":         "ECDHE-RSA-AES128-SHA256",
	"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256":         "ECDHE-RSA-AES128-GCM-SHA256",
	"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256":       "ECDHE-ECDSA-AES128-GCM-SHA256",
	"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384":         "ECDHE-RSA-AES256-GCM-SHA384",
	"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384":       "ECDHE-ECDSA-AES256-GCM-SHA384",
	"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256":   "ECDHE-RSA-CHACHA20-POLY1305",
	"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256": "ECDHE-ECDSA-CHACHA20-POLY1305",
}

// CipherName is a suite of TLS as access logs name it, from Go's name of it (that of the
// standards).
func CipherName(name string) string {
	if openssl := tlsCiphers[name]; openssl != "" {
		return openssl
	}
	return name
}

// signing are the parameters of a presigned URL whose values let others do what it allows.
var signing = map[string]bool{"x-amz-signature": true, "x-amz-security-token": true, "signature": true}

// Redact takes out of a request's target what would let a reader of the log send the request
// again: signatures, and the tokens of temporary credentials. AWS leaves signatures in.
func Redact(target string) string {
	path, query, ok := strings.Cut(target, "?")
	if !ok {
		return target
	}
	var b strings.Builder
	for i, pair := range strings.Split(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		switch {
		case i > 0:
			b.WriteByte('&')
		default:
			b.WriteString(path + "?")
		}
		if signing[strings.ToLower(unescape(name))] {
			pair = name + "=REDACTED"
		}
		b.WriteString(pair)
	}
	return b.String()
}

// unescape decodes what of a parameter's name is percent-encoded.
func unescape(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '%' && i+2 < len(name) {
			if n, err := strconv.ParseUint(name[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(name[i])
	}
	return b.String()
}
