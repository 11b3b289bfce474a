package store

import (
	"maps"

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
	_, there := m[c.Name]
	if c.Remove && !there {
		return nil, noLabel(c.Name)
	}
	if err := c.When.check(c.Name, there); err != nil {
		return nil, err
	}
	out := maps.Clone(m)
	if c.Remove {
		if delete(out, c.Name); len(out) == 0 {
			out = nil
		}
		return out, nil
	}
	if out == nil {
		out = map[string][]byte{}
	}
	out[c.Name] = append([]byte{}, c.Value...)
	return out, checkXattrs(out)
}

// checkXattrs reports what of extended attributes cannot be kept.
func checkXattrs(m map[string][]byte) error {
	names, values := 0, 0
	for name, value := range m {
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
