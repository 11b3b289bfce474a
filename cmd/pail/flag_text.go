package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pail/versioning"
)

// A textFlag is a flag that is left out or names something: an empty value, as an unset
// variable of a script gives, must not pass for the default.
type textFlag struct{ to *string }

var errEmptyFlag = errors.New("it is empty")

// String, Set and Type make a pflag.Value.
func (t textFlag) String() string {
	if t.to == nil {
		return ""
	}
	return *t.to
}

func (t textFlag) Set(value string) error {
	if value == "" {
		return errEmptyFlag
	}
	*t.to = value
	return nil
}

func (t textFlag) Type() string { return "string" }

// textVar adds a textFlag. What stands in `backquotes` in usage names its value.
func textVar(f *pflag.FlagSet, to *string, name, usage string) {
	f.Var(textFlag{to}, name, usage)
}

// A timeFlag is a moment of the past, as versioning.ParseTime reads it. What names no
// zone is local time, as everything that this program prints.
type timeFlag struct {
	at   *time.Time
	text string
}

// String, Set and Type make a pflag.Value.
func (t *timeFlag) String() string { return t.text }

func (t *timeFlag) Set(value string) error {
	if value == "" {
		return errEmptyFlag
	}
	m, err := versioning.ParseTime(value, time.Now())
	if err != nil {
		return err
	}
	*t.at, t.text = m.Time, value
	return nil
}

func (t *timeFlag) Type() string { return "time" }

// timeVar adds a timeFlag; the zero time says that it was not given.
func timeVar(cmd *cobra.Command, to *time.Time, name, usage string) {
	cmd.Flags().Var(&timeFlag{at: to}, name, usage)
	flagSuggests(cmd, name, cobra.FixedCompletions([]string{"-1h", "-1d", "today", "yesterday"}, cobra.ShellCompDirectiveNoFileComp))
}

// timeHelp says how times are given.
const timeHelp = `A time is 2026-11-23T12:00:00, 2026-11-23, -2h, -3d, today or yesterday; it is local
time unless it ends in a zone, as in 2026-11-23T12:00:00Z.`

// flagError is what a mistake in a flag is to the person who made it.
func flagError(c *cobra.Command, err error) error {
	see := "; see " + c.CommandPath() + " --help"
	var value *pflag.InvalidValueError
	if !errors.As(err, &value) {
		return usageError{fmt.Errorf("%w%s", err, see)}
	}
	name := value.GetFlag().Name
	switch {
	case errors.Is(err, errEmptyFlag):
		return usagef("--%s is empty; leave it out if the default is meant%s", name, see)
	case value.GetFlag().Value.Type() == "time", value.GetFlag().Value.Type() == "size":
		return usagef("--%s: %w%s", name, errors.Unwrap(value), see)
	case value.GetFlag().Value.Type() == "int":
		return usagef("--%s takes a whole number, not %q%s", name, value.GetValue(), see)
	case value.GetFlag().Value.Type() == "bool":
		return usagef("--%s takes true or false, not %q%s", name, value.GetValue(), see)
	}
	return usageError{fmt.Errorf("%w%s", err, see)}
}
