package main

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
)

const (
	rootStore      = "/var/lib/pail"
	rootMountpoint = "/mnt/pail"

	defaultStoreHelp      = rootStore + " for root, ~/.local/share/pail for others"
	defaultMountpointHelp = rootMountpoint + " for root, ~/Pail for others"
)

// storeDir is the absolute directory of the store that the command line means.
func (g *globals) storeDir() (string, error) {
	dir := g.store
	if dir == "" {
		dir = os.Getenv("PAIL_STORE")
	}
	if dir == "" {
		return defaultStore()
	}
	return absolute(dir)
}

func defaultStore() (string, error) {
	if os.Geteuid() == 0 {
		return rootStore, nil
	}
	// The specification says to ignore a relative one.
	if data := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(data) {
		return filepath.Join(data, "pail"), nil
	}
	home, err := homeDir()
	if err != nil {
		return "", fmt.Errorf("%w; name the store with --store", err)
	}
	return filepath.Join(home, ".local/share/pail"), nil
}

func defaultMountpoint() (string, error) {
	if os.Geteuid() == 0 {
		return rootMountpoint, nil
	}
	home, err := homeDir()
	if err != nil {
		return "", fmt.Errorf("%w; name a mountpoint", err)
	}
	return filepath.Join(home, "Pail"), nil
}

func homeDir() (string, error) {
	if home := os.Getenv("HOME"); filepath.IsAbs(home) {
		return home, nil
	}
	if u, err := user.Current(); err == nil && filepath.IsAbs(u.HomeDir) {
		return u.HomeDir, nil
	}
	return "", usagef("your home directory is unknown")
}

// absolute makes a path absolute without looking at what it names, which may be a
// dead mount.
func absolute(path string) (string, error) {
	if path == "" {
		return "", usagef("an empty path names nothing")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("make %s absolute: %w", path, err)
	}
	return abs, nil
}

// resolved follows the symbolic links on the way to path as far as it exists, but
// not a last component, which may be a dead mount.
func resolved(path string) string {
	dir, base := filepath.Split(filepath.Clean(path))
	if base == "" {
		return path
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		return filepath.Join(real, base)
	}
	return filepath.Join(resolved(filepath.Clean(dir)), base)
}

// splitKey takes BUCKET[/KEY] apart.
func splitKey(arg string) (bucket, key string, err error) {
	bucket, key, _ = strings.Cut(arg, "/")
	if bucket == "" {
		return "", "", usagef("%q names no bucket; write BUCKET/KEY", arg)
	}
	return bucket, key, nil
}

// objectArg takes BUCKET/KEY apart.
func objectArg(arg string) (bucket, key string, err error) {
	bucket, key, err = splitKey(arg)
	if err == nil && key == "" {
		return "", "", usagef("%q names no object; write BUCKET/KEY", arg)
	}
	return bucket, key, err
}
