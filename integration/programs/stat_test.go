package programs

import (
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestTimesAndModes asks for what stat shows, and sets what can be set, in the ways of
// programs and shells.
func TestTimesAndModes(t *testing.T) {
	needs(t, "python3", "find", "touch", "setpriv", "ls")
	m := newMount(t)
	t.Run("statx", func(t *testing.T) { statx(t, m.in(t)) })
	root := []string{"access", "set-id bits and writing", "set-group-id directories"}
	for _, step := range []struct{ name, script string }{
		{"utimensat", `echo > f; python3 - <<'END'
import os, ctypes
NOW, OMIT = (1 << 30) - 1, (1 << 30) - 2
libc = ctypes.CDLL(None, use_errno=True)
class Spec(ctypes.Structure): _fields_ = [("sec", ctypes.c_long), ("nsec", ctypes.c_long)]
def set(name, a, m):
    if libc.utimensat(-100, name.encode(), (Spec * 2)(Spec(*a), Spec(*m)), 0): raise OSError(ctypes.get_errno(), name)
def times():
    s = os.stat("f"); return s.st_atime_ns, s.st_mtime_ns, s.st_ctime_ns
set("f", (1, 123456789), (2, 987654321)); a, m, c = times(); assert (a, m) == (1123456789, 2987654321), (a, m)
set("f", (0, OMIT), (0, OMIT)); assert times() == (a, m, c)
set("f", (0, OMIT), (3, 5)); assert times()[:2] == (a, 3000000005) and times()[2] > c
set("f", (7, 9), (0, OMIT)); assert times()[:2] == (7000000009, 3000000005)
set("f", (0, NOW), (0, OMIT)); assert times()[0] > 10**18 and times()[1] == 3000000005
set("f", (0, OMIT), (0, NOW)); a, m, c = times(); assert m > 10**18 and abs(m - c) < 10**9
set("f", (-1, 999999999), (1 << 33, 1)); assert times()[:2] == (-1, (1 << 33) * 10**9 + 1), times()
set("f", (-(1 << 40), 0), (1 << 40, 0)); assert times()[:2] == (-(1 << 63), (1 << 63) - 1), times() # the nearest that is kept
for bad in (10**9, -1):
    try: set("f", (0, bad), (0, 0)); assert False
    except OSError as e: assert e.errno == 22
with open("f", "r+b", buffering=0) as f: # a time that was set stays through writes before and the close
    f.write(b"x"); os.utime(f.fileno(), ns=(11, 12)); assert os.fstat(f.fileno()).st_mtime_ns == 12
assert times()[:2] == (11, 12), times()
END`},
		{"newer and minutes", `
			echo > old; touch -d '3 days ago' old; echo > hour; touch -d '70 minutes ago' hour; echo > new
			[ "$(find . -type f -newer old | sort | paste -sd' ')" = './hour ./new' ]; [ "$(find . -type f -mmin -30)" = ./new ]
			[ "$(find . -type f -mmin +60 | sort | paste -sd' ')" = './hour ./old' ]; [ "$(find . -type f -mtime +1)" = ./old ]
			[ "$(find . -type f -cmin -5 | wc -l)" = 3 ]; touch -r hour new; [ ! new -nt hour ]; [ ! new -ot hour ]; [ hour -nt old ]
			find . -type f -newermt '2 days ago' ! -newermt '1 hour ago' | sort | paste -sd' ' | grep -qx './hour ./new'`},
		{"ls", `
			touch -d '2001-02-03 04:05:06.007008009 UTC' f; ln -s f l; mkdir d
			ls -la --time-style=full-iso | grep -q '2001-02-03 04:05:06.007008009 +0000 f$'; ls -la | grep -q '^lrwxrwxrwx 1 .* l -> f$'; ls -la | grep -q '^drwxr-xr-x 1 .* d$'
			[ "$(stat -c '%y' f)" = '2001-02-03 04:05:06.007008009 +0000' ]; [ "$(stat -c %i f)" = "$(ls -i f | cut -d' ' -f1)" ]; [ "$(stat -c %h d .)" = "$(printf '1\n1')" ]`},
		{"nanoseconds grow", `
			echo > f; for i in 1 2 3 4 5; do was=$(date -r f +%s%N); echo >> f; [ "$(date -r f +%s%N)" -gt "$was" ]; done
			was=$(stat -c %z f); chmod 600 f; [ "$(stat -c %z f)" != "$was" ]; was=$(stat -c %Y%y . ); : > g; [ "$(stat -c %Y%y .)" != "$was" ]`},
		{"umask", `for u in 000 002 022 027 077 777; do (umask $u; : > f$u; mkdir d$u); w=$(printf %o $((0666 & ~0$u))); [ "$(stat -c %a f$u)" = "$w" ]; w=$(printf %o $((0777 & ~0$u))); [ "$(stat -c %a d$u)" = "$w" ]; done; rm -rf f* d*`},
		{"access", `echo > f; chmod 0 f; [ -r f ]; [ -w f ]; [ ! -x f ]; chmod 10 f; [ -x f ]; [ -x . ]; python3 - <<'END'
import os
assert os.access("f", os.F_OK) and not os.access("g", os.F_OK) and os.access(".", os.R_OK | os.W_OK | os.X_OK)
assert os.access("f", os.R_OK, effective_ids=True) and not os.access("f/x", os.F_OK)
END`},
		{"set-id bits and writing", `
			echo > f; chmod 6755 f; echo >> f; [ "$(stat -c %a f)" = 6755 ]; chown 65534:65534 f; [ "$(stat -c %a f)" = 755 ]; chmod 6777 f
			chmod 711 "$(dirname "$PWD")" . ; chmod 6755 f; truncate -s 1 f; [ "$(stat -c %a f)" = 6755 ]; cp -p f g; [ "$(stat -c %a g)" = 6755 ]; cp f h; [ "$(stat -c %a h)" = 755 ]`},
		{"set-group-id directories", `
			mkdir d; chgrp 1234 d; chmod 2775 d; : > d/f; mkdir d/e; ln -s f d/l; : > d/e/g; [ "$(stat -c %g d/f d/e d/l d/e/g | sort -u)" = 1234 ]; [ "$(stat -c %a d/e)" = 2755 ]
			chmod g-s d; : > d/h; [ "$(stat -c %g d/h)" = 0 ]; mkdir x; mv x d/x; [ "$(stat -c %g:%a d/x)" = 0:755 ]`},
		{"links of directories", `mkdir -p d/1/2 d/3; [ "$(stat -c %h d)" = 1 ]; [ "$(find d -mindepth 1 -type d | wc -l)" = 3 ]; echo > d/f; [ "$(stat -c %h d/f)" = 1 ]; exec 3< d/f; rm d/f; [ "$(stat -L -c %h /proc/self/fd/3)" = 0 ]; exec 3<&-`},
		{"flags of files", `echo > f; python3 - <<'END'
import fcntl, errno, os
fd = os.open("f", os.O_RDWR)
for what in (0x80086601, 0x801c581f): # FS_IOC_GETFLAGS, FS_IOC_FSGETXATTR
    try: fcntl.ioctl(fd, what, bytes(64)); assert False
    except OSError as e: assert e.errno in (errno.ENOTTY, errno.EOPNOTSUPP), e
assert not os.isatty(fd)
END`},
	} {
		t.Run(step.name, func(t *testing.T) {
			if slices.Contains(root, step.name) {
				needsRoot(t)
			}
			m.in(t).shAlone(step.script)
		})
	}
}

func statx(t *testing.T, m *mount) {
	path := m.path("born")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	mustWrite(t, f, "12345")
	ask := func(dirfd int, path string, flags int) unix.Statx_t {
		t.Helper()
		var st unix.Statx_t
		if err := unix.Statx(dirfd, path, flags, unix.STATX_ALL, &st); err != nil {
			t.Fatal(err)
		}
		return st
	}
	const want = unix.STATX_BASIC_STATS | unix.STATX_BTIME
	draft := ask(int(f.Fd()), "", unix.AT_EMPTY_PATH)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for name, st := range map[string]unix.Statx_t{
		"a draft": draft, "a name": ask(unix.AT_FDCWD, path, 0), "no wish to sync": ask(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC),
	} {
		if st.Mask&want != want || st.Btime.Sec == 0 || st.Btime != draft.Btime {
			t.Errorf("%s: mask %#x, born %v, first %v", name, st.Mask, st.Btime, draft.Btime)
		}
		if st.Size != 5 || st.Blocks != 1 || st.Nlink != 1 || st.Mode != unix.S_IFREG|0o644 || st.Blksize < 4096 || st.Ino == 0 {
			t.Errorf("%s: %+v", name, st)
		}
		if st.Mtime != st.Ctime && st.Mtime.Sec < st.Btime.Sec {
			t.Errorf("%s: %+v", name, st)
		}
	}
	// It is born once, whatever becomes of it.
	m.sh(`echo more >> born; mv born moved; chmod 600 moved; touch -d @5 moved`)
	if st := ask(unix.AT_FDCWD, m.path("moved"), 0); st.Btime != draft.Btime || st.Mtime.Sec != 5 {
		t.Errorf("after all that: %+v", st)
	}
	if st := ask(unix.AT_FDCWD, m.dir, 0); st.Mask&want != want || st.Btime.Sec == 0 || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		t.Errorf("a directory: %+v", st)
	}
}
