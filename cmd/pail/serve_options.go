package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"pail/store/iam"
	"pail/store/web"
	"pail/store/web/control"
)

// The environment names the root access key of every S3 door.
const (
	rootAccessKeyEnv = "PAIL_ROOT_ACCESS_KEY"
	rootSecretKeyEnv = "PAIL_ROOT_SECRET_KEY"
)

// serveOptions are the flags of an S3 door, of pail serve and pail mount.
type serveOptions struct {
	s3         []string
	metrics    []string
	websites   []string
	domains    []string
	region     string
	noSigV2    bool
	plainKeys  bool
	public     bool
	cert, key  string
	selfSigned bool
	acme       bool
	acmeEmail  string
	acmeURL    string
	acmeCA     string
	clientCA   string
	endpoints  []string
	redirects  []string
	proxies    []string
	perAddress string // requests a second
	perKey     string
}

func (o *serveOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.metrics, "metrics", nil, "answer /metrics, /healthz and /readyz at this `address`; may be given again")
	f.StringArrayVar(&o.websites, "website", nil, "show buckets that are websites at this `address`, BUCKET.DOMAIN or BUCKET.localhost; may be given again")
	f.StringArrayVar(&o.domains, "domain", nil, "`name` under which clients know the S3 door, buckets as names below it; may be given again")
	textVar(f, &o.region, "region", "`region` that the store must have; one that is made now gets it")
	f.BoolVar(&o.noSigV2, "no-sigv2", false, "refuse signatures of version 2, which old clients make")
	f.BoolVar(&o.plainKeys, "allow-plain-sse-c", false, "let keys of customers (SSE-C) come over HTTP without TLS, where whoever is on the way can read them")
	f.BoolVar(&o.public, "public-by-default", false, "make new buckets without Block Public Access, so that policies and ACLs can make them public")
	textVar(f, &o.cert, "tls-cert", "`file` of the certificate, PEM, read again when it changes; then S3 is HTTPS")
	textVar(f, &o.key, "tls-key", "`file` of its key")
	f.BoolVar(&o.selfSigned, "tls-self-signed", false, "HTTPS with a certificate of an authority that the store makes and keeps")
	f.BoolVar(&o.acme, "tls-acme", false, "HTTPS with certificates that a public authority gives for the names of --domain, as Let's Encrypt does, to whose terms you agree")
	textVar(f, &o.acmeEmail, "acme-email", "`address` by which the authority may warn of certificates that run out")
	textVar(f, &o.acmeURL, "acme-directory", "`URL` of another authority than Let's Encrypt (RFC 8555)")
	textVar(f, &o.acmeCA, "acme-ca", "`file` of the authorities, PEM, that sign for that URL's own certificate")
	textVar(f, &o.clientCA, "tls-client-ca", "`file` of authorities, PEM; only clients with a certificate of one of them may connect by TLS")
	f.StringArrayVar(&o.endpoints, "listen", nil, "answer S3 at a further `address` that is an endpoint, name=vpce-NAME,vpc=vpc-NAME,addr=ADDRESS, of which policies may ask; may be given again")
	f.StringArrayVar(&o.redirects, "http-redirect", nil, "send clients from this `address` to HTTPS; may be given again")
	f.StringArrayVar(&o.proxies, "trusted-proxy", nil, "IP address or network of a `proxy` whose X-Forwarded-For and -Proto are believed, or unix; may be given again")
	textVar(f, &o.perAddress, "rate-per-address", "requests of S3 that one address may send in a second, a `number`; without it, any")
	textVar(f, &o.perKey, "rate-per-key", "requests of S3 that may be signed with one access key in a second, a `number`; without it, any")
	flagSuggests(cmd, "tls-cert", flagFiles)
	flagSuggests(cmd, "tls-key", flagFiles)
	flagSuggests(cmd, "tls-client-ca", flagFiles)
	flagSuggests(cmd, "acme-ca", flagFiles)
	for _, name := range []string{"metrics", "website", "domain", "region", "listen", "http-redirect", "trusted-proxy", "rate-per-address", "rate-per-key", "acme-email", "acme-directory"} {
		flagSuggests(cmd, name, cobra.NoFileCompletions)
	}
}

