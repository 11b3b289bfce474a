package s3api

import (
	"net"
	"net/http"
	"net/url"
	"strings"
)

// An address is what a request is about: nothing, a bucket, or an object of it.
type address struct {
	bucket, key string
	point       *pointAddress // the access point into that bucket that was named; nil: none
	missing     bool          // an access point was named that there is not
}

// addressOf reads the address of a request: its path (/BUCKET/KEY), or, if the host is a
// name below one of ours, bucket and path (BUCKET.DOMAIN/KEY). The first slash behind the
// bucket is no part of the key; all others are. In the place of a bucket an access point may be
// named.
func (h *Handler) addressOf(r *http.Request) address {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if a, ok := h.locatedByHost(r.Host, path); ok {
		return a
	}
	if strings.HasPrefix(path, "arn:") {
		if a, ok := h.locatedByARN(path); ok {
			return a
		}
	}
	bucket, key, _ := strings.Cut(path, "/")
	return h.located(bucket, key, true)
}

// BucketOfHost returns the bucket that a host names in the virtual-hosted style, given
// the names under which this server is known. Names of hosts have no case.
func BucketOfHost(host string, domains []string) (bucket string, ok bool) {
	if len(domains) == 0 {
		return "", false
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	longest := -1
	for _, d := range domains {
		rest, below := strings.CutSuffix(host, "."+strings.ToLower(d))
		if below && rest != "" && len(d) > longest {
			bucket, ok, longest = rest, true, len(d)
		}
		if host == strings.ToLower(d) {
			return "", false
		}
	}
	return bucket, ok
}

// objectURL is the URL of an object of the call's bucket, as this client knows the server.
func (c *call) objectURL(key string) string {
	u := url.URL{Scheme: "http", Host: c.r.Host, Path: "/" + c.pathName() + "/" + key}
	if c.h.HostNames(c.r.Host) != "" {
		u.Path = "/" + key
	}
	if c.r.TLS != nil {
		u.Scheme = "https"
	}
	return u.String()
}
