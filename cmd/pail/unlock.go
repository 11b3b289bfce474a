package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"pail/store"
	"pail/store/fault"
	"pail/store/keyring"
	"pail/store/web/control"
)

// Where a secret can come from besides flags.
const (
	masterKeyEnv   = "PAIL_MASTER_KEY"       // a key or a passphrase
	secretFdEnv    = "PAIL_SECRET_FD"        // what the parent of a background daemon was given
	credentialsEnv = "CREDENTIALS_DIRECTORY" // of systemd, systemd.exec(5)
	credentialName = "pail.master-key"
)

// maxSecret is how long a secret may be, in bytes, with the end of its line.
const maxSecret = 64 << 10

const sourcesHelp = `The store's keys are opened with a passphrase, of which the program makes a key by
Argon2id, or with a key of 256 bits that is kept elsewhere. Either is taken from, in this
order: --passphrase-file, --passphrase-fd, --master-key-file, --master-key-command; the
variable ` + masterKeyEnv + `; the systemd credential ` + credentialName + `; whoever sits at the
terminal.`

// An unlock is where the secret is that opens the store's keys.
type unlock struct {
	passphraseFile string
	passphraseFD   string
	keyFile        string
	keyCommand     string
	ask            bool // for a new one, whatever else there is
	optional       bool // the command has something to do without it, too

	given []byte // what was asked for at the terminal, or can be had only once
	asked bool   // at the terminal, whatever the answer
}

func (u *unlock) addFlags(f *pflag.FlagSet) {
	textVar(f, &u.passphraseFile, "passphrase-file", "`file` with the passphrase of the store")
	textVar(f, &u.passphraseFD, "passphrase-fd", "open `descriptor` to read the passphrase of the store from")
	textVar(f, &u.keyFile, "master-key-file", "`file` with the master key of the store: 32 bytes, in hexadecimal digits or base64")
	textVar(f, &u.keyCommand, "master-key-command", "`command` of the shell that prints the master key of the store")
}

func (u *unlock) suggest(cmd *cobra.Command) {
	flagSuggests(cmd, "passphrase-file", flagFiles)
	flagSuggests(cmd, "master-key-file", flagFiles)
	flagSuggests(cmd, "passphrase-fd", cobra.NoFileCompletions)
	flagSuggests(cmd, "master-key-command", cobra.NoFileCompletions)
}

// find returns the secret that flags, environment or system give, and whether it is made
// a master key of as a passphrase; keyring.ErrNotGiven if there is none.
func (u *unlock) find(ctx context.Context) (secret []byte, source keyring.Source, err error) {
	credential := ""
	if dir := os.Getenv(credentialsEnv); dir != "" {
		credential = filepath.Join(dir, credentialName)
		if _, err := os.Stat(credential); errors.Is(err, fs.ErrNotExist) {
			credential = ""
		}
	}
	value := os.Getenv(masterKeyEnv)
	switch {
	case u.passphraseFile != "":
		secret, err = readSecretFile(u.passphraseFile)
		return secret, keyring.Passphrase, err
	case u.passphraseFD != "":
		secret, err = readSecretFD(u.passphraseFD)
		u.given = bytes.Clone(secret) // it is read once
		return secret, keyring.Passphrase, err
	case u.keyFile != "":
		secret, err = readSecretFile(u.keyFile)
	case u.keyCommand != "":
		secret, err = secretOfCommand(ctx, u.keyCommand)
	case value != "":
		_ = os.Unsetenv(masterKeyEnv) // so that no program that we start has it
		secret = []byte(value)
		u.given = bytes.Clone(secret)
	case u.given != nil:
		secret = bytes.Clone(u.given)
	case credential != "":
		secret, err = readSecretFile(credential)
	default:
		err = keyring.ErrNotGiven
	}
	return secret, keyring.External, err
}

