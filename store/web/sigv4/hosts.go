package sigv4

import (
	"net"
	"net/http"
	"strings"
)

// guessHosts returns the hosts that a client may have signed, the request's own first. Each
// names the same bucket as that one: see the package's decisions.
func (v *Verifier) guessHosts(r *http.Request) []string {
	hosts := []string{r.Host}
	bucket := v.bucket(r.Host)
	add := func(host string) {
		if v.bucket(host) != bucket {
			return
		}
		for _, h := range hosts {
			if h == host {
				return
			}
		}
		hosts = append(hosts, host)
	}
	// Clients and proxies leave out default ports or write them, each as it likes.
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		add(r.Host + ":80")
		add(r.Host + ":443")
	} else if port == "80" || port == "443" {
		add(strings.TrimSuffix(r.Host, ":"+port))
	}
	if v.TrustForwardedHost {
		host, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Host"), ",")
		if host = strings.TrimSpace(host); host != "" {
			add(host)
		}
	}
	for _, host := range v.Hosts {
		if bucket != "" {
			host = bucket + "." + host
		}
		add(host)
		if _, _, err := net.SplitHostPort(host); err != nil && port != "" {
			add(host + ":" + port)
		}
	}
	return hosts
}

func (v *Verifier) bucket(host string) string {
	if v.Bucket == nil {
		return ""
	}
	return v.Bucket(host)
}
