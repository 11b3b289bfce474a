package main

import (
	"net"
	"testing"
)

func TestNotify(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := notify(notifyReady); err != nil {
		t.Errorf("without a manager: %v", err)
	}
	for _, path := range []string{t.TempDir() + "/notify", "@pail-notify-test"} {
		l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		t.Setenv("NOTIFY_SOCKET", path)
		if err := notify(notifyStopping); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1000)
		n, err := l.Read(buf)
		if got := string(buf[:n]); err != nil || got != notifyStopping {
			t.Errorf("%s: got %q, %v", path, got, err)
		}
		_ = l.Close()
	}
	if err := notify(notifyReady); err == nil {
		t.Error("a manager that is gone was told")
	}
}
