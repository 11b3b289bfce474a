package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"pail/store/web/control"
)

// An output is standard output. It remembers its first failure, after which it takes
// nothing more, so that no command ends as if it had said what it did not.
type output struct {
	w   io.Writer
	err error // an *outputError
}

// An outputError is a failure of standard output, not of what was asked for.
type outputError struct{ err error }

func (e *outputError) Error() string {
	return "cannot write to standard output: " + cause(e.err).Error()
}
func (e *outputError) Unwrap() error { return e.err }

func (o *output) Write(b []byte) (n int, err error) {
	if o.err == nil {
		if n, err = o.w.Write(b); err != nil {
			o.err = &outputError{err}
		}
	}
	return n, o.err
}

// terminal says whether a person sees what is written.
func (o *output) terminal() bool {
	f, ok := o.w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// outcome is how the command ended that returned err. What failed because of standard
// output failed of nothing else.
func (o *output) outcome(err error) error {
	if o.err != nil && (err == nil || errors.Is(err, o.err)) {
		return o.err
	}
	return err
}

// printJSON writes one value on one line.
func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// jsonLines returns a function that prints one result of a listing.
func jsonLines[Item any](w io.Writer) func(Item) error {
	return func(it Item) error { return printJSON(w, it) }
}

// shown is a name as a terminal can show it: quoted if it holds something that
// cannot be seen or would be obeyed.
func shown(name string) string {
	if name == "" || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(name)
	}
	return name
}

func shownTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// shownSize is a number of bytes for people, in powers of 1024.
func shownSize(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return strconv.FormatInt(n, 10)
	}
	f, u := float64(n)/1024, 0
	for f >= 1023.95 && u < len(units)-1 {
		f /= 1024
		u++
	}
	return fmt.Sprintf("%.1f%c", f, units[u])
}

// plural is a number with its noun.
func plural(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// whoNames turns the makers of versions into names, asking the system once for each.
type whoNames map[uint32]string

func (names whoNames) of(w control.Who) string {
	if w.Door == "store" {
		return "pail"
	}
	if _, user, ok := strings.Cut(w.Principal, ":user/"); ok { // not for whom the daemon's own root acts
		return user[strings.LastIndexByte(user, '/')+1:] + " via " + w.Door
	}
	if _, role, ok := strings.Cut(w.Principal, ":assumed-role/"); ok {
		return role + " via " + w.Door
	}
	name, ok := names[w.UID]
	if !ok {
		name = strconv.FormatUint(uint64(w.UID), 10)
		if u, err := user.LookupId(name); err == nil {
			name = u.Username
		}
		names[w.UID] = name
	}
	return name + " via " + w.Door
}
