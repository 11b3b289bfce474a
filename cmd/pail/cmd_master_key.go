package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pail/store"
	"pail/store/fault"
	"pail/store/keyring"
)

func newMasterKeyCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "master-key",
		Short: "Choose and change what opens the store's keys",
		Long: `Choose and change what opens the store's keys. What is encrypted in a store is encrypted
with keys that are sealed under store keys, and those under the master key. A store to which
nobody gave one makes a master key when it encrypts first, and keeps it beside, in
` + "`master.key`" + `: that protects contents on disks and in backups that lack that file, not
against whoever has the whole directory. With a passphrase, or a key that is kept elsewhere,
it protects against those, too, and nobody opens the store without.

` + sourcesHelp,
		RunE: runGroup,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newMasterKeyEnableCommand(g), newMasterKeyRotateCommand(g), newMasterKeyStatusCommand(g),
		newMasterKeyExportCommand(g), newMasterKeyGenerateCommand(g))
	return cmd
}

func newMasterKeyEnableCommand(g *globals) *cobra.Command {
	yes := false
	cmd := &cobra.Command{
		Use:   "enable",
		Short: "Have a store opened with a passphrase or a key that is kept elsewhere",
		Long: `Have a store opened with a passphrase or a key that is kept elsewhere, instead of the key
beside it. The store must not be in use. Names, tags, users and all else that is no content
are encrypted from then on, for which they are written again, into as much room as they have
now; an interruption leaves the store as it was or as it is to be. The log of daemons in the
store is removed. No content is written again: what was encrypted until now stays readable,
and what was not stays in the clear until it is written anew. The former key is removed; snapshots that were taken until now are opened
with it and not with the new one, so keep it (pail master-key export) as long as them.

` + sourcesHelp,
		Example: `  pail master-key enable
  pail master-key generate > /media/stick/pail.key
  pail master-key enable --master-key-file /media/stick/pail.key`,
		Args: takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := g.storeDir()
			if err != nil {
				return err
			}
			return runMasterKeyEnable(cmd, g, dir, yes)
		},
	}
	yesFlag(cmd, &yes)
	return cmd
}

func yesFlag(cmd *cobra.Command, yes *bool) {
	cmd.Flags().BoolVar(yes, "yes", false, "it is understood that a lost passphrase or key is lost data")
}

func runMasterKeyEnable(cmd *cobra.Command, g *globals, dir string, yes bool) error {
	l, err := store.ReadKeys(dir)
	if err != nil {
		return err
	}
	if l != nil && l.Source() != keyring.Beside {
		return finishEnable(cmd, g, dir, l)
	}
	m, err := newMaster(cmd, &g.unlock, dir, yes)
	if err != nil {
		return err
	}
	so := storeOptions(cmd, g, dir)
	so.MasterKey = nil // it lies beside the store
	after, err := store.ChangeKeys(so, store.KeysChange{Under: m, Records: true})
	if err != nil {
		return err
	}
	return printKeys(cmd, g.json, dir, after)
}

// finishEnable encrypts the records of a store whose master key an earlier program has changed.
func finishEnable(cmd *cobra.Command, g *globals, dir string, l *keyring.Locked) error {
	if l.Records() {
		return fault.New(fault.Exists, "the store at %s is opened with a %s already; change it with: pail master-key rotate", dir, sourceWord(l.Source()))
	}
	if err := g.unlock.prepare(cmd, dir); err != nil {
		return err
	}
	after, err := store.ChangeKeys(storeOptions(cmd, g, dir), store.KeysChange{Records: true})
	if err != nil {
		return err
	}
	return printKeys(cmd, g.json, dir, after)
}

type masterKeyRotateOptions struct {
	to  unlock // the new secret
	yes bool
}

func newMasterKeyRotateCommand(g *globals) *cobra.Command {
	opts := &masterKeyRotateOptions{}
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Make a new store key, or change the master key",
		Long: `Make a new generation of the store key, with which is sealed what is encrypted from now on,
and with --new-... have the store opened with another passphrase or key. The store must not be
in use. No data is written again; older generations stay for what they have sealed.

Whoever had the former passphrase and a copy of the file "keys" of that time can open what was
encrypted until then. Snapshots of backups are opened with the master key of when they were
taken.`,
		Example: `  pail master-key rotate
  pail master-key rotate --new-passphrase
  pail master-key rotate --passphrase-file old --new-passphrase-file new --yes`,
		Args: takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := g.storeDir()
			if err != nil {
				return err
			}
			return runMasterKeyRotate(cmd, g, opts, dir)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&opts.to.ask, "new-passphrase", false, "ask for another passphrase")
	textVar(f, &opts.to.passphraseFile, "new-passphrase-file", "`file` with another passphrase")
	textVar(f, &opts.to.keyFile, "new-master-key-file", "`file` with another master key")
	textVar(f, &opts.to.keyCommand, "new-master-key-command", "`command` of the shell that prints another master key")
	flagSuggests(cmd, "new-passphrase-file", flagFiles)
	flagSuggests(cmd, "new-master-key-file", flagFiles)
	flagSuggests(cmd, "new-master-key-command", cobra.NoFileCompletions)
	yesFlag(cmd, &opts.yes)
	return cmd
}

