package sigv4

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"pail/store/web/apierror"
)

const (
	// maxSkew is how far a client's clock may be from ours.
	maxSkew = 15 * time.Minute
	// maxExpires is how long a presigned URL may be good, in seconds: a week.
	maxExpires = 7 * 24 * 60 * 60
)

// auth is what a signature of version 4 says of itself.
type auth struct {
	kind          Kind
	accessKey     string
	day           string // of the scope, yyyymmdd
	region        string
	service       string
	signedHeaders string
	signature     string
	stamp         string // the time as the string to sign has it
	sent          string // the time as the client wrote it
	time          time.Time
	expires       int64 // seconds, of a presigned URL
}

// cutSpace cuts at the first space, and the spaces around the rest.
func cutSpace(s string) (string, string) {
	before, after, _ := strings.Cut(s, " ")
	return before, strings.TrimSpace(after)
}

// parseHeader parses what follows AWS4-HMAC-SHA256 in the Authorization header of a request
// for a service.
func parseHeader(r *http.Request, s, service string) (auth, error) {
	a := auth{kind: Header, service: service}
	var credential string
	n := 0
	for more := true; more; n++ {
		var part string
		part, s, more = strings.Cut(s, ",")
		part = strings.TrimSpace(part)
		name, value, ok := strings.Cut(part, "=")
		if !ok || n == 3 {
			return a, a.malformed("the authorization header requires three components: Credential, SignedHeaders, and Signature.")
		}
		switch name {
		case "Credential":
			credential = value
		case "SignedHeaders":
			a.signedHeaders = value
		case "Signature":
			a.signature = value
		}
	}
	switch {
	case n != 3:
		return a, a.malformed("the authorization header requires three components: Credential, SignedHeaders, and Signature.")
	case credential == "":
		return a, a.malformed("missing Credential.")
	case a.signedHeaders == "":
		return a, a.malformed("missing SignedHeaders.")
	case a.signature == "":
		return a, a.malformed("missing Signature.")
	}
	if err := a.parseCredential(credential); err != nil {
		return a, err
	}
	if a.sent = r.Header.Get("X-Amz-Date"); a.sent == "" {
		a.sent = r.Header.Get("Date")
	}
	var ok bool
	if a.time, ok = parseTime(a.sent); !ok {
		return a, noDate()
	}
	a.stamp = a.sent
	if len(a.sent) != len(timeFormat) {
		a.stamp = a.time.Format(timeFormat)
	}
	if err := a.checkDay(); err != nil {
		return a, err
	}
	return a, nil
}

