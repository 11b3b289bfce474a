package programs

import "testing"

// TestMapped shares pages between processes, and takes them away from under them.
func TestMapped(t *testing.T) {
	needs(t, "python3")
	m := newMount(t)
	for _, step := range []struct{ name, script string }{
		{"two processes take turns", `head -c 200000 /dev/zero > f; cat > turns.py <<'END'
import mmap, os, sys, time
me = int(sys.argv[1]); fd = os.open("f", os.O_RDWR); m = mmap.mmap(fd, 200000)
for n in range(me, 200, 2): # byte 0 counts; whose turn it is writes the next page's worth
    while m[0] != n: time.sleep(0)
    m[n * 1000:n * 1000 + 1000] = bytes([n + 1]) * 1000 if n else b"\0" + b"\1" * 999
    if n % 20 == me: m.flush()
    m[0] = n + 1
END
			python3 turns.py 0 & first=$!; python3 turns.py 1; wait $first; python3 - <<'END'
d = open("f", "rb").read(); assert d[0] == 200 and d[1:1000] == b"\1" * 999
assert all(d[n * 1000:n * 1000 + 1000] == bytes([n + 1]) * 1000 for n in range(1, 200))
END`},
		{"msync and what is read", `head -c 50000 /dev/zero > f; python3 - <<'END'
import mmap, os
fd = os.open("f", os.O_RDWR); m = mmap.mmap(fd, 50000)
m[4000:4010] = b"0123456789"; m.flush(0, 8192)
assert os.pread(fd, 10, 4000) == b"0123456789"
direct = os.open("f", os.O_RDONLY | os.O_DIRECT); b = mmap.mmap(-1, 8192)
assert os.preadv(direct, [b], 0) == 8192 and b[4000:4010] == b"0123456789" # the daemon has it
m[4000:4002] = b"ab"; os.fsync(fd); assert os.preadv(direct, [b], 0) == 8192 and b[4000:4003] == b"ab2"
os.pwrite(fd, b"cd", 4001); assert m[4000:4004] == b"acd3"
END`},
		{"a copy of holes in use", `truncate -s 1M f; cat > map.py <<'END'
import mmap, os, sys
fd = os.open("f", os.O_RDWR); m = mmap.mmap(fd, 1 << 20)
def say(s): print(s, flush=True); sys.stdin.readline()
m[40960:40965] = b"VALUE"; say("open")
os.close(fd); m[400000:400005] = b"VALUE"; say("closed")
if os.fork() > 0: os._exit(0)
m[800000:800005] = b"VALUE"; say("by a child")
END
			mkfifo "$TMP/to" "$TMP/from"; python3 map.py < "$TMP/to" > "$TMP/from" & exec 4> "$TMP/to" 5< "$TMP/from"
			for n in 1 2 3; do # nobody has asked the kernel to write anything back before cp does
				read -r how <&5; cp f g; [ "$(grep -c VALUE g)" = $n ] || { echo "a copy lacks what was written: $how"; exit 1; }; echo >&4
			done; exec 4>&- 5<&-; wait
			cmp f g; truncate -s 1M h; exec 3<>h; printf x >&3; [ "$(python3 -c 'import os; print(os.lseek(3, 0, os.SEEK_HOLE) < 1 << 20)')" = True ]`},
		{"private pages", `head -c 10000 /dev/zero > f; python3 - <<'END'
import mmap, os
fd = os.open("f", os.O_RDONLY); m = mmap.mmap(fd, 10000, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE)
m[5000:5004] = b"mine"; assert os.pread(fd, 4, 5000) == bytes(4) and m[5000:5004] == b"mine"
END
			cmp -n 10000 f /dev/zero`},
		{"cut short under a mapping", `head -c 100000 /dev/zero | tr '\0' x > f; python3 - <<'END'
import mmap, os, signal
fd = os.open("f", os.O_RDWR); m = mmap.mmap(fd, 100000); assert m[99999] == 120
os.truncate("f", 5000)
assert m[4999] == 120 and m[5000] == 0 and m[8191] == 0 # the last page goes on to its end
for write in (False, True):
    pid = os.fork()
    if pid == 0:
        if write: m[9000] = 1
        else: m[9000]
        os._exit(0)
    assert os.waitpid(pid, 0)[1] & 0x7f == signal.SIGBUS
os.ftruncate(fd, 100000); assert m[4999] == 120 and m[9000] == 0 # and back
m[9000:9004] = b"here"; m.flush(); assert os.pread(fd, 4, 9000) == b"here"
END
			[ "$(head -c 9004 f | tail -c 4)" = here ]; [ "$(head -c 5000 f | tr -d x | wc -c)" = 0 ]; [ "$(stat -c %s f)" = 100000 ]`},
		{"mapped by who appends", `head -c 10000 /dev/zero > f; python3 - <<'END'
import mmap, os
fd = os.open("f", os.O_RDWR | os.O_APPEND); m = mmap.mmap(fd, 10000)
m[5000:5004] = b"here"; m.flush(); os.write(fd, b"end"); m[0:4] = b"also"
END
			[ "$(getfattr --only-values -n user.s3.size f)" = 10003 ]; [ "$(tail -c 3 f)" = end ]; [ "$(tr -d '\0' < f)" = alsohereend ]`},
		{"replaced under a mapping", `head -c 20000 /dev/zero | tr '\0' a > f; head -c 20000 /dev/zero | tr '\0' b > g; python3 - <<'END'
import mmap, os
m = mmap.mmap(os.open("f", os.O_RDWR), 20000); assert m[0] == 97
os.rename("g", "f"); assert m[10000] == 97 and open("f", "rb").read(1) == b"b"
m[0:3] = b"old"; m.flush(); os.unlink("f"); assert m[0:4] == b"olda"
END`},
		{"a program that runs", `cp "$(type -P sleep)" prog; ./prog 30 & pid=$!; until [ "$(readlink /proc/$pid/exe)" = "$PWD/prog" ]; do :; done
			! : 2> /dev/null >> prog; cp --remove-destination "$(type -P true)" prog; ./prog; kill $pid; ! wait $pid`},
	} {
		t.Run(step.name, func(t *testing.T) { m.in(t).shAlone(step.script) })
	}
	m.sh(`echo alive > alive; [ "$(cat alive)" = alive ]`)
}