func runMasterKeyRotate(cmd *cobra.Command, g *globals, opts *masterKeyRotateOptions, dir string) error {
	l, err := store.ReadKeys(dir)
	if err != nil {
		return err
	}
	changes := opts.to.ask || opts.to.flags()
	if changes && l != nil && l.Source() == keyring.Beside {
		return fault.New(fault.InvalidRequest, "the store at %s has its master key beside it; choose another with: pail master-key enable", dir)
	}
	if err := g.unlock.prepare(cmd, dir); err != nil {
		return err
	}
	c := store.KeysChange{Rotate: true}
	if changes {
		if c.Under, err = newMaster(cmd, &opts.to, dir, opts.yes); err != nil {
			return err
		}
	}
	after, err := store.ChangeKeys(storeOptions(cmd, g, dir), c)
	if err != nil {
		return err
	}
	return printKeys(cmd, g.json, dir, after)
}

// newMaster is a new master key from where u says, or else of a passphrase that is asked for
// twice; after whoever asked for it knows what losing it means.
func newMaster(cmd *cobra.Command, u *unlock, dir string, yes bool) (*keyring.Master, error) {
	if err := u.outside(dir); err != nil {
		return nil, err
	}
	secret, source, err := []byte(nil), keyring.Passphrase, error(keyring.ErrNotGiven)
	if !u.ask {
		secret, source, err = u.find(cmd.Context())
	}
	asks := errors.Is(err, keyring.ErrNotGiven)
	if err != nil && !asks {
		return nil, err
	}
	defer clear(secret)
	if err := warnOfLoss(cmd, yes); err != nil {
		return nil, err
	}
	if asks {
		if secret, err = askTwice(cmd.Context()); err != nil {
			return nil, err
		}
		source = keyring.Passphrase
	}
	m, err := keyring.NewMaster(source, secret)
	if err != nil {
		return nil, usageError{err}
	}
	return m, nil
}

// outside refuses a secret in the directory that it is to protect.
func (u *unlock) outside(dir string) error {
	for _, path := range []string{u.passphraseFile, u.keyFile} {
		if path == "" {
			continue
		}
		real, err := filepath.EvalSymlinks(path)
		if err != nil {
			continue // reading it says why
		}
		if real, err = absolute(real); err != nil {
			return err
		}
		if at, err := filepath.EvalSymlinks(dir); err == nil && strings.HasPrefix(real, at+"/") {
			return usagef("%s lies in the store, which it would not protect; keep it elsewhere", path)
		}
	}
	return nil
}

const lossText = `Whoever has not got the passphrase or the key cannot open the store, and nobody can help:
if it is lost, so is everything in the store. Keep a copy in a safe place that does not burn
with this machine.
`

// warnOfLoss tells what losing a master key means, and goes on when that is understood.
func warnOfLoss(cmd *cobra.Command, yes bool) error {
	if _, err := io.WriteString(cmd.ErrOrStderr(), lossText); err != nil || yes {
		return err
	}
	tty, err := openTerminal()
	if err != nil {
		return usagef("say that it is understood with --yes")
	}
	defer tty.Close()
	if _, err := io.WriteString(tty, "Go on? Type yes: "); err != nil {
		return fmt.Errorf("ask at the terminal: %w", err)
	}
	line, err := bufio.NewReader(tty).ReadString('\n')
	if strings.TrimSpace(line) != "yes" {
		return usagef("nothing was changed")
	}
	return err
}

// askTwice asks for a new passphrase.
func askTwice(ctx context.Context) ([]byte, error) {
	tty, err := openTerminal()
	if err != nil {
		return nil, usagef("there is no terminal to ask at; name a source, such as --passphrase-file")
	}
	defer tty.Close()
	first, err := askSecret(ctx, tty, "New passphrase: ")
	if err != nil {
		return nil, err
	}
	if len(first) < keyring.MinPassphrase {
		return nil, usageError{keyring.ErrShort}
	}
	second, err := askSecret(ctx, tty, "Again: ")
	if err != nil {
		return nil, err
	}
	defer clear(second)
	if !bytes.Equal(first, second) {
		return nil, usagef("the two are not the same; nothing was changed")
	}
	return first, nil
}

func newMasterKeyStatusCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what opens the store's keys, and their generations",
		Args:  takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := g.storeDir()
			if err != nil {
				return err
			}
			l, err := store.ReadKeys(dir)
			if err != nil {
				return err
			}
			return printKeys(cmd, g.json, dir, l)
		},
	}
}

// A keysShown is what there is to tell of a store's keys.
type keysShown struct {
	Store       string               `json:"store"`
	MasterKey   keyring.Source       `json:"master_key"` // "" if there is none yet
	Changed     *time.Time           `json:"changed,omitempty"`
	Records     bool                 `json:"records_encrypted"`
	Generations []keyring.Generation `json:"generations"`
}

func printKeys(cmd *cobra.Command, asJSON bool, dir string, l *keyring.Locked) error {
	shown := keysShown{Store: dir, Generations: []keyring.Generation{}}
	if l != nil {
		at := l.Changed()
		shown.MasterKey, shown.Changed, shown.Records, shown.Generations = l.Source(), &at, l.Records(), l.Generations()
	}
	if asJSON {
		return printJSON(cmd.OutOrStdout(), shown)
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "store:\t%s\n", dir)
	fmt.Fprintf(w, "master key:\t%s\n", masterKeyLine(string(shown.MasterKey)))
	fmt.Fprintf(w, "records:\t%s\n", recordsLine(l))
	for i, g := range shown.Generations {
		state := "for what it has sealed"
		if i == len(shown.Generations)-1 {
			state = "in use"
		}
		fmt.Fprintf(w, "store key %d:\tmade %s, %s\n", g.Number, shownTime(g.Made), state)
	}
	return w.Flush()
}

// masterKeyLine says what opens the keys of a store and what that is good for.
func masterKeyLine(source string) string {
	switch keyring.Source(source) {
	case "":
		return "none yet; one is made beside the store when something is to be encrypted first"
	case keyring.Beside:
		return "beside the store, in master.key: it protects contents on disks and in backups that lack that file, not against whoever has the whole directory"
	case keyring.Passphrase:
		return "of a passphrase"
	}
	return "kept elsewhere"
}

// recordsLine says whether names and all else that is no content are encrypted.
func recordsLine(l *keyring.Locked) string {
	switch {
	case l != nil && l.Records():
		return "encrypted, names and all"
	case l != nil && l.Source() != keyring.Beside:
		return "in the clear; pail master-key enable encrypts them"
	}
	return "in the clear; with a master key of your own (pail master-key enable) they are encrypted"
}

func sourceWord(s keyring.Source) string {
	if s == keyring.Passphrase {
		return "passphrase"
	}
	return "master key"
}

func newMasterKeyExportCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "export",
		Short: "Print the master key, for a copy on paper",
		Long: `Print the master key of a store that has it beside, or is opened with one that is kept
elsewhere. --master-key-file and the others take what is printed.`,
		Args: takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := g.storeDir()
			if err != nil {
				return err
			}
			if err := g.unlock.prepare(cmd, dir); err != nil {
				return err
			}
			k, err := store.ExportMasterKey(storeOptions(cmd, g, dir))
			if err != nil {
				return err
			}
			defer k.Wipe()
			return printMasterKey(cmd.OutOrStdout(), g.json, keyring.KeyText(k))
		},
	}
}

func newMasterKeyGenerateCommand(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "generate",
		Short:   "Print a new key for --master-key-file",
		Example: "  pail master-key generate > /media/stick/pail.key",
		Args:    takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return printMasterKey(cmd.OutOrStdout(), g.json, string(keyring.NewSecret()))
		},
	}
}

func printMasterKey(out io.Writer, asJSON bool, key string) error {
	if asJSON {
		return printJSON(out, map[string]string{"master_key": key})
	}
	_, err := fmt.Fprintln(out, key)
	return err
}

// firstMaster is the master key of a store that is to be made.
func firstMaster(cmd *cobra.Command, g *globals, dir string, yes bool) (*keyring.Master, error) {
	if store.IsStore(dir) {
		return nil, fault.New(fault.Exists, "%s is a store already; encrypt it with: pail master-key enable", dir)
	}
	return newMaster(cmd, &g.unlock, dir, yes)
}
