package fs

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/fault"
)

// FuzzMountOptions: options that a mount takes are each one that it knows alone, and no
// other fails but as an argument.
func FuzzMountOptions(f *testing.F) {
	f.Add("ro", "noexec", "fsname=a,b")
	f.Add("x-systemd.automount", "context=\"system_u:object_r:x\"", "no-such")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		list := []string{a, b, c}
		m, err := parseMountOptions(list)
		if err != nil && !fault.Is(err, fault.InvalidArgument) {
			t.Fatal(err)
		}
		known := !slices.ContainsFunc(list, func(o string) bool { return !KnowsOption(o) })
		if known != (err == nil) {
			t.Fatalf("%q: %v, though each is known: %v", list, err, known)
		}
		for _, name := range m.names {
			if !slices.Contains(list, name) {
				t.Fatalf("%q has %q", list, name)
			}
		}
	})
}

// FuzzMounts reads the kernel's list of mounts: whatever a mount and its source are called,
// they come back from what the kernel writes, and any other line is passed over.
func FuzzMounts(f *testing.F) {
	f.Add("/mnt/a b\\040c", "/var/lib/pail", []byte("36 35 0:42 / /mnt - fuse"))
	f.Add("/\n\t#", " - ", []byte("\\9 - \\"))
	f.Add("/no\u00a0break", "/vertical\v", []byte{})
	escape := func(s string) string { // mangle in fs/proc_namespace.c
		var b strings.Builder
		for _, c := range []byte(s) {
			if strings.IndexByte(" \t\n\\#", c) >= 0 {
				fmt.Fprintf(&b, "\\%03o", c)
			} else {
				b.WriteByte(c)
			}
		}
		return b.String()
	}
	f.Fuzz(func(t *testing.T, dir, source string, line []byte) {
		if _, err := parseMounts(strings.NewReader(string(line))); err != nil {
			t.Fatal(err)
		}
		if dir == "" || source == "" || strings.Contains(dir+source, "\x00") {
			return // no path
		}
		dir = "/" + dir // the kernel writes no others
		all, err := parseMounts(strings.NewReader("36 35 0:42 / " + escape(dir) + " rw,nosuid shared:1 - fuse.pail " + escape(source) + " rw\n"))
		want := mountEntry{dir: dir, device: "0:42", kind: "fuse.pail", source: source}
		if err != nil || len(all) != 1 || all[0] != want {
			t.Fatalf("%+v is read as %+v, %v", want, all, err)
		}
	})
}

// FuzzHistoryNames: a name in .versions that is understood names a version by an id, and a
// node that is called after a moment is of that moment.
func FuzzHistoryNames(f *testing.F) {
	f.Add("2026-11-23T12:00:00Z_0123.deleted", uint64(7), int64(8))
	f.Add("@-2h\x001\x002\x003", uint64(1<<63), int64(-1))
	f.Fuzz(func(t *testing.T, name string, seq uint64, ns int64) {
		if id, ok := versionOfName(name); ok && (id == "" || !strings.Contains(name, "_"+id)) {
			t.Fatalf("%q names version %q", name, id)
		}
		_, _ = momentOfName(name)
		if strings.Contains(name, "\x00") {
			return // no name has it
		}
		at := store.Moment{Seq: seq, Last: time.Unix(0, ns).UTC()}
		if got, ok := momentOfName(momentName(name, at, 3)); !ok || got != at {
			t.Fatalf("%+v is read as %+v, %v", at, got, ok)
		}
	})
}

// FuzzField reads lines as those of /proc: a value stands behind its name at the beginning
// of a line.
func FuzzField(f *testing.F) {
	f.Add("pos:\t0\nflags:\t0100002\nino:\t7\n", "flags:")
	f.Fuzz(func(t *testing.T, info, name string) {
		v := field(info, name)
		if v != "" && !strings.Contains("\n"+info, "\n"+name) {
			t.Fatalf("%q has %q of %q", info, v, name)
		}
	})
}
