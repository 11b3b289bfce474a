package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newManCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "man",
		Short:  "Print the manual page",
		Long:   "Print the manual page pail(1), made of what the help texts say. make install puts it in place.",
		Hidden: true,
		Args:   takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := io.WriteString(cmd.OutOrStdout(), manual(cmd.Root()))
			return err
		},
	}
}

// A page is a manual page in the making, in the man macros of roff (man(7)).
type page struct{ strings.Builder }

// manual is pail(1).
func manual(root *cobra.Command) string {
	var p page
	p.macro("TH", "PAIL", "1", "", "pail "+release(), "User Commands")
	p.macro("SH", "NAME")
	p.line("pail - " + strings.ToLower(root.Short[:1]) + root.Short[1:])
	p.macro("SH", "SYNOPSIS")
	p.macro("B", root.Name())
	p.macro("I", "COMMAND [ARGUMENT...] [FLAG...]")
	p.macro("SH", "DESCRIPTION")
	about, codes, _ := strings.Cut(root.Long, "\n\nExit codes:\n")
	p.text(about)
	p.macro("SH", "COMMANDS")
	p.commands(root)
	p.macro("SH", "FLAGS OF EVERY COMMAND")
	p.flags(root.PersistentFlags())
	p.macro("SH", "EXIT STATUS")
	p.example(codes)
	p.text("As mount.pail it exits as mount(8) documents.")
	p.macro("SH", "ENVIRONMENT")
	p.term("PAIL_STORE", "The store of a command that names none with --store.")
	p.term("GOMEMLIMIT, GOMAXPROCS", "Limits of the Go runtime, which pail sets itself if they are not set.")
	p.macro("SH", "FILES")
	p.term(rootStore+", ~/.local/share/pail", "The default store of root and of everyone else.")
	p.term(rootMountpoint+", ~/Pail", "The default mountpoint.")
	p.term("STORE/daemon.log", "The log of a daemon in the background.")
	p.term("/etc/fuse.conf", "user_allow_other in it lets ordinary users mount with --allow-other.")
	p.macro("SH", "SEE ALSO")
	p.line("fusermount3(1), mount(8), fstab(5), systemd.unit(5)")
	return p.String()
}

// commands describes what can be run below cmd.
func (p *page) commands(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		if !c.IsAvailableCommand() || c.Name() == "help" {
			continue
		}
		if c.Runnable() {
			p.macro("SS", strings.TrimSuffix(c.UseLine(), " [flags]"))
			p.text(cmpOr(c.Long, c.Short+"."))
			p.flags(c.LocalNonPersistentFlags())
			if c.HasPersistentFlags() {
				p.flags(c.PersistentFlags())
			}
			if c.Example != "" {
				p.macro("PP")
				p.example(c.Example)
			}
		}
		p.commands(c)
	}
}

func cmpOr(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (p *page) flags(set *pflag.FlagSet) {
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if value != "" {
			name += " " + value
		}
		p.term(name, strings.ToUpper(usage[:1])+usage[1:]+".")
	})
}

func (p *page) term(name, about string) {
	p.macro("TP")
	p.macro("B", name)
	p.line(about)
}

// text is prose in which lines that are indented stay as they are.
func (p *page) text(s string) {
	for _, paragraph := range strings.Split(s, "\n\n") {
		p.macro("PP")
		if strings.HasPrefix(paragraph, "  ") {
			p.example(paragraph)
			continue
		}
		for line := range strings.Lines(paragraph) {
			p.line(strings.TrimSpace(line))
		}
	}
}

func (p *page) example(s string) {
	p.macro("EX")
	for line := range strings.Lines(s) {
		p.line(strings.TrimRight(line, "\n"))
	}
	p.macro("EE")
}

// macro is a request with arguments in quotes.
func (p *page) macro(name string, args ...string) {
	fmt.Fprintf(p, ".%s", name)
	for _, a := range args {
		fmt.Fprintf(p, ` "%s"`, strings.ReplaceAll(escapeRoff(a), `"`, `\(dq`))
	}
	p.WriteByte('\n')
}

// line is a line of text, which must not be taken for a request.
func (p *page) line(s string) {
	s = escapeRoff(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	p.WriteString(s + "\n")
}

func escapeRoff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "~", `\(ti`, "^", `\(ha`, "'", `\(aq`, "`", `\(ga`).Replace(s)
}
