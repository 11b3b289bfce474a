package main

import (
	"fmt"
	"strings"

	"pail/store/web/control"
)

// serviceText is what is shown only once of an S3 door: the root access key if it was made
// now, and how to trust a certificate authority that was made now.
func serviceText(s *control.Service) string {
	var b strings.Builder
	switch k := s.RootKey; {
	case k == nil:
	case k.Secret == "":
		fmt.Fprintf(&b, "the root access key is %s, from the environment\n", k.ID)
	default:
		b.WriteString("\nThis is the root access key of the store, made just now.\n\n")
		b.WriteString(keyText(*k, usesOf(s.Listeners, s.Region)))
	}
	if s.NewCA != "" {
		ca := shellWord(s.NewCA)
		fmt.Fprintf(&b, `
The certificate is signed by an authority of this store, made just now. Have clients trust
%s once: with aws --ca-bundle, curl --cacert, s3cmd --ca-certs, rclone --ca-cert,
or all programs of a machine:

  cp %s /usr/local/share/ca-certificates/pail.crt && update-ca-certificates
`, s.NewCA, ca)
	}
	return b.String()
}

// usesOf is how a key is used with these listeners: the first that has a URL.
func usesOf(listeners []control.Listener, region string) keyUse {
	u := keyUse{region: region}
	for _, l := range listeners {
		if l.Protocol == "s3" && l.Endpoint != "" && u.endpoint == "" {
			u.endpoint, u.ca = l.Endpoint, l.CA
		}
	}
	return u
}
