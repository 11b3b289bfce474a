package main

import (
	"fmt"
	"os"
	"slices"
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
	cert, key  string
	selfSigned bool
}

func (o *serveOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.metrics, "metrics", nil, "answer /metrics, /healthz and /readyz at this `address`; may be given again")
	f.StringArrayVar(&o.websites, "website", nil, "show buckets that are websites at this `address`, BUCKET.DOMAIN or BUCKET.localhost; may be given again")
	f.StringArrayVar(&o.domains, "domain", nil, "`name` under which clients know the S3 door, buckets as names below it; may be given again")
	textVar(f, &o.region, "region", "`region` that the store must have; one that is made now gets it")
	f.BoolVar(&o.noSigV2, "no-sigv2", false, "refuse signatures of version 2, which old clients make")
	textVar(f, &o.cert, "tls-cert", "`file` of the certificate, PEM, read again when it changes; then S3 is HTTPS")
	textVar(f, &o.key, "tls-key", "`file` of its key")
	f.BoolVar(&o.selfSigned, "tls-self-signed", false, "HTTPS with a certificate of an authority that the store makes and keeps")
	flagSuggests(cmd, "tls-cert", flagFiles)
	flagSuggests(cmd, "tls-key", flagFiles)
	for _, name := range []string{"metrics", "website", "domain", "region"} {
		flagSuggests(cmd, name, cobra.NoFileCompletions)
	}
}

// asOptions are the flags as -o would have them.
func (o *serveOptions) asOptions() (list []string) {
	for _, f := range []struct {
		name   string
		values []string
	}{{"s3", o.s3}, {"metrics", o.metrics}, {"website", o.websites}, {"domain", o.domains}} {
		for _, v := range f.values {
			list = append(list, f.name+"="+v)
		}
	}
	for _, f := range []struct{ name, value string }{{"region", o.region}, {"tls_cert", o.cert}, {"tls_key", o.key}} {
		if f.value != "" {
			list = append(list, f.name+"="+f.value)
		}
	}
	for _, f := range []struct {
		name string
		on   bool
	}{{"no_sigv2", o.noSigV2}, {"tls_self_signed", o.selfSigned}} {
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
	return []string{"s3=", "metrics=", "website=", "domain=", "region=", "no_sigv2", "tls_cert=", "tls_key=", "tls_self_signed"}
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
	case "tls_cert":
		s.TLSCert, err = absolute(value)
	case "tls_key":
		s.TLSKey, err = absolute(value)
	case "tls_self_signed":
		s.SelfSigned = true
	}
	return err
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
	secure := s.TLSCert != "" || s.SelfSigned
	switch {
	case len(s.Addresses)+len(s.Metrics)+len(s.Websites) == 0:
		return usagef("these options are about an S3 door, and no address was given for one: --s3 ADDRESS")
	case (s.TLSCert == "") != (s.TLSKey == ""):
		return usagef("a certificate and its key are given together: --tls-cert and --tls-key")
	case s.TLSCert != "" && s.SelfSigned:
		return usagef("there is one certificate: --tls-self-signed, or --tls-cert and --tls-key")
	}
	for _, text := range slices.Concat(s.Addresses, s.Websites, s.Metrics) {
		a, err := web.ParseAddress(text, false)
		if err != nil {
			return usageError{err}
		}
		if a.TLS && !secure {
			return usagef("%s needs a certificate: --tls-cert and --tls-key, or --tls-self-signed", text)
		}
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
