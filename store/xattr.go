package store

import (
	"maps"
	"strings"
	"unicode/utf8"

	"pail/store/fault"
)

// The limits of the extended attributes of one file or directory. They are part of its
// record, which is written anew by every change of it, kept with every version, and must
// stay well below the engine's 1 MiB. One attribute of the largest size that Linux knows
// (XATTR_SIZE_MAX, as on xfs) fits, and so do many small ones; ext4 has room for 4 KB of
// all together.
const (
	MaxXattrValues = 64 << 10 // bytes of all values together
	MaxXattrNames  = 16 << 10 // bytes of all names together, each with a byte that ends it
	maxXattrName   = 255      // bytes of one name (XATTR_NAME_MAX)
)

// apply returns m changed; m itself stays as it is.
func (c XattrChange) apply(m map[string][]byte) (map[string][]byte, error) {
	key := xattrKey(c.Name)
	_, there := m[key]
	if c.Remove && !there {
		return nil, noLabel(c.Name)
	}
	if err := c.When.check(c.Name, there); err != nil {
		return nil, err
	}
	out := maps.Clone(m)
	if c.Remove {
		if delete(out, key); len(out) == 0 {
			out = nil
		}
		return out, nil
	}
	if out == nil {
		out = map[string][]byte{}
	}
	out[key] = append([]byte{}, c.Value...)
	return out, checkXattrs(out)
}

// checkXattrs reports what of extended attributes cannot be kept.
func checkXattrs(m map[string][]byte) error {
	names, values := 0, 0
	for key, value := range m {
		name := xattrName(key)
		if name == "" || len(name) > maxXattrName {
			return fault.New(fault.NameTooLong, "the name of an extended attribute has 1 to %d bytes", maxXattrName)
		}
		names += len(name) + 1
		values += len(value)
	}
	if names > MaxXattrNames || values > MaxXattrValues {
		return fault.New(fault.XattrsFull, "extended attributes may have names of %d and values of %d bytes in all", MaxXattrNames, MaxXattrValues)
	}
	return nil
}

// xattrKey is what an attribute's name is in records, which hold text. A name that is not
// UTF-8 stands there byte by byte, each as the rune of its number, behind a NUL, which no
// name has.
func xattrKey(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	key := []rune{0}
	for _, b := range []byte(name) {
		key = append(key, rune(b))
	}
	return string(key)
}

// xattrName is the name that has a key.
func xattrName(key string) string {
	runes, escaped := strings.CutPrefix(key, "\x00")
	if !escaped {
		return key
	}
	var name []byte
	for _, r := range runes {
		name = append(name, byte(r))
	}
	return string(name)
}

// xattrNames returns m by names instead of keys; m itself stays as it is.
func xattrNames(m map[string][]byte) map[string][]byte {
	plain := true
	for key := range m {
		plain = plain && !strings.HasPrefix(key, "\x00")
	}
	if plain {
		return m
	}
	out := make(map[string][]byte, len(m))
	for key, value := range m {
		out[xattrName(key)] = value
	}
	return out
}

// capabilityXattr holds the capabilities that running a file gives.
const capabilityXattr = "security.capability"

// withoutCapability returns m without that; m itself stays as it is.
func withoutCapability(m map[string][]byte) map[string][]byte {
	if _, has := m[capabilityXattr]; !has {
		return m
	}
	m = maps.Clone(m)
	delete(m, capabilityXattr)
	return m
}
