// Package cors holds the rules of cross-origin requests: which pages of other origins may
// use a bucket from a browser. It is pure: it checks a configuration as Amazon S3 does, and
// says what a request is answered.
//
// Sources: PutBucketCors in the API Reference, "Elements of a CORS configuration" and
// "Testing CORS" in the User Guide, the CORS protocol in WHATWG Fetch, and, where those are
// silent, what S3 was recorded to answer (LocalStack's validated tests, ceph/s3-tests).
//
// Decisions:
//
//   - The first rule that matches decides. Origins are compared byte by byte, names of
//     headers without regard to case. A star stands for any bytes, none too.
//   - Of a rule whose origin is a star alone the answer is a star, without credentials;
//     of every other the origin is given back, with credentials.
//   - A preflight's headers must each be allowed. Those of the request itself are not
//     looked at: the browser has asked before it sent them.
package cors

import (
	"strings"
	"unicode/utf16"

	"pail/store/fault"
)

// Limits of a configuration.
const (
	MaxRules = 100
	MaxSize  = 64 << 10 // bytes of the document, and so of the text in it
	maxID    = 255      // UTF-16 units
)

// A Config is a bucket's rules, in the order in which they are tried.
type Config struct{ Rules []Rule }

// A Rule says what some origins may do.
type Rule struct {
	ID             string
	AllowedHeaders []string // names, each with one star at most
	AllowedMethods []string
	AllowedOrigins []string // each with one star at most
	ExposeHeaders  []string
	MaxAge         *int32 // seconds for which a browser may remember the answer; nil: not said
}

// An Answer is what the headers of a response say to a browser.
type Answer struct {
	Origin      string // Access-Control-Allow-Origin
	Credentials bool   // whether Access-Control-Allow-Credentials is true; absent otherwise
	Methods     []string
	Headers     []string // those that were asked for, in lower case
	Expose      []string
	MaxAge      *int32
}

// Check reports what of a configuration S3 would refuse, as a fault.MalformedConfig or a
// fault.InvalidRequest.
func (c *Config) Check() error {
	if len(c.Rules) == 0 {
		return fault.New(fault.MalformedConfig, "a CORS configuration has one rule at least")
	}
	if len(c.Rules) > MaxRules {
		return fault.New(fault.InvalidRequest, "The number of CORS rules should not exceed allowed limit of %d rules.", MaxRules)
	}
	for i := range c.Rules {
		if r := &c.Rules[i]; len(r.AllowedOrigins) == 0 || len(r.AllowedMethods) == 0 {
			return fault.New(fault.MalformedConfig, "a CORS rule has one origin and one method at least")
		}
	}
	size := 0
	for i := range c.Rules {
		if err := c.Rules[i].check(); err != nil {
			return err
		}
		size += c.Rules[i].size()
	}
	if size > MaxSize {
		return fault.New(fault.InvalidRequest, "a CORS configuration has at most %d bytes", MaxSize)
	}
	return nil
}

func (r *Rule) check() error {
	if len(utf16.Encode([]rune(r.ID))) > maxID {
		return fault.New(fault.InvalidRequest, "the id of a CORS rule has at most %d characters", maxID)
	}
	for _, m := range r.AllowedMethods {
		switch m {
		case "GET", "PUT", "POST", "DELETE", "HEAD":
		default:
			return fault.New(fault.InvalidRequest, "Found unsupported HTTP method in CORS config. Unsupported method is %s", m)
		}
	}
	for _, o := range r.AllowedOrigins {
		if strings.Count(o, "*") > 1 {
			return fault.New(fault.InvalidRequest, "AllowedOrigin %q can not have more than one wildcard.", o)
		}
	}
	for _, h := range r.AllowedHeaders {
		if strings.Count(h, "*") > 1 {
			return fault.New(fault.InvalidRequest, "AllowedHeader %q can not have more than one wildcard.", h)
		}
	}
	for _, h := range r.ExposeHeaders {
		if strings.Contains(h, "*") {
			return fault.New(fault.InvalidRequest, "ExposeHeader %q contains wildcard. We currently do not support wildcard for ExposeHeader.", h)
		}
	}
	if r.MaxAge != nil && *r.MaxAge < 0 {
		return fault.New(fault.InvalidRequest, "MaxAgeSeconds is a number of seconds, not %d", *r.MaxAge)
	}
	return nil
}

func (r *Rule) size() int {
	n := len(r.ID)
	for _, list := range [][]string{r.AllowedHeaders, r.AllowedMethods, r.AllowedOrigins, r.ExposeHeaders} {
		for _, s := range list {
			n += len(s)
		}
	}
	return n
}

// Match returns what a request of an origin is answered: the first rule that allows it
// decides; ok is false if none does. Method is the request's, or what
// Access-Control-Request-Method names. Headers are what Access-Control-Request-Headers
// names.
func (c *Config) Match(origin, method string, headers []string) (a Answer, ok bool) {
	for i := range c.Rules {
		if a, ok := c.Rules[i].match(origin, method, headers); ok {
			return a, true
		}
	}
	return Answer{}, false
}

func (r *Rule) match(origin, method string, headers []string) (a Answer, ok bool) {
	a = Answer{Origin: origin, Credentials: true, Methods: r.AllowedMethods, Expose: r.ExposeHeaders, MaxAge: r.MaxAge}
	for _, m := range r.AllowedMethods {
		ok = ok || m == method
	}
	if !ok {
		return Answer{}, false
	}
	ok = false
	for _, o := range r.AllowedOrigins {
		if fits(o, origin) {
			if ok = true; o == "*" {
				a.Origin, a.Credentials = "*", false
			}
			break
		}
	}
	if !ok {
		return Answer{}, false
	}
	for _, h := range headers {
		h = strings.ToLower(h)
		if !r.allowsHeader(h) {
			return Answer{}, false
		}
		a.Headers = append(a.Headers, h)
	}
	return a, true
}

func (r *Rule) allowsHeader(lower string) bool {
	for _, allowed := range r.AllowedHeaders {
		if fits(strings.ToLower(allowed), lower) {
			return true
		}
	}
	return false
}

// fits says whether s is what pattern says, which may have one star.
func fits(pattern, s string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	return len(s) >= len(before)+len(after) && strings.HasPrefix(s, before) && strings.HasSuffix(s, after)
}
