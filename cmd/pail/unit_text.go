package main

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// How words stand in unit files: systemd.syntax(7), systemd.unit(5) on specifiers and
// systemd.service(5) on command lines.

// checkUnitText refuses what no unit file can hold.
func checkUnitText(s string) error {
	if !utf8.ValidString(s) {
		return usagef("%q is not UTF-8, which unit files are", s)
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return usagef("%q has a control character, which does not go into a unit file", s)
	}
	return nil
}

// unitText is text that runs to the end of the line.
func unitText(s string) string {
	s = strings.ReplaceAll(s, "%", "%%")
	if strings.HasSuffix(s, `\`) {
		s += " " // else the next line would belong to this one
	}
	return s
}

// unitWord is one word of a list.
func unitWord(s string) string {
	s = strings.ReplaceAll(s, "%", "%%")
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plainInUnit(r) }) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// unitArgument is one word of a command line, where $ begins a variable.
func unitArgument(s string) string { return unitWord(strings.ReplaceAll(s, "$", "$$")) }

func plainInUnit(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r >= utf8.RuneSelf && unicode.IsPrint(r) && !unicode.IsSpace(r) ||
		strings.ContainsRune("_-+=:,./@%$~", r)
}
