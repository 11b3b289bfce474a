package certs

import (
	"net"
	"net/netip"
	"os"
	"strings"
)

// NamesOf are the names and addresses by which a listener at a host may be called: its own,
// those of this machine if it listens everywhere, and always localhost. Domains are names
// that clients know, each with the names of buckets below it.
func NamesOf(hosts, domains []string) []string {
	out := []string{"localhost", "127.0.0.1", "::1"}
	for _, h := range hosts {
		ip, err := netip.ParseAddr(h)
		switch {
		case h == "", err == nil && ip.IsUnspecified():
			out = append(out, ownNames()...)
		case err == nil:
			out = append(out, ip.Unmap().WithZone("").String())
		default:
			out = append(out, strings.ToLower(h))
		}
	}
	for _, d := range domains {
		d = strings.ToLower(d)
		out = append(out, d)
		if _, err := netip.ParseAddr(d); err != nil {
			out = append(out, "*."+d)
		}
	}
	return out
}

// ownNames are the name and the addresses of this machine, as far as they can be known.
func ownNames() (out []string) {
	if host, err := os.Hostname(); err == nil && host != "" {
		out = append(out, strings.ToLower(host))
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return out
	}
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() {
				out = append(out, ip.Unmap().String())
			}
		}
	}
	return out
}