// opener is what a store asks for the secret of its keys.
func (u *unlock) opener(ctx context.Context) func(keyring.Source) ([]byte, error) {
	return func(keyring.Source) ([]byte, error) {
		if secret, err := inheritedSecret(); secret != nil || err != nil {
			return secret, err
		}
		if u.given != nil {
			return bytes.Clone(u.given), nil
		}
		secret, _, err := u.find(ctx)
		return secret, err
	}
}

// prepare asks whoever sits at the terminal, if the store at dir has to be opened here and
// nobody else gives its secret: before anything else is written there.
func (u *unlock) prepare(cmd *cobra.Command, dir string) error {
	source := store.MasterKeyNeeded(dir)
	if source == "" || u.asked || os.Getenv(secretFdEnv) != "" || u.flags() || os.Getenv(masterKeyEnv) != "" || os.Getenv(credentialsEnv) != "" {
		return nil
	}
	if c, err := control.Dial(cmd.Context(), store.SocketPath(dir)); err == nil {
		return c.Close() // it has opened it
	}
	tty, err := openTerminal()
	if err != nil {
		return nil // the store says what it lacks
	}
	defer tty.Close()
	what := "passphrase"
	if source != keyring.Passphrase {
		what = "master key"
	}
	hint := ""
	if u.optional {
		hint = " (empty: go on without it)"
	}
	secret, err := askSecret(cmd.Context(), tty, fmt.Sprintf("%s of the store %s%s: ", what, dir, hint))
	if err != nil {
		return err
	}
	u.asked = true
	if len(secret) > 0 {
		u.given = secret
	}
	return nil
}

// named says whether somebody has said what opens the store.
func (u *unlock) named() bool { return u.flags() || u.given != nil || os.Getenv(masterKeyEnv) != "" }

// asker is opener that asks whoever sits at the terminal if nobody else gives the secret of
// what there is to be opened; nothing else is written there meanwhile.
func (u *unlock) asker(ctx context.Context, what string, p *progress) func(keyring.Source) ([]byte, error) {
	open := u.opener(ctx)
	return func(source keyring.Source) ([]byte, error) {
		secret, err := open(source)
		if !errors.Is(err, keyring.ErrNotGiven) {
			return secret, err
		}
		tty, failed := openTerminal()
		if failed != nil {
			return nil, err
		}
		defer tty.Close()
		word := "passphrase"
		if source != keyring.Passphrase {
			word = "master key"
		}
		failed = p.aside(func() error {
			secret, err = askSecret(ctx, tty, fmt.Sprintf("%s of %s: ", word, what))
			return nil
		})
		if err == nil && len(secret) == 0 {
			err = keyring.ErrNotGiven
		}
		return secret, errors.Join(err, failed)
	}
}

func (u *unlock) flags() bool {
	return u.passphraseFile != "" || u.passphraseFD != "" || u.keyFile != "" || u.keyCommand != ""
}

// or is u, or what the other one says where u says nothing.
func (u unlock) or(other unlock) unlock {
	if u.flags() {
		return u
	}
	return other
}

// forUnit makes the paths of files absolute, for there is no directory of ours in a unit, and
// refuses what it cannot have.
func (u *unlock) forUnit() (err error) {
	if u.passphraseFD != "" {
		return usagef("--passphrase-fd does not go into a unit; let systemd have the passphrase: LoadCredential=%s:FILE", credentialName)
	}
	for _, path := range []*string{&u.passphraseFile, &u.keyFile} {
		if *path != "" && err == nil {
			*path, err = absolute(*path)
		}
	}
	return err
}

// asFlags are the flags as they were given.
func (u *unlock) asFlags() (flags []string) {
	for _, f := range []struct{ name, value string }{
		{"passphrase-file", u.passphraseFile}, {"master-key-file", u.keyFile}, {"master-key-command", u.keyCommand},
	} {
		if f.value != "" {
			flags = append(flags, "--"+f.name+"="+f.value)
		}
	}
	return flags
}

