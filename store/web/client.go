package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// A Client is who is at the other end of a request, as far as the network tells.
type Client struct {
	// IP is its address; the zero Addr is that of a client on a socket in the filesystem.
	IP netip.Addr
	// Secure says whether it came over TLS: to us, or to the proxy that it came through.
	Secure bool
	// VPCE and VPC name the endpoint that it came through (Address); "": none.
	VPCE, VPC string
}

type clientKey struct{}

// ClientOf returns who sends a request of a Server. Of any other request it is what the
// connection says.
func ClientOf(r *http.Request) Client {
	if c, ok := r.Context().Value(clientKey{}).(Client); ok {
		return c
	}
	return Proxies{}.client(r)
}

// withClient has ClientOf answer with c.
func withClient(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, clientKey{}, c)
}

// Proxies are those whose word is taken for who their clients are. The zero Proxies are none.
type Proxies struct {
	networks []netip.Prefix
	unix     bool // whoever reaches a socket in the filesystem
}

// Add adds an address, a network (10.0.0.0/8) or "unix", which is whoever connects by a
// socket in the filesystem.
func (p *Proxies) Add(text string) error {
	if text == "unix" {
		p.unix = true
		return nil
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		p.networks = append(p.networks, netip.PrefixFrom(a, a.BitLen()))
		return nil
	}
	n, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("%q is no proxy; it is an IP address, a network such as 10.0.0.0/8, or unix", text)
	}
	if n != n.Masked() {
		return fmt.Errorf("%q is no network: it has bits behind its prefix; is it %s?", text, n.Masked())
	}
	p.networks = append(p.networks, n)
	return nil
}

func (p Proxies) trust(a netip.Addr) bool {
	if !a.IsValid() {
		return p.unix
	}
	for _, n := range p.networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// client is who sends a request. Each proxy appends the address of who came to it to
// X-Forwarded-For, so the list is read from its end, as long as those who wrote it are
// trusted: what is before that anybody may have made up.
func (p Proxies) client(r *http.Request) Client {
	c := Client{IP: remoteIP(r.RemoteAddr), Secure: r.TLS != nil}
	if a, ok := r.Context().Value(endpointKey{}).(*Address); ok {
		c.VPCE, c.VPC = a.VPCE, a.VPC
	}
	if !p.trust(c.IP) {
		return c
	}
	hops := listed(r.Header["X-Forwarded-For"])
	for i := len(hops) - 1; i >= 0 && p.trust(c.IP); i-- {
		ip, ok := hopIP(hops[i])
		if !ok {
			break // the last that somebody trusted has vouched for
		}
		c.IP = ip
	}
	if protos := listed(r.Header["X-Forwarded-Proto"]); len(protos) > 0 {
		c.Secure = strings.EqualFold(protos[len(protos)-1], "https")
	}
	return c
}

// listed are the elements of a header that is a list, over all its lines.
func listed(lines []string) (out []string) {
	for _, line := range lines {
		for v := range strings.SplitSeq(line, ",") {
			if v = strings.TrimSpace(v); v != "" {
				out = append(out, v)
			}
		}
	}
	return out
}

// hopIP reads an address as proxies write it: some add the port.
func hopIP(text string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(text); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return a.Unmap().WithZone(""), err == nil
}

// remoteIP is the address of a connection; the zero Addr for one by a socket in the filesystem.
func remoteIP(addr string) netip.Addr {
	ap, err := netip.ParseAddrPort(addr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

type endpointKey struct{}

// endpoints has requests know by which of the addresses they came.
func endpoints(by map[net.Listener]*Address) func(net.Listener) context.Context {
	return func(l net.Listener) context.Context {
		ctx := context.Background()
		if a := by[l]; a != nil && a.VPCE != "" {
			ctx = context.WithValue(ctx, endpointKey{}, a)
		}
		return ctx
	}
}