// asOptions are the flags as -o would have them.
func (o *serveOptions) asOptions() (list []string) {
	for _, f := range []struct {
		name   string
		values []string
	}{{"s3", o.s3}, {"metrics", o.metrics}, {"website", o.websites}, {"domain", o.domains},
		{"listen", o.endpoints}, {"http_redirect", o.redirects}, {"trusted_proxy", o.proxies}} {
		for _, v := range f.values {
			list = append(list, f.name+"="+v)
		}
	}
	for _, f := range []struct{ name, value string }{{"region", o.region}, {"tls_cert", o.cert}, {"tls_key", o.key},
		{"tls_client_ca", o.clientCA}, {"acme_email", o.acmeEmail}, {"acme_directory", o.acmeURL}, {"acme_ca", o.acmeCA}, {"rate_per_address", o.perAddress}, {"rate_per_key", o.perKey}} {
		if f.value != "" {
			list = append(list, f.name+"="+f.value)
		}
	}
	for _, f := range []struct {
		name string
		on   bool
	}{{"no_sigv2", o.noSigV2}, {"allow_plain_sse_c", o.plainKeys}, {"public_by_default", o.public}, {"tls_self_signed", o.selfSigned}, {"tls_acme", o.acme}} {
		if f.on {
			list = append(list, f.name)
		}
	}
	return list
}

// asFlags are the flags as they were given.
func (o *serveOptions) asFlags() (flags []string) {
	for _, opt := range o.asOptions() {
		name, value, given := strings.Cut(opt, "=")
		flag := "--" + strings.ReplaceAll(name, "_", "-")
		if given {
			flag += "=" + value
		}
		flags = append(flags, flag)
	}
	return flags
}

// serveOptionNames are the -o options of an S3 door.
func serveOptionNames() []string {
	return []string{"s3=", "metrics=", "website=", "domain=", "region=", "no_sigv2", "allow_plain_sse_c", "public_by_default", "tls_cert=", "tls_key=", "tls_self_signed",
		"tls_acme", "acme_email=", "acme_directory=", "acme_ca=", "tls_client_ca=", "listen=", "http_redirect=", "trusted_proxy=", "rate_per_address=", "rate_per_key="}
}

// serveOption takes in one -o option of an S3 door.
func (p *mountPlan) serveOption(name, value string) (err error) {
	if p.req.S3 == nil {
		p.req.S3 = &control.ServeRequest{}
	}
	s := p.req.S3
	switch name {
	case "s3":
		s.Addresses, err = addAddress(s.Addresses, value)
	case "metrics":
		s.Metrics, err = addAddress(s.Metrics, value)
	case "website":
		s.Websites, err = addAddress(s.Websites, value)
	case "domain":
		s.Domains, err = addDomain(s.Domains, value)
	case "region":
		s.Region = value
	case "no_sigv2":
		s.NoSigV2 = true
	case "allow_plain_sse_c":
		s.PlainCustomerKeys = true
	case "public_by_default":
		s.PublicByDefault = true
	case "tls_cert":
		s.TLSCert, err = absolute(value)
	case "tls_key":
		s.TLSKey, err = absolute(value)
	case "tls_self_signed":
		s.SelfSigned = true
	case "tls_acme":
		s.ACME = true
	case "acme_email":
		s.ACMEEmail = value
	case "acme_directory":
		s.ACMEDirectory = value
	case "acme_ca":
		s.ACMECA, err = absolute(value)
	case "tls_client_ca":
		s.ClientCA, err = absolute(value)
	case "listen":
		s.Endpoints, err = addEndpoint(s.Endpoints, value)
	case "http_redirect":
		s.Redirects, err = addAddress(s.Redirects, value)
	case "trusted_proxy":
		if err := new(web.Proxies).Add(value); err != nil {
			return usageError{err}
		}
		s.Proxies = append(s.Proxies, value)
	case "rate_per_address":
		s.PerAddress, err = rateOf(value)
	case "rate_per_key":
		s.PerKey, err = rateOf(value)
	}
	return err
}

// rateOf reads a number of requests a second.
func rateOf(value string) (float64, error) {
	n, err := strconv.ParseFloat(value, 64)
	if err != nil || !(n > 0 && n <= 1e9) {
		return 0, usagef("%q is no number of requests a second", value)
	}
	return n, nil
}

// addEndpoint adds an address that is an endpoint.
func addEndpoint(to []string, value string) ([]string, error) {
	a, err := web.ParseEndpoint(value, false)
	if err != nil {
		return nil, usageError{err}
	}
	for _, other := range to {
		if o, err := web.ParseEndpoint(other, false); err == nil && (o.VPCE == a.VPCE && o.VPC != a.VPC) {
			return nil, usagef("the endpoint %s belongs to one network, and not to %s and %s", a.VPCE, o.VPC, a.VPC)
		}
	}
	return append(to, value), nil
}

