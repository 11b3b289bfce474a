package meta

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"pail/crypto"
	"pail/integration/leak"
)

const (
	childDir      = "PAIL_META_CHILD_DIR"
	childMemTable = "PAIL_META_CHILD_MEMTABLE"
)

// testKey encrypts the databases of all tests if PAIL_TEST_ENCRYPTED is set, as it is for some of
// them in TestEncryptedToo.
var testKey, testKeys = testKeysOf(os.Getenv(encryptedEnv) != "")

const encryptedEnv = "PAIL_TEST_ENCRYPTED"

func testKeysOf(encrypted bool) (*crypto.Key, *cipherKeys) {
	if !encrypted {
		return nil, nil
	}
	k := &crypto.Key{1, 2, 3}
	keys, err := newCipherKeys(k)
	if err != nil {
		panic(err)
	}
	return k, keys
}

// TestMain serves as a process that opens a database and does as it is told, so that it
// can be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := serveChild(dir, os.Stdin, os.Stdout); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(leak.Run(m))
}

func serveChild(dir string, in io.Reader, out io.Writer) error {
	size, _ := strconv.ParseInt(os.Getenv(childMemTable), 10, 64)
	db, err := Open(Options{Key: testKey, Dir: dir, MemTableSize: size})
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "ok open")
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		n := 0
		if len(f) > 1 {
			n, _ = strconv.Atoi(f[1])
		}
		if f[0] == "close" {
			return db.Close()
		}
		s, err := childCommand(db, out, f[0], n)
		if err != nil {
			s = "error " + strings.ReplaceAll(err.Error(), "\n", " ")
			if errors.Is(err, ErrNoSpace) {
				s = "nospace"
			}
		}
		fmt.Fprintln(out, s)
	}
	return lines.Err()
}

func childCommand(db *DB, out io.Writer, cmd string, n int) (string, error) {
	switch cmd {
	case "write": // n records, durable
		return "ok", childWrite(db, 0, n, UpdateOptions{Durable: true}, false)
	case "delete": // records n to n+1000
		return "ok", childWrite(db, n, n+1000, UpdateOptions{Durable: true, Frees: true}, true)
	case "set":
		_, err := db.Update(context.Background(), UpdateOptions{Durable: true}, func(tx *Tx) error {
			tx.Set([]byte("one"), []byte("more"))
			return nil
		})
		return "ok", err
	case "count":
		v := db.View()
		defer v.Close()
		it := v.Scan(ScanOptions{Prefix: []byte("r/")})
		defer it.Close()
		count := 0
		for it.Next() {
			count++
		}
		return fmt.Sprint("ok ", count), it.Err()
	case "run": // durable and other updates until killed, telling what is durable
		return "", childRun(db, out, n)
	}
	return "", fmt.Errorf("unknown command %s", cmd)
}

func childWrite(db *DB, from, to int, o UpdateOptions, del bool) error {
	val := make([]byte, 400)
	for i := from; i < to; i += 100 {
		_, err := db.Update(context.Background(), o, func(tx *Tx) error {
			for k := i; k < min(to, i+100); k++ {
				if key := fmt.Appendf(nil, "r/%07d", k); del {
					tx.Delete(key)
				} else {
					tx.Set(key, val)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func childRun(db *DB, out io.Writer, from int) error {
	val := make([]byte, 1000)
	for i := from; ; i++ {
		id := db.NextID()
		var inner uint64
		o := UpdateOptions{Durable: i%4 == 0}
		_, err := db.Update(context.Background(), o, func(tx *Tx) error {
			inner = tx.NextID()
			tx.Set(fmt.Appendf(nil, "r/%09d", i), val)
			return nil
		})
		if err != nil {
			return err
		}
		if o.Durable {
			fmt.Fprintln(out, "durable", i, max(id, inner))
		} else {
			fmt.Fprintln(out, "visible", i, max(id, inner))
		}
	}
}

type child struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func startChild(t *testing.T, dir string, memTable int64) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprintf("%s=%d", childMemTable, memTable))
	c.cmd.Stderr = os.Stderr
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewScanner(out)
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.kill)
	if got := c.line(); got != "ok open" {
		t.Fatalf("child: %s", got)
	}
	return c
}

func (c *child) line() string {
	if !c.out.Scan() {
		return fmt.Sprint("ended: ", c.cmd.Wait())
	}
	return c.out.Text()
}

func (c *child) do(cmd string) string {
	fmt.Fprintln(c.in, cmd)
	return c.line()
}

func (c *child) want(cmd, answer string) {
	c.t.Helper()
	if got := c.do(cmd); got != answer {
		c.t.Fatalf("%s: %q, not %q", cmd, got, answer)
	}
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

func (c *child) close() {
	c.t.Helper()
	fmt.Fprintln(c.in, "close")
	for c.out.Scan() {
		c.t.Error(c.out.Text())
	}
	if err := c.cmd.Wait(); err != nil {
		c.t.Error(err)
	}
}
