package main

import (
	"fmt"
	"net"
	"os"
	"strings"
)

// notify tells the service manager that started us how we are doing, if one did and
// wants to know: sd_notify(3), for Type=notify. It says nothing on terminals.
func notify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "@") {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}

// What there is to tell.
const (
	notifyReady    = "READY=1"
	notifyStopping = "STOPPING=1\nSTATUS=publishing open files and unmounting"
)
