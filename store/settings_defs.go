package store

import (
	"math"
	"path"
	"strconv"
	"strings"

	"pail/store/fault"
	"pail/store/internal/meta/record"
)

// A settingDef is one setting: how it stands in the records and how people write it.
// To add one: a field of record.Settings, an entry in settingDefs, and a method of
// chosen for who obeys it.
type settingDef struct {
	name, about string
	perBucket   bool // a bucket may have its own
	value       func(chosen, *Store) any
	given       func(*record.Settings) bool
	set         func(*record.Settings, []string) error
	reset       func(*record.Settings)
	check       func(*record.Settings) error
}

// settingDefs are all settings in the order of their names.
func settingDefs() []settingDef {
	return []settingDef{maxObjectSizeDef(), mkdirVersioningDef(), noHistoryDef()}
}

// of is the setting as it holds.
func (d settingDef) of(c chosen, s *Store) Setting {
	from := SettingDefault
	switch {
	case c.bucket != nil && d.given(c.bucket):
		from = SettingBucket
	case c.store != nil && d.given(c.store):
		from = SettingStore
	}
	return Setting{Name: d.name, Value: d.value(c, s), From: from, About: d.about}
}

func mkdirVersioningDef() settingDef {
	return settingDef{
		name: "mkdir-versioning", about: "whether a bucket made by mkdir on a mount starts versioned: on or off",
		value: func(c chosen, _ *Store) any { return c.mkdirVersioning() },
		given: func(c *record.Settings) bool { return c.MkdirVersioning != nil },
		set: func(c *record.Settings, values []string) error {
			on, err := parseSwitch("mkdir-versioning", values)
			c.MkdirVersioning = &on
			return err
		},
		reset: func(c *record.Settings) { c.MkdirVersioning = nil },
		check: func(*record.Settings) error { return nil },
	}
}

func maxObjectSizeDef() settingDef {
	return settingDef{
		name: "max-object-size", about: "size of the largest object, in bytes or with K, M, G, T, P for powers of 1024",
		value: func(_ chosen, s *Store) any { return s.maxObjectSize() },
		given: func(c *record.Settings) bool { return c.MaxObjectSize != nil },
		set: func(c *record.Settings, values []string) error {
			n, err := parseSize("max-object-size", values)
			c.MaxObjectSize = &n
			return err
		},
		reset: func(c *record.Settings) { c.MaxObjectSize = nil },
		check: func(c *record.Settings) error {
			if c.MaxObjectSize != nil && *c.MaxObjectSize < 1 {
				return fault.New(fault.InvalidArgument, "%d is no size", *c.MaxObjectSize)
			}
			return nil
		},
	}
}

func noHistoryDef() settingDef {
	return settingDef{
		name: "no-history", about: "patterns of file names that are not versioned when written on a mount; an empty one alone: none",
		perBucket: true,
		value:     func(c chosen, _ *Store) any { return c.noHistory() },
		given:     func(c *record.Settings) bool { return c.NoHistory != nil },
		set: func(c *record.Settings, values []string) error {
			if len(values) == 1 && values[0] == "" {
				values = nil
			}
			c.NoHistory = &record.Patterns{Patterns: values}
			return checkPatterns(values)
		},
		reset: func(c *record.Settings) { c.NoHistory = nil },
		check: func(c *record.Settings) error { return checkPatterns(c.GetNoHistory().GetPatterns()) },
	}
}

// defaultNoHistory are the names that editors give to what they throw away: vim's swap
// files and its probes, backups, emacs's locks and autosaves, LibreOffice's locks, and
// the files that GLib programs rename over others.
func defaultNoHistory() []string {
	return []string{".*.sw[a-p]", ".*.swx", ".*.sw[a-p]x", "4913", "*~", ".#*", "#*#", ".~lock.*#", ".goutputstream-*"}
}

// Bounds of a list of patterns, whose record must stay small and whose every entry is
// compared with the name of every file that is opened for writing.
const (
	maxPatterns   = 100
	maxPatternLen = 255
)

// checkPatterns demands patterns of package path, for the last segment of a key.
func checkPatterns(patterns []string) error {
	if len(patterns) > maxPatterns {
		return fault.New(fault.InvalidArgument, "there may be %d patterns, and these are %d", maxPatterns, len(patterns))
	}
	for _, p := range patterns {
		switch _, err := path.Match(p, ""); {
		case p == "":
			return fault.New(fault.InvalidArgument, "an empty pattern matches nothing; give it alone for no patterns at all")
		case len(p) > maxPatternLen:
			return fault.New(fault.InvalidArgument, "the pattern %.20q... is longer than %d bytes, and so than any name", p, maxPatternLen)
		case strings.Contains(p, "/"):
			return fault.New(fault.InvalidArgument, "the pattern %q has a /, but patterns are compared with the name of a file without its directory", p)
		case err != nil:
			return fault.New(fault.InvalidArgument, "%q is no pattern; * stands for any characters, ? for one, [a-z] for one of a range, and \\ takes their meaning away", p)
		}
	}
	return nil
}

func single(name string, values []string) (string, error) {
	if len(values) != 1 {
		return "", fault.New(fault.InvalidArgument, "%s takes one value", name)
	}
	return values[0], nil
}

func parseSwitch(name string, values []string) (bool, error) {
	v, err := single(name, values)
	if err != nil {
		return false, err
	}
	switch strings.ToLower(v) {
	case "on", "true", "yes", "1", "enabled":
		return true, nil
	case "off", "false", "no", "0", "disabled":
		return false, nil
	}
	return false, fault.New(fault.InvalidArgument, "%s is on or off, not %q", name, v)
}

// parseSize reads a number of bytes above 0, perhaps with a unit.
func parseSize(name string, values []string) (int64, error) {
	v, err := single(name, values)
	if err != nil {
		return 0, err
	}
	n, ok := ParseSize(v)
	if !ok {
		return 0, fault.New(fault.InvalidArgument, "%s is a number of bytes above 0, such as 5T or 1048576, not %q", name, v)
	}
	return n, nil
}

// ParseSize reads a number of bytes above 0, perhaps with a unit, all of which are powers of
// 1024: 50M, 50MB and 50MiB are the same. ok is false for anything else.
func ParseSize(v string) (n int64, ok bool) {
	digits := strings.TrimRight(v, "KMGTPEBikmgtpeb ")
	n, err := strconv.ParseInt(digits, 10, 64)
	shift, known := sizeUnits()[strings.ToUpper(strings.TrimSpace(v[len(digits):]))]
	if err != nil || !known || n < 1 || n > math.MaxInt64>>shift {
		return 0, false
	}
	return n << shift, true
}

// sizeUnits are powers of two by how people write them.
func sizeUnits() map[string]int {
	out := map[string]int{"": 0, "B": 0}
	for i, unit := range []string{"K", "M", "G", "T", "P", "E"} {
		for _, ending := range []string{"", "B", "IB"} {
			out[unit+ending] = 10 * (i + 1)
		}
	}
	return out
}