// openTerminal opens the terminal of the person who has started the program.
func openTerminal() (*os.File, error) {
	return os.OpenFile("/dev/tty", os.O_RDWR|unix.O_NOCTTY, 0)
}

// askSecret asks for a line that is not shown, until ctx ends. Whoever interrupts it gets his
// terminal back as it was.
func askSecret(ctx context.Context, tty *os.File, prompt string) ([]byte, error) {
	if _, err := io.WriteString(tty, prompt); err != nil {
		return nil, fmt.Errorf("ask at the terminal: %w", err)
	}
	fd := int(tty.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, fmt.Errorf("ask at the terminal: %w", err)
	}
	var secret []byte
	read := make(chan error, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		secret = line
		read <- err
	}()
	select {
	case err = <-read:
	case <-ctx.Done(): // who reads goes on until the process has ended
		err = errors.Join(context.Cause(ctx), term.Restore(fd, before))
		_, _ = io.WriteString(tty, "\n")
		return nil, err
	}
	_, _ = io.WriteString(tty, "\n")
	if err != nil {
		return nil, fmt.Errorf("ask at the terminal: %w", err)
	}
	return secret, nil
}

func readSecretFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the secret in %s cannot be read: %w", path, cause(err))
	}
	defer f.Close()
	return readSecretFrom(f, path)
}

func readSecretFD(text string) ([]byte, error) {
	fd, err := strconv.Atoi(text)
	if err != nil || fd < 0 {
		return nil, usagef("%q is no number of a descriptor", text)
	}
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, usagef("the descriptor %d is not open", fd)
	}
	f := os.NewFile(uintptr(dup), "descriptor "+text)
	defer f.Close()
	return readSecretFrom(f, "descriptor "+text)
}

// readSecretFrom reads a secret; nothing is none.
func readSecretFrom(in io.Reader, what string) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(in, maxSecret+1))
	if err != nil {
		return nil, fmt.Errorf("the secret in %s cannot be read: %w", what, cause(err))
	}
	if len(b) > maxSecret {
		return nil, usagef("%s holds more than a passphrase or a key", what)
	}
	if b = keyring.Line(b); len(b) == 0 {
		return nil, usagef("%s is empty", what)
	}
	return b, nil
}

// secretOfCommand is what a command of the shell prints. It does not get the secrets that we
// have, and says on our standard error what it has to say.
func secretOfCommand(ctx context.Context, command string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, masterKeyEnv+"=") })
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fault.New(fault.AccessDenied, "the command for the master key failed: %v", err)
	}
	return readSecretFrom(bytes.NewReader(out), "what the command for the master key prints")
}

// inheritedSecret is what the parent of a background daemon has sent, nil if there is none.
func inheritedSecret() ([]byte, error) {
	value := os.Getenv(secretFdEnv)
	if value == "" {
		return nil, nil
	}
	_ = os.Unsetenv(secretFdEnv)
	secret, err := readSecretFD(value)
	if err != nil {
		return nil, err
	}
	fd, _ := strconv.Atoi(value) // readSecretFD has read it
	return secret, unix.Close(fd)
}

// secretPipe is the reading end of a pipe with the secret of the store at dir, if it has to be
// opened and one is given; nil otherwise.
func (u *unlock) secretPipe(ctx context.Context, dir string) (*os.File, error) {
	if store.MasterKeyNeeded(dir) == "" {
		return nil, nil
	}
	if c, err := control.Dial(ctx, store.SocketPath(dir)); err == nil {
		return nil, c.Close()
	}
	secret, err := u.opener(ctx)("")
	if errors.Is(err, keyring.ErrNotGiven) {
		return nil, nil // the child says so
	}
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	from, to, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start a daemon: %w", err)
	}
	if _, err := to.Write(secret); err != nil { // there is room for maxSecret
		err = fmt.Errorf("start a daemon: %w", err)
		return nil, errors.Join(err, from.Close(), to.Close())
	}
	return from, to.Close()
}
