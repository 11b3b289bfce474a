package main

import (
	"fmt"
	"net/url"
	"strings"

	"pail/store/web/control"
)

// A keyUse says where an access key is used.
type keyUse struct {
	endpoint string // "": that of pail serve without an address
	region   string
	ca       string // file of the certificate that the endpoint's is signed with; "": a known one
}

// keyText shows an access key with lines to paste for those who are to use it. A secret
// has no character that a shell would obey unless somebody has chosen it, so that it is
// quoted then.
func keyText(k control.AccessKey, u keyUse) string {
	if u.endpoint == "" {
		u.endpoint = defaultEndpoint
	}
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	id, secret := shellWord(k.ID), shellWord(k.Secret)
	line("access key: %s", k.ID)
	line("secret key: %s", k.Secret)
	line("")
	line("Keep the secret, it is not shown again. To paste:")
	line("")
	line("  # aws")
	line("  export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_DEFAULT_REGION=%s", id, secret, u.region)
	line("  aws --endpoint-url %s%s s3 ls", u.endpoint, u.aws())
	line("")
	line("  # s3cmd")
	line("  s3cmd --access_key=%s --secret_key=%s --region=%s %s ls", id, secret, u.region, strings.Join(u.s3cmd(), " "))
	line("")
	line("  # rclone")
	line("  rclone config create pail s3 provider=Other access_key_id=%s secret_access_key=%s region=%s endpoint=%s", id, secret, u.region, u.endpoint)
	line("  rclone lsd pail:%s", u.rclone())
	return b.String()
}

// s3cmd are the options by which s3cmd finds the endpoint; without %(bucket)s in the name
// of a bucket's host it puts the bucket into the path.
func (u keyUse) s3cmd() []string {
	host := u.endpoint
	if at, err := url.Parse(u.endpoint); err == nil {
		host = at.Host
	}
	out := []string{"--host=" + host, "--host-bucket=" + host}
	switch {
	case !strings.HasPrefix(u.endpoint, "https:"):
		out = append(out, "--no-ssl")
	case u.ca != "":
		out = append(out, "--ssl", "--ca-certs="+shellWord(u.ca))
	default:
		out = append(out, "--ssl")
	}
	return out
}

// aws is an option and not AWS_CA_BUNDLE, with which rclone in the same shell fails.
func (u keyUse) aws() string {
	if u.ca == "" {
		return ""
	}
	return " --ca-bundle " + shellWord(u.ca)
}

func (u keyUse) rclone() string {
	if u.ca == "" {
		return ""
	}
	return " --ca-cert " + shellWord(u.ca)
}

// defaultEndpoint is where pail serve listens if nobody says where.
const defaultEndpoint = "http://127.0.0.1:9000"

// shellWord is a word as a shell reads it.
func shellWord(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-+=:,./@%", r)
	}
	if s != "" && strings.TrimFunc(s, plain) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
