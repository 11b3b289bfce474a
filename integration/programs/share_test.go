package programs

import "testing"

// TestSharing has processes meet in files.
func TestSharing(t *testing.T) {
	needs(t, "flock", "python3", "inotifywait")
	m := newMount(t)
	for _, step := range []struct{ name, script string }{
		{"16 append", `for p in $(seq 16); do (for i in $(seq 40); do printf '%d %d %*s.\n' $p $i $((i * 7 % 50)) ''; done >> log) & done; wait
			for p in $(seq 16); do (for i in $(seq 41 50); do echo "$p $i ." >> log; done) & done; wait
			[ "$(wc -l < log)" = 800 ]; [ "$(awk '{print $1, $2}' log | sort -u | wc -l)" = 800 ]; ! grep -v '\.$' log`},
		{"16 append with write(2)", `python3 - <<'END'
import os
kids = []
for p in range(16):
    pid = os.fork()
    if pid == 0:
        fd = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        for i in range(150): assert os.write(fd, b"%d %d\n" % (p, i)) > 0
        os._exit(0)
    kids.append(pid)
assert all(os.waitpid(k, 0)[1] == 0 for k in kids)
assert sorted(open("log")) == sorted("%d %d\n" % (p, i) for p in range(16) for i in range(150))
END`},
		{"flock", `exec 9> lock; flock 9; ! flock -n lock true; flock -u 9; flock -n lock true
			echo 0 > n; for p in 1 2 3 4; do (for i in $(seq 10); do flock lock sh -c 'echo $(($(cat n) + 1)) > n'; done) & done; wait; [ "$(cat n)" = 40 ]
			flock -s lock sh -c 'flock -n -s lock true && ! flock -n -x lock true'`},
		{"fcntl", `python3 - <<'END'
import fcntl, os, errno
f = open("lock", "w+"); fcntl.lockf(f, fcntl.LOCK_EX, 10, 5)
def other(kind, n, at):
    pid = os.fork()
    if pid == 0:
        g = open("lock", "r+")
        try: fcntl.lockf(g, kind | fcntl.LOCK_NB, n, at)
        except OSError as e: os._exit(1 if e.errno in (errno.EAGAIN, errno.EACCES) else 2)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert other(fcntl.LOCK_EX, 10, 5) == 1 and other(fcntl.LOCK_SH, 1, 14) == 1
assert other(fcntl.LOCK_EX, 5, 0) == 0 and other(fcntl.LOCK_EX, 5, 15) == 0
open("lock").close()  # POSIX: closing any descriptor of the file drops the process's locks
assert other(fcntl.LOCK_EX, 10, 5) == 0
open("n", "w").write("0")
def count():
    for _ in range(25):
        with open("lock", "r+") as g:
            fcntl.lockf(g, fcntl.LOCK_EX)
            n = int(open("n").read())
            with open("n", "w") as w: w.write(str(n + 1))
            fcntl.lockf(g, fcntl.LOCK_UN)
kids = []
for _ in range(4):
    pid = os.fork()
    if pid == 0: count(); os._exit(0)
    kids.append(pid)
assert all(os.waitpid(k, 0)[1] == 0 for k in kids)
assert open("n").read() == "100"
END`},
		{"races for a name", `python3 - <<'END'
import os
ways = {
    "O_EXCL": lambda n: os.close(os.open(n, os.O_CREAT | os.O_EXCL | os.O_WRONLY)),
    "mkdir": os.mkdir,
    "symlink": lambda n: os.symlink("x", n),
    "mixed": lambda n: [os.mkdir, lambda n: os.symlink("x", n), lambda n: os.close(os.open(n, os.O_CREAT | os.O_EXCL))][os.getpid() % 3](n),
}
for name, take in ways.items():
    r, w = os.pipe(); go, started = os.pipe(); kids = []
    for p in range(12):
        pid = os.fork()
        if pid == 0:
            os.close(started); os.read(go, 1) # returns when the parent closes its end
            for i in range(20):
                try: take(name + str(i))
                except FileExistsError: continue
                os.write(w, bytes([i]))
            os._exit(0)
        kids.append(pid)
    os.close(started); os.close(go); os.close(w)
    assert all(os.waitpid(k, 0)[1] == 0 for k in kids)
    won = os.read(r, 4096)
    assert sorted(won) == list(range(20)), (name, sorted(won))
END`},
		{"rename into place", `for p in 1 2 3 4; do (for i in $(seq 15); do printf "$p%.0s" $(seq 1000) > new$p; mv new$p f; done) & done
			until [ -e f ]; do :; done; python3 -c '
for i in range(200):
    d = open("f").read(); assert len(d) == 1000 and len(set(d)) == 1, len(d)'
			wait; [ "$(ls)" = f ]`},
		{"mmap", `head -c 100000 /dev/zero > f; python3 - <<'END'
import mmap, os
fd = os.open("f", os.O_RDWR)
m = mmap.mmap(fd, 100000)
m[10:14] = b"here"; m[65534:65538] = b"page"
pid = os.fork()
if pid == 0: # the same pages
    n = mmap.mmap(os.open("f", os.O_RDWR), 100000)
    assert n[10:14] == b"here" and n[65534:65538] == b"page"
    n[20:25] = b"child"
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
assert m[20:25] == b"child" and os.pread(fd, 5, 20) == b"child"
os.pwrite(fd, b"write", 30); assert m[30:35] == b"write"
m.flush(); m.close(); os.close(fd)
END
			[ "$(dd if=f bs=1 skip=10 count=25 status=none | tr -d '\0')" = herechildwrite ]; [ "$(dd if=f bs=1 skip=65534 count=4 status=none)" = page ]`},
		{"mmap outlives its descriptor", `head -c 50000 /dev/zero > f; python3 - <<'END'
import mmap, os
fd = os.open("f", os.O_RDWR); m = mmap.mmap(fd, 50000); os.close(fd)
for i in range(0, 50000, 4096): m[i] = 65 + i // 4096
m.close()
assert open("f", "rb").read()[::4096] == bytes(range(65, 65 + 13))
os.unlink("f")
END`},
		{"mmap grows", `python3 - <<'END'
import mmap, os
fd = os.open("f", os.O_RDWR | os.O_CREAT)
for n in range(1, 9):
    os.ftruncate(fd, n * 30000)
    m = mmap.mmap(fd, n * 30000); m[(n - 1) * 30000:n * 30000] = bytes([n]) * 30000; m.close()
os.close(fd)
d = open("f", "rb").read(); assert d == b"".join(bytes([n]) * 30000 for n in range(1, 9))
with open("f", "rb") as f: assert mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)[:] == d
END`},
		{"inotify", `mkdir d; inotifywait -q -m --format '%e %f' d > "$TMP/events" 2> "$TMP/err" & pid=$!
			until : > d/probe; grep -q probe "$TMP/events"; do :; done
			echo a > d/f; echo b >> d/f; chmod 600 d/f; mv d/f d/g; mkdir d/sub; rm d/g; cat d/probe; : > d/last; until grep -q 'CLOSE.*last' "$TMP/events"; do :; done; kill $pid
			for e in 'CREATE f' 'MODIFY f' 'CLOSE_WRITE,CLOSE f' 'ATTRIB f' 'MOVED_FROM f' 'MOVED_TO g' 'CREATE,ISDIR sub' 'DELETE g' 'CLOSE_NOWRITE,CLOSE probe'; do grep -qx "$e" "$TMP/events" || { echo "no $e"; cat "$TMP/events"; exit 1; }; done`},
		{"unlinked but open", `echo one > f; exec 3<> f; rm f; echo two >&3; [ "$(cat /proc/self/fd/3)" = two ] ; ls -l /proc/self/fd/3 | grep -q deleted; echo more >> /proc/self/fd/3; [ "$(wc -c < /proc/self/fd/3)" = 9 ]; truncate -s 3 /proc/self/fd/3; [ "$(stat -L -c '%s %h' /proc/self/fd/3)" = '3 0' ]; exec 3>&-; [ -z "$(ls -A)" ]`},
	} {
		t.Run(step.name, func(t *testing.T) {
			m.in(t).shAlone(step.script)
		})
	}
}
