package s3api

import (
	"net"
	"net/http"
	"strings"
)

// An address is what a request is about: nothing, a bucket, or an object of it.
type address struct{ bucket, key string }

// addressOf reads the address of a request: its path (/BUCKET/KEY), or, if the host is a
// name below one of ours, bucket and path (BUCKET.DOMAIN/KEY). The first slash behind the
// bucket is no part of the key; all others are.
func (h *Handler) addressOf(r *http.Request) address {
	path := strings.TrimPrefix(r.URL.Path, "/")
	if bucket, ok := BucketOfHost(r.Host, h.domains); ok {
		return address{bucket, path}
	}
	bucket, key, _ := strings.Cut(path, "/")
	return address{bucket, key}
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