// addAddress adds an address; the path of a socket is made absolute.
func addAddress(to []string, value string) ([]string, error) {
	if path, ok := strings.CutPrefix(value, "unix:"); ok && path != "" {
		abs, err := absolute(path)
		if err != nil {
			return nil, err
		}
		value = "unix:" + abs
	}
	if _, err := web.ParseAddress(value, false); err != nil {
		return nil, usageError{err}
	}
	if slices.Contains(to, value) {
		return nil, usagef("the address %s was given twice", value)
	}
	return append(to, value), nil
}

// addDomain adds a name of hosts. Names below it are those of buckets.
func addDomain(to []string, value string) ([]string, error) {
	name := strings.ToLower(strings.TrimSuffix(value, "."))
	for label := range strings.SplitSeq(name, ".") {
		ok := label != "" && len(label) <= 63 && label[0] != '-' && label[len(label)-1] != '-'
		for _, c := range []byte(label) {
			ok = ok && (c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_')
		}
		if !ok || len(name) > 253 {
			return nil, usagef("%q is not a name that clients could know a host by, as s3.example.com", value)
		}
	}
	return append(to, name), nil
}

// checkServe refuses what makes no S3 door, and adds what the environment says of it.
func (p *mountPlan) checkServe() error {
	s := p.req.S3
	if s == nil {
		return nil
	}
	secure := s.TLSCert != "" || s.SelfSigned || s.ACME
	switch {
	case len(s.Addresses)+len(s.Endpoints)+len(s.Metrics)+len(s.Websites) == 0:
		return usagef("these options are about an S3 door, and no address was given for one: --s3 ADDRESS")
	case (s.TLSCert == "") != (s.TLSKey == ""):
		return usagef("a certificate and its key are given together: --tls-cert and --tls-key")
	case s.TLSCert != "" && (s.SelfSigned || s.ACME) || s.SelfSigned && s.ACME:
		return usagef("there is one certificate: --tls-self-signed, --tls-acme, or --tls-cert and --tls-key")
	case s.ACME && len(s.Domains) == 0:
		return usagef("--tls-acme gets certificates for public names, and none was given: --domain s3.example.com")
	case !s.ACME && s.ACMEEmail+s.ACMEDirectory+s.ACMECA != "":
		return usagef("this says of whom certificates are asked, and none is asked for: --tls-acme")
	}
	addresses := make([]web.Address, 0, 8)
	for i, text := range slices.Concat(s.Metrics, s.Redirects, s.Addresses, s.Websites) {
		a, err := web.ParseAddress(text, secure && i >= len(s.Metrics)+len(s.Redirects))
		if err != nil {
			return usageError{err}
		}
		addresses = append(addresses, a)
	}
	for _, text := range s.Endpoints {
		a, err := web.ParseEndpoint(text, secure)
		if err != nil {
			return usageError{err}
		}
		addresses = append(addresses, a)
	}
	encrypted := false
	for _, a := range addresses {
		text := a.String()
		encrypted = encrypted || a.TLS
		if a.TLS && !secure {
			return usagef("%s needs a certificate: --tls-cert and --tls-key, --tls-self-signed or --tls-acme", text)
		}
	}
	switch {
	case len(s.Redirects) > 0 && !encrypted:
		return usagef("--http-redirect leads to HTTPS, and no address speaks it: see --tls-cert and --tls-self-signed")
	case s.ClientCA != "" && !secure:
		return usagef("--tls-client-ca is about TLS, and there is no certificate: see --tls-cert and --tls-self-signed")
	}
	s.Unseen = toJournal(os.Stdout) || toJournal(os.Stderr)
	return rootKeyFromEnv(s)
}

// rootKeyFromEnv takes the root access key that the environment names.
func rootKeyFromEnv(s *control.ServeRequest) error {
	given := iam.Given{ID: os.Getenv(rootAccessKeyEnv), Secret: os.Getenv(rootSecretKeyEnv)}
	if given == (iam.Given{}) {
		return nil
	}
	if err := given.Check(); err != nil {
		return usagef("%s and %s: %w", rootAccessKeyEnv, rootSecretKeyEnv, err)
	}
	s.RootAccessKey, s.RootSecretKey = given.ID, given.Secret
	return nil
}

// toJournal says whether what is written to f ends up in the system's journal, which others
// may read: JOURNAL_STREAM, systemd.exec(5).
func toJournal(f *os.File) bool {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return false
	}
	return os.Getenv("JOURNAL_STREAM") == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}
