package web

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// An Address is where a listener listens and how it speaks there.
type Address struct {
	Host string // a name or an IP address without brackets; "": every address of the machine
	Port uint16 // 0: one that is free
	Unix string // absolute path of a socket, instead of Host and Port
	TLS  bool
	// VPCE and VPC name the endpoint that the address is, and its network, as policies have
	// them: aws:SourceVpce, aws:SourceVpc. "": it is none.
	VPCE, VPC string
}

// ParseAddress reads an address as people write it: HOST:PORT, :PORT, [::1]:PORT or
// unix:PATH, perhaps with http:// or https:// before it. Without one of these it speaks TLS
// if secure says so, but for a socket in the filesystem, which nobody else can listen in on.
func ParseAddress(text string, secure bool) (Address, error) {
	a := Address{TLS: secure}
	rest, scheme := strings.TrimSuffix(text, "/"), ""
	if before, after, ok := strings.Cut(rest, "://"); ok {
		scheme, rest = before, after
	}
	switch scheme {
	case "":
	case "http", "https":
		a.TLS = scheme == "https"
	default:
		return a, fmt.Errorf("the address %q begins with neither http:// nor https://", text)
	}
	if path, ok := strings.CutPrefix(rest, "unix:"); ok {
		if !filepath.IsAbs(path) || filepath.Clean(path) == "/" {
			return a, fmt.Errorf("the socket of the address %q is not named by an absolute path", text)
		}
		a.Unix, a.TLS = filepath.Clean(path), scheme == "https"
		return a, nil
	}
	host, port, err := net.SplitHostPort(rest)
	if err != nil {
		return a, fmt.Errorf("%q is no address to listen at; it is HOST:PORT, :PORT, [IPV6]:PORT or unix:/PATH, perhaps with http:// or https:// before it", text)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return a, fmt.Errorf("the port %q of the address %q is not a number up to 65535", port, text)
	}
	if strings.ContainsAny(host, "/@ ") {
		return a, fmt.Errorf("%q is neither a name nor an IP address", host)
	}
	a.Host, a.Port = host, uint16(n)
	return a, nil
}

// ParseEndpoint reads an address that is an endpoint of a network, as
//
//	name=vpce-backup,vpc=vpc-lab,addr=10.0.0.5:9000
//
// A request that comes through it has the name and the network, of which policies may ask.
// Semicolons do as well as commas, which lists of options take for their own.
func ParseEndpoint(text string, secure bool) (Address, error) {
	given := map[string]string{}
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' }) {
		name, value, _ := strings.Cut(part, "=")
		if _, twice := given[name]; twice || value == "" || name != "name" && name != "vpc" && name != "addr" {
			return Address{}, fmt.Errorf("%q is no endpoint: %q is not one of name=, vpc= and addr=, once each", text, part)
		}
		given[name] = value
	}
	for _, id := range []struct{ name, prefix string }{{"name", "vpce-"}, {"vpc", "vpc-"}} {
		rest, ok := strings.CutPrefix(given[id.name], id.prefix)
		for _, c := range []byte(rest) {
			ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-')
		}
		if !ok || rest == "" || len(rest) > 64 {
			return Address{}, fmt.Errorf("%q is no endpoint: it needs %s=%sNAME, of small letters, digits and hyphens", text, id.name, id.prefix)
		}
	}
	a, err := ParseAddress(given["addr"], secure)
	a.VPCE, a.VPC = given["name"], given["vpc"]
	return a, err
}

// String is the address as ParseAddress reads it.
func (a Address) String() string {
	if a.Unix != "" {
		if a.TLS {
			return "https://unix:" + a.Unix
		}
		return "unix:" + a.Unix
	}
	scheme := "http://"
	if a.TLS {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port)))
}

// Loopback says whether only this machine can reach the address.
func (a Address) Loopback() bool {
	if a.Unix != "" || a.Host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(a.Host)
	return err == nil && ip.Unmap().IsLoopback()
}

// Endpoint is the URL by which a client on this machine reaches the address, "" for a
// socket in the filesystem, which has none.
func (a Address) Endpoint() string {
	if a.Unix != "" {
		return ""
	}
	if ip, err := netip.ParseAddr(a.Host); a.Host == "" || err == nil && ip.IsUnspecified() {
		a.Host = "127.0.0.1"
		if err == nil && ip.Is6() {
			a.Host = "::1"
		}
	}
	return a.String()
}

// network is the address as package net has it.
func (a Address) network() (network, address string) {
	if a.Unix != "" {
		return "unix", a.Unix
	}
	return "tcp", net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port)))
}

// actual is the address with the port that the system has chosen.
func (a Address) actual(addr net.Addr) Address {
	if t, ok := addr.(*net.TCPAddr); ok {
		a.Port = uint16(t.Port)
	}
	return a
}