// parseQuery parses the parameters of a URL that was presigned for a service.
func parseQuery(q *queryAuth, service string) (auth, error) {
	a := auth{kind: Query, service: service, signedHeaders: q.signedHeaders, signature: q.signature, sent: q.date, stamp: q.date}
	switch {
	case q.algorithm == "" || q.credential == "" || q.signature == "" || q.date == "" || q.signedHeaders == "" || q.expires == "":
		return a, queryError("Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
	case q.algorithm == "AWS4-ECDSA-P256-SHA256":
		return a, noECDSA()
	case q.algorithm != algorithm:
		return a, queryError(`X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"`)
	}
	if err := a.parseCredential(q.credential); err != nil {
		return a, err
	}
	var err error
	if a.time, err = time.Parse(timeFormat, q.date); err != nil {
		return a, queryError(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
	}
	if err := a.checkDay(); err != nil {
		return a, err
	}
	switch a.expires, err = strconv.ParseInt(q.expires, 10, 64); {
	case err != nil && !isDigits(q.expires), q.expires[0] == '+':
		return a, queryError("X-Amz-Expires should be a number")
	case a.expires < 0:
		return a, queryError("X-Amz-Expires must be non-negative")
	case a.expires > maxExpires:
		return a, queryError("X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds")
	}
	return a, nil
}

// parseCredential takes AKID/yyyymmdd/region/service/aws4_request apart, from its end: an access
// key that somebody chose may have a slash.
func (a *auth) parseCredential(s string) *apierror.Error {
	var parts [4]string
	for i := range parts {
		slash := strings.LastIndexByte(s, '/')
		if slash < 0 {
			return a.malformed(`the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`)
		}
		parts[i], s = s[slash+1:], s[:slash]
	}
	switch {
	case s == "":
		return a.malformed(`the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`)
	case parts[0] != terminator:
		return a.malformed(`incorrect terminal "%s". This endpoint uses "%s".`, parts[0], terminator)
	case parts[1] != a.service:
		return a.malformed(`incorrect service "%s". This endpoint belongs to "%s".`, parts[1], a.service)
	}
	a.accessKey, a.day, a.region = s, parts[3], parts[2]
	if _, err := time.Parse(dayFormat, a.day); err != nil {
		return a.malformed(`incorrect date format "%s". This date in the credential must be in the format "yyyyMMdd".`, a.day)
	}
	return nil
}

func (a *auth) checkDay() *apierror.Error {
	if !strings.HasPrefix(a.stamp, a.day) {
		return a.malformed(`Invalid credential date "%s". This date is not the same as X-Amz-Date: "%s".`, a.day, a.stamp[:len(dayFormat)])
	}
	return nil
}

// malformed is the failure of what the signature says of itself, which has another code in a
// query, and none of its own in a form.
func (a *auth) malformed(format string, args ...any) *apierror.Error {
	switch a.kind {
	case Query:
		return queryError("Error parsing the X-Amz-Credential parameter; "+format, args...)
	case Form:
		return apierror.New(apierror.InvalidArgument, format, args...)
	}
	return apierror.New(apierror.AuthorizationHeaderMalformed, "The authorization header is malformed; "+format, args...)
}

func queryError(format string, args ...any) *apierror.Error {
	return apierror.New(apierror.AuthorizationQueryParametersError, format, args...)
}

func noDate() *apierror.Error {
	return apierror.New(apierror.AccessDenied, "AWS authentication requires a valid Date or x-amz-date header")
}

// checkTime holds the time of signing against the clock: a request must be signed within
// maxSkew of it; a presigned URL must not be older than it says, nor lie in the future.
func (a *auth) checkTime(now time.Time) error {
	if a.kind == Header {
		return checkSkew(now, a.time, a.sent)
	}
	end := a.time.Add(time.Duration(a.expires) * time.Second)
	switch {
	case a.time.Sub(now) > maxSkew:
		return apierror.New(apierror.AccessDenied, "Request is not yet valid").
			With("X-Amz-Date", strconv.FormatInt(a.time.UnixMilli(), 10)).
			With("Expires", clock(end)).With("ServerTime", clock(now))
	case !now.Before(end):
		return apierror.New(apierror.AccessDenied, "Request has expired").
			With("X-Amz-Expires", strconv.FormatInt(a.expires, 10)).
			With("Expires", clock(end)).With("ServerTime", clock(now))
	}
	return nil
}

func checkSkew(now, t time.Time, sent string) error {
	if d := now.Sub(t); d <= maxSkew && d >= -maxSkew {
		return nil
	}
	return apierror.New(apierror.RequestTimeTooSkewed, "").
		With("RequestTime", sent).With("ServerTime", clock(now)).
		With("MaxAllowedSkewMilliseconds", strconv.FormatInt(maxSkew.Milliseconds(), 10))
}

// clock writes a time as details of errors have it.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// parseTime parses x-amz-date or Date.
func parseTime(s string) (time.Time, bool) {
	if t, err := time.Parse(timeFormat, s); err == nil {
		return t, true
	}
	for _, format := range []string{http.TimeFormat, time.RFC1123Z, time.RFC850, time.ANSIC} {
		if t, err := time.Parse(format, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func isDigits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return c < '0' || c > '9' })
}

// signs says whether a header is among the signed ones; name is in lower case.
func (a *auth) signs(name string) bool {
	for names := a.signedHeaders; names != ""; {
		var n string
		n, names, _ = strings.Cut(names, ";")
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// checkSigned demands that host and all x-amz-* headers are signed.
func checkSigned(r *http.Request, a *auth) error {
	var missing []string
	if !a.signs("host") {
		missing = append(missing, "host")
	}
	for key := range r.Header {
		if strings.HasPrefix(key, "X-Amz-") && key != "X-Amz-Content-Sha256" && !a.signs(key) {
			missing = append(missing, strings.ToLower(key))
		}
	}
	if missing == nil {
		return nil
	}
	slices.Sort(missing)
	return apierror.New(apierror.AccessDenied, "There were headers present in the request which were not signed").
		With("HeadersNotSigned", strings.Join(missing, ", "))
}

// tokenOf is the session token of temporary credentials, "" without any.
func tokenOf(r *http.Request, q *queryAuth) string {
	token := r.Header.Get("X-Amz-Security-Token")
	if token == "" && q != nil {
		token = q.token
	}
	return token
}
