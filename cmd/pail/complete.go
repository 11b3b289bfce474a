package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"

	pailfs "pail/fs"
	"pail/store"
	"pail/store/web/control"
)

// Completion of what stands in a store. A shell asks while a person waits, so that an
// answer is small and comes soon or not at all: no store is made, none that is busy is
// waited for, and nothing is ever printed but suggestions.

const (
	suggestWithin = 2 * time.Second
	suggestMost   = 200
)

// A suggester says what could be at the place of word. The arguments before it are args.
// A suggestion may carry a description after a tab.
type suggester func(ctx context.Context, c *control.Client, args []string, word string) ([]string, error)

// errEnough ends a listing.
var errEnough = errors.New("enough")

// suggest makes a completion of a suggester for each argument; there are no more
// arguments than suggesters, unless the last is to be used over and over.
func suggest(g *globals, over bool, each ...suggester) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		n := len(args)
		if over {
			n = min(n, len(each)-1)
		}
		if n >= len(each) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return suggestions(cmd, g, each[n], args, word)
	}
}

func suggestions(cmd *cobra.Command, g *globals, fn suggester, args []string, word string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), suggestWithin)
	defer cancel()
	c, end := glance(ctx, g)
	if c == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer end()
	found, err := fn(ctx, c, args, word)
	if err != nil && !errors.Is(err, errEnough) {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return presented(found)
}

// presented leaves out what a shell would misread, and has it add no space where more
// is to come.
func presented(found []string) ([]string, cobra.ShellCompDirective) {
	directive := cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	kept := found[:0]
	for _, s := range found {
		name, about, _ := strings.Cut(s, "\t")
		if !utf8.ValidString(s) || strings.ContainsFunc(name+about, func(r rune) bool { return !unicode.IsPrint(r) }) {
			continue
		}
		if strings.HasSuffix(name, "/") || strings.HasSuffix(name, "=") {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		kept = append(kept, s)
	}
	return kept, directive
}

// glance reaches a store that is there and free, or whose daemon answers at once; nil
// otherwise.
func glance(ctx context.Context, g *globals) (*control.Client, func()) {
	dir, err := g.storeDir()
	if err != nil || !store.IsStore(dir) {
		return nil, nil
	}
	c, err := control.Dial(ctx, store.SocketPath(dir))
	if err == nil {
		return c, func() { _ = c.Close() }
	}
	if !errors.Is(err, control.ErrNoDaemon) {
		return nil, nil
	}
	st, err := store.Open(ctx, store.Options{Dir: dir, AllowAnyFS: g.allowAnyFS, WithoutMasterKey: true})
	if err != nil {
		return nil, nil
	}
	safe := context.WithoutCancel(ctx)
	c, err = control.Local(ctx, control.NewHandler(st, nil, release(), slog.New(slog.DiscardHandler)))
	if err != nil {
		_ = st.Close(safe)
		return nil, nil
	}
	return c, func() {
		_ = c.Close()
		_ = st.Close(safe)
	}
}

func begun(words []string, word string) (found []string) {
	for _, w := range words {
		if strings.HasPrefix(w, word) {
			found = append(found, w)
		}
	}
	return found
}

// mountpoints suggests where Pail is mounted: the store that the command line names,
// or any.
func mountpoints(g *globals) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		source := ""
		if g.store != "" {
			source, _ = g.storeDir()
		}
		places, _ := pailfs.MountsOf(source)
		slices.Sort(places)
		return presented(begun(places, word))
	}
}

// directories has the shell complete directories, for the first argument or a flag.
func directories(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// flagDirectories is for flags, before and after which arguments may stand.
func flagDirectories(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

func flagFiles(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveDefault
}

// flagSuggests completes a flag's value. That there is such a flag a test shows.
func flagSuggests(cmd *cobra.Command, name string, fn cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(name, fn); err != nil {
		panic(err)
	}
}

// subcommandNames are the commands below one that a person may begin with word.
func subcommandNames(cmd *cobra.Command, word string) (found []string) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() && strings.HasPrefix(sub.Name(), word) {
			found = append(found, sub.Name()+"\t"+sub.Short)
		}
	}
	return found
}

func joined(first string, rest []string) string {
	return strings.Join(append([]string{first}, rest...), " ")
}
