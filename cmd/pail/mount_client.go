package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	pailfs "pail/fs"
	"pail/store/fault"
	"pail/store/keyring"
	"pail/store/web/control"
)

// clientOptions are the flags with which a mount is a client that encrypts.
type clientOptions struct {
	keys   []string
	format string
	plain  bool
}

func (o *clientOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.keys, "client-key", nil, "`BUCKET[/PREFIX/]=KEY`: encrypt there as a client, and show decrypted what clients have encrypted; KEY is one of the store's key service (id, ARN, alias/NAME), or file:PATH; may be given again")
	textVar(f, &o.format, "client-format", "message `format` in which such a client writes: 3, or 2 for older clients (default 3)")
	f.BoolVar(&o.plain, "client-plain", false, "below --client-key read objects, too, that no client has encrypted")
	for _, name := range []string{"client-key", "client-format"} {
		flagSuggests(cmd, name, cobra.NoFileCompletions)
	}
}

// asOptions are the flags as -o has them.
func (o *clientOptions) asOptions() (list []string) {
	for _, k := range o.keys {
		list = append(list, "client_key="+k)
	}
	if o.format != "" {
		list = append(list, "client_format="+o.format)
	}
	if o.plain {
		list = append(list, "client_plain")
	}
	return list
}

// clientOptionNames are those of -o.
func clientOptionNames() []string { return []string{"client_key=", "client_format=", "client_plain"} }

// A clientKey is one --client-key: a key of the store's service, or a file.
type clientKey struct {
	bucket, prefix, kms, path string
}

// clientOption takes in one -o option of a client. It looks at no file.
func (p *mountPlan) clientOption(name, value string) error {
	switch name {
	case "client_plain":
		p.req.ClientPlain = true
		return nil
	case "client_format":
		if value != "2" && value != "3" {
			return usagef("a client writes message format 3 or 2, not %q", value)
		}
		p.req.ClientFormat = int(value[0] - '0')
		return nil
	}
	where, key, ok := strings.Cut(value, "=")
	if !ok || where == "" || key == "" {
		return usagef("%q is no BUCKET/PREFIX/=KEY, such as photos/private/=alias/photos or photos=file:photos.key", value)
	}
	bucket, prefix, err := partOfMount(where)
	if err != nil {
		return err
	}
	k := clientKey{bucket: bucket, prefix: prefix, kms: key}
	if path, file := strings.CutPrefix(key, "file:"); file {
		if k.kms = ""; path == "" {
			return usagef("%q names no file", value)
		}
		if k.path, err = absolute(path); err != nil {
			return err
		}
	}
	for _, other := range p.clients {
		if other.bucket == bucket && other.prefix == prefix {
			return usagef("%s has two client keys", where)
		}
	}
	p.clients = append(p.clients, k)
	return nil
}

// readClientKeys reads the files of raw keys into the request for the mount.
func (p *mountPlan) readClientKeys() error {
	p.req.ClientKeys = nil
	for _, k := range p.clients {
		given := control.ClientKey{Bucket: k.bucket, Prefix: k.prefix, KMS: k.kms}
		if k.path != "" {
			raw, err := readRawKey(k.path)
			if err != nil {
				return err
			}
			given.Raw = raw
		}
		p.req.ClientKeys = append(p.req.ClientKeys, given)
	}
	return nil
}

// readRawKey reads a key that nobody else can.
func readRawKey(path string) ([]byte, error) {
	if st, err := os.Stat(path); err == nil && st.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.AccessDenied, "other users can read the key in %s: chmod 600 %s", path, path)
	}
	secret, err := readSecretFile(path)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	key, err := keyring.ParseKey(secret)
	if err != nil {
		return nil, usagef("%s is no key: it takes 32 bytes, or their 64 hexadecimal digits, or their base64, as \"openssl rand -out %s 32\" makes", path, path)
	}
	return key[:], nil
}

// clientsOf are the client keys of a request as a mount takes them.
func clientsOf(o *pailfs.Options, req *control.MountRequest) error {
	o.ClientFormat, o.ClientPlain = req.ClientFormat, req.ClientPlain
	for _, k := range req.ClientKeys {
		given := pailfs.ClientKey{Bucket: k.Bucket, Prefix: k.Prefix, KMS: k.KMS}
		if k.KMS == "" {
			if len(k.Raw) != 32 {
				return fault.New(fault.InvalidArgument, "a raw client key has 32 bytes, not %d", len(k.Raw))
			}
			given.Raw = (*[32]byte)(k.Raw)
		}
		o.ClientKeys = append(o.ClientKeys, given)
	}
	return nil
}
