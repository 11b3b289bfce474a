package web

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"pail/integration/leak"
)

// idleEnv has the test binary be the server of TestIdleConnections.
const idleEnv = "PAIL_TEST_IDLE_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(idleEnv) != "" {
		serveIdle()
		return
	}
	os.Exit(leak.Run(m))
}

func serveIdle() {
	s, err := Listen(Options{Addresses: []Address{{Host: "127.0.0.1"}}, Identify: anyone, Protocol: plain{hello}})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, address := s.Addresses()[0].network()
	fmt.Println(address)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test ends
}

// TestIdleConnections demands that 10,000 connections, each of which has made a request
// and is kept open, cost less than 300 MiB.
func TestIdleConnections(t *testing.T) {
	if underRace {
		t.Skip("the race detector needs several times the memory")
	}
	const count, most = 10_000, 300 << 20
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Max < count+100 {
		if os.Getenv("CI") != "" {
			t.Fatalf("this process may open %d files only (%v)", limit.Max, err)
		}
		t.Skipf("this process may open %d files only", limit.Max)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), idleEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = in.Close()
		_ = cmd.Wait()
	}()
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address = strings.TrimSpace(address)
	before := resident(t, cmd.Process.Pid)
	conns := make([]net.Conn, count)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := worker; i < count; i += 8 {
				c, err := request(address)
				if conns[i] = c; err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	got := resident(t, cmd.Process.Pid)
	t.Logf("%d connections: %d MiB, before them %d MiB", count, got>>20, before>>20)
	if got-before > most {
		t.Errorf("%d connections cost %d bytes", count, got-before)
	}
	for _, c := range conns {
		if c != nil {
			_ = c.Close()
		}
	}
}

// request makes a connection and a request, and leaves it open.
func request(address string) (net.Conn, error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c, "PUT /bucket/key HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nthere"); err != nil {
		return c, err
	}
	buf := make([]byte, 4096)
	for n := 0; !strings.Contains(string(buf[:n]), "hello there"); {
		m, err := c.Read(buf[n:])
		if n += m; err != nil {
			return c, err
		}
	}
	return c, nil
}

// resident is the memory of a process, in bytes.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
