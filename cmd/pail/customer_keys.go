package main

import (
	"strings"

	"pail/store/web/control"
)

// A customerKeyFile is a customer's key for a part of a mount, as the command line has it:
// BUCKET[/PREFIX]=FILE.
type customerKeyFile struct {
	bucket, prefix, path string
}

// customerKey takes in one --sse-c-key. It looks at no file.
func (p *mountPlan) customerKey(value string) error {
	where, file, ok := strings.Cut(value, "=")
	if !ok || where == "" || file == "" {
		return usagef("%q is no BUCKET/PREFIX/=FILE, such as photos/private/=photos.key", value)
	}
	bucket, prefix, err := partOfMount(where)
	if err != nil {
		return err
	}
	path, err := absolute(file)
	if err != nil {
		return err
	}
	for _, k := range p.customers {
		if k.bucket == bucket && k.prefix == prefix {
			return usagef("%s has two keys of customers: %s and %s", where, k.path, path)
		}
	}
	p.customers = append(p.customers, customerKeyFile{bucket, prefix, path})
	return nil
}

// readCustomerKeys reads the files of customers' keys into the request for the mount.
func (p *mountPlan) readCustomerKeys() error {
	p.req.CustomerKeys = nil
	for _, k := range p.customers {
		key, err := readRawKey(k.path)
		if err != nil {
			return err
		}
		p.req.CustomerKeys = append(p.req.CustomerKeys, control.CustomerKey{Bucket: k.bucket, Prefix: k.prefix, Key: key})
	}
	return nil
}
