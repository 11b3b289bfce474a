// Package site holds the rules of buckets that are served as websites: which object a
// request reads, and where it is sent instead. It is pure: it checks a configuration as
// Amazon S3 does and maps requests; who reads objects and answers is a door.
//
// A request is answered in this order ("Configuring an index document", "Configuring a
// custom error document" and "Configuring a webpage redirect" in the User Guide):
//
//  1. Everything is redirected, if the configuration says so (Route).
//  2. The first routing rule that waits for no error and fits the key redirects (Route).
//  3. The object is read; for a key that is empty or ends in a slash, the index document
//     below it (Route). One that says where to (Headers.WebsiteRedirect) redirects.
//  4. If there is none and the key has no slash at its end, but an index document stands
//     below it as a folder, the browser is sent there (Page.Folder).
//  5. On an error the first routing rule that waits for it redirects, else the error
//     document is shown, with the status of the error (Failed).
package site

import (
	"net/url"
	"strings"

	"pail/store/fault"
)

// MaxRules is how many routing rules a website may have.
const MaxRules = 50

// A Config is how a bucket is served. A nil pointer means that its element is not there.
type Config struct {
	Index       *string // suffix of the key of index documents
	Error       *string // key of the error document
	RedirectAll *RedirectAll
	Rules       []Rule
}

// A RedirectAll sends every request to another host.
type RedirectAll struct {
	Host     string
	Protocol string // "http", "https", or "": that of the request
}

// A Rule redirects requests that fit its condition; a nil condition fits all.
type Rule struct {
	Condition *Condition
	Redirect  Redirect
}

// A Condition says of which requests. One field at least is given; all that are must hold.
type Condition struct {
	KeyPrefix *string
	ErrorCode int // HTTP status; 0: not given
}

// A Redirect says where to. What it leaves out is as the request has it.
type Redirect struct {
	Host       string
	Protocol   string // "http" or "https"
	Code       int    // HTTP status; 0: 301
	WithKey    *string
	WithPrefix *string // in place of the prefix of the condition
}

// A Location is where a request is sent.
type Location struct {
	Code     int    // HTTP status
	Protocol string // "": that of the request
	Host     string // "": that of the request
	Key      string
}

// URL is the location for a request of a scheme to a host.
func (l Location) URL(scheme, host string) string {
	if l.Protocol != "" {
		scheme = l.Protocol
	}
	if l.Host != "" {
		host = l.Host
	}
	u := url.URL{Path: "/" + l.Key}
	return scheme + "://" + host + u.EscapedPath()
}

// Check reports what of a configuration S3 would refuse: fault.InvalidArgument,
// fault.InvalidRequest or fault.MalformedConfig.
func (c *Config) Check() error {
	if r := c.RedirectAll; r != nil {
		switch {
		case c.Index != nil || c.Error != nil || len(c.Rules) > 0:
			return fault.New(fault.InvalidArgument, "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.")
		case r.Host == "":
			return fault.New(fault.InvalidRequest, `A host name must be provided to redirect all requests (e.g. "example.com").`)
		}
		return checkProtocol(r.Protocol)
	}
	switch {
	case c.Index == nil:
		return fault.New(fault.InvalidArgument, "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty").With("ArgumentName", "IndexDocument")
	case *c.Index == "" || strings.Contains(*c.Index, "/"):
		return fault.New(fault.InvalidArgument, "The IndexDocument Suffix is not well formed").With("ArgumentName", "IndexDocument").With("ArgumentValue", *c.Index)
	case c.Error != nil && *c.Error == "":
		return fault.New(fault.InvalidArgument, "The ErrorDocument Key is not well formed").With("ArgumentName", "ErrorDocument").With("ArgumentValue", *c.Error)
	case len(c.Rules) > MaxRules:
		return fault.New(fault.InvalidRequest, "%d routing rules provided, the number of routing rules in a website configuration is limited to %d.", len(c.Rules), MaxRules)
	}
	for i := range c.Rules {
		if err := c.Rules[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Rule) check() error {
	if c := r.Condition; c != nil {
		switch {
		case c.KeyPrefix == nil && c.ErrorCode == 0:
			return fault.New(fault.InvalidRequest, "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.")
		case c.ErrorCode != 0 && (c.ErrorCode < 400 || c.ErrorCode > 599):
			return fault.New(fault.InvalidRequest, "The provided HTTP error code (%d) is not valid. Valid codes are 4XX or 5XX.", c.ErrorCode)
		}
	}
	d := &r.Redirect
	switch {
	case d.WithKey != nil && d.WithPrefix != nil:
		return fault.New(fault.InvalidRequest, "You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
	case d.Code != 0 && (d.Code <= 300 || d.Code > 399):
		return fault.New(fault.InvalidRequest, "The provided HTTP redirect code (%d) is not valid. Valid codes are 3XX except 300.", d.Code)
	case *d == Redirect{}:
		return fault.New(fault.MalformedConfig, "a redirect says where to, or how")
	}
	return checkProtocol(d.Protocol)
}

func checkProtocol(p string) error {
	if p != "" && p != "http" && p != "https" {
		return fault.New(fault.InvalidRequest, "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.")
	}
	return nil
}

// A Page is what a request is answered with.
type Page struct {
	Redirect *Location // not nil: this, and no object is read
	Key      string    // of the object to read
	Folder   string    // if Key has no object and this one exists: Slash
	Slash    Location  // where the folder is
}

// Route maps a request for a key, which is the path without its first slash.
func (c *Config) Route(key string) Page {
	if r := c.RedirectAll; r != nil {
		return Page{Redirect: &Location{Code: 301, Protocol: r.Protocol, Host: r.Host, Key: key}}
	}
	for i := range c.Rules {
		if r := &c.Rules[i]; r.Condition == nil || r.Condition.ErrorCode == 0 && r.fits(key) {
			return Page{Redirect: r.location(key)}
		}
	}
	if key == "" || strings.HasSuffix(key, "/") {
		return Page{Key: key + *c.Index}
	}
	return Page{Key: key, Folder: key + "/" + *c.Index, Slash: Location{Code: 302, Key: key + "/"}}
}

// Failed says what is shown where answering a request for a key failed with an HTTP status:
// a redirect, or the object of that key as the error's page. Both are nil: a page that the
// door writes.
func (c *Config) Failed(key string, status int) (redirect *Location, page *string) {
	for i := range c.Rules {
		if r := &c.Rules[i]; r.Condition != nil && r.Condition.ErrorCode == status && r.fits(key) {
			return r.location(key), nil
		}
	}
	if status < 400 || status > 499 {
		return nil, nil // error documents are for errors of requests
	}
	return nil, c.Error
}

// fits says whether a key has the prefix that the condition asks for.
func (r *Rule) fits(key string) bool {
	return r.Condition.KeyPrefix == nil || strings.HasPrefix(key, *r.Condition.KeyPrefix)
}

func (r *Rule) location(key string) *Location {
	d := &r.Redirect
	l := &Location{Code: d.Code, Protocol: d.Protocol, Host: d.Host, Key: key}
	if l.Code == 0 {
		l.Code = 301
	}
	switch {
	case d.WithKey != nil:
		l.Key = *d.WithKey
	case d.WithPrefix != nil:
		prefix := ""
		if r.Condition != nil && r.Condition.KeyPrefix != nil {
			prefix = *r.Condition.KeyPrefix
		}
		l.Key = *d.WithPrefix + strings.TrimPrefix(key, prefix)
	}
	return l
}
