package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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
	case value.GetFlag().Value.Type() == "int":
		return usagef("--%s takes a whole number, not %q%s", name, value.GetValue(), see)
	case value.GetFlag().Value.Type() == "bool":
		return usagef("--%s takes true or false, not %q%s", name, value.GetValue(), see)
	}
	return usageError{fmt.Errorf("%w%s", err, see)}
}
