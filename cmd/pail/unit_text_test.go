package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// splitUnitCommand takes a command line apart as systemd does; the inverse of joining
// unitArguments with spaces.
func splitUnitCommand(line string) ([]string, error) {
	var words []string
	for line = strings.TrimLeft(line, " "); line != ""; line = strings.TrimLeft(line, " ") {
		word, rest, err := cutUnitWord(line)
		if err != nil {
			return nil, err
		}
		word = strings.NewReplacer("%%", "%", "$$", "$").Replace(word)
		words, line = append(words, word), rest
	}
	return words, nil
}

func cutUnitWord(line string) (word, rest string, err error) {
	if !strings.HasPrefix(line, `"`) {
		word, rest, _ = strings.Cut(line, " ")
		return word, rest, nil
	}
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			return b.String(), line[i+1:], nil
		case c == '\\' && i+1 < len(line):
			i++
			b.WriteByte(line[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", fmt.Errorf("a quoted word does not end")
}

func TestUnitArgumentsComeBack(t *testing.T) {
	words := []string{
		"/usr/bin/pail", "mount", "", "/srv/a b", `/srv/"quoted"`, `back\slash`, "100%", "%h", "$HOME", "${X}", ";", "'", "#no comment",
		"ä ö", "a;b", "--", "tail\\",
	}
	var quoted []string
	for _, w := range words {
		quoted = append(quoted, unitArgument(w))
	}
	got, err := splitUnitCommand(strings.Join(quoted, " "))
	if err != nil || !slices.Equal(got, words) {
		t.Errorf("got %q (%v), want %q", got, err, words)
	}
	for word, want := range map[string]string{
		"/usr/bin/pail": "/usr/bin/pail", "/srv/a b": `"/srv/a b"`, "50%": "50%%", "$x": "$$x", "": `""`, `a"b`: `"a\"b"`,
	} {
		if got := unitArgument(word); got != want {
			t.Errorf("%q is %s, want %s", word, got, want)
		}
	}
	for _, bad := range []string{"new\nline", "\xff", "tab\t"} {
		if err := checkUnitText(bad); exitCode(err) != exitUsage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestUnit(t *testing.T) {
	opts := &systemdOptions{program: "/opt/pail 1/pail"}
	opts.bucket, opts.allowOther, opts.uid, opts.options = "photos/2026", true, "1000", []string{"ro,noexec"}
	u, err := opts.unit(&globals{store: "/srv/the store"}, []string{"/mnt/100%"})
	if err != nil {
		t.Fatal(err)
	}
	text := u.text()
	for _, want := range []string{
		"Description=Pail, the store /srv/the store mounted at /mnt/100%%\n",
		"RequiresMountsFor=\"/srv/the store\" /mnt\n",
		`ExecStart="/opt/pail 1/pail" mount --store "/srv/the store" --bucket=photos/2026 --uid=1000 --allow-other -o ro,noexec -- /mnt/100%%` + "\n",
		`ExecStop=-"/opt/pail 1/pail" umount --store "/srv/the store" -- /mnt/100%%` + "\n",
		"Type=notify\n", "Restart=on-failure\n", "NoNewPrivileges=yes\n", "WantedBy=multi-user.target\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the unit lacks %q:\n%s", want, text)
		}
	}
	// What would hide the mount from everybody else, or the device from us.
	for _, never := range []string{"Protect", "Private", "Device", "ReadOnlyPaths", "InaccessiblePaths", "RootDirectory", "MountFlags"} {
		if strings.Contains(text, "\n"+never) {
			t.Errorf("the unit has %s", never)
		}
	}
	user := (unit{user: true, program: "/usr/bin/pail"}).text()
	if !strings.Contains(user, "ExecStart=/usr/bin/pail mount\n") || !strings.Contains(user, "WantedBy=default.target\n") ||
		strings.Contains(user, "NoNewPrivileges") || strings.Contains(user, "RequiresMountsFor") {
		t.Errorf("a user's unit:\n%s", user)
	}
	for i, o := range []systemdOptions{{mountOptions: mountOptions{uid: "no-such-user"}}, {program: "/a\nb"}, {mountOptions: mountOptions{bucket: "Bad"}}} {
		if _, err := o.unit(&globals{}, nil); exitCode(err) != exitUsage {
			t.Errorf("%d: %v", i, err)
		}
	}
}
