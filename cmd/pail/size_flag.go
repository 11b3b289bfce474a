package main

import (
	"errors"

	"github.com/spf13/pflag"

	"pail/store"
)

// A sizeFlag is a number of bytes, perhaps with a unit; 0 says that it was not given.
type sizeFlag struct {
	to   *int64
	text string
}

var errNoSize = errors.New("it is a number of bytes above 0, such as 50MiB")

// String, Set and Type make a pflag.Value.
func (s *sizeFlag) String() string { return s.text }

func (s *sizeFlag) Set(value string) error {
	if value == "" {
		return errEmptyFlag
	}
	n, ok := store.ParseSize(value)
	if !ok {
		return errNoSize
	}
	*s.to, s.text = n, value
	return nil
}

func (s *sizeFlag) Type() string { return "size" }

// sizeVar adds a sizeFlag. What stands in `backquotes` in usage names its value.
func sizeVar(f *pflag.FlagSet, to *int64, name, usage string) {
	f.Var(&sizeFlag{to: to}, name, usage)
}
