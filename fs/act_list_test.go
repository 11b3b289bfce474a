package fs

import (
	"fmt"
)

// An act is something that a person would call one change of the file f. before makes
// what it changes; both run in a directory of their own that holds .src (300 kB), .mk
// (a makefile of three recipes) and .tar (an archive of f).
type act struct {
	name, before, script string
	versions             int    // that it makes
	why                  string // where that is not plain
	markers              int    // delete markers that it makes
}

const python = `python3 -IS -c '
import os, subprocess, threading
%s'`

func py(script string) string { return fmt.Sprintf(python, script) }

// acts are real programs. What each does to its descriptors was seen with strace.
var acts = []act{
	{"echo", "", `echo hi > f`, 1, "the shell closes a duplicate before anything is written", 0},
	{"echo over", "echo a > f", `echo hi > f`, 1, "", 0},
	{"builtin and child", "", `(echo a; /bin/echo b) > f`, 1, "the child's exit closes its descriptor in the middle", 0},
	{"group", "", `{ echo a; /bin/echo b; echo c; } > f`, 1, "", 0},
	{"loop", "", `for i in 1 2 3; do echo $i; done > f`, 1, "", 0},
	{"both streams", "", `{ echo a; echo b >&2; } > f 2>&1`, 1, "two descriptors of one open file", 0},
	{"exec", "", `exec 3> f; echo a >&3; /bin/echo b >&3; echo c >&3; exec 3>&-`, 1, "each echo duplicates descriptor 3 and closes the duplicate", 0},
	{"two opens", "", `exec 3> f; exec 4>> f; echo a >&3; exec 3>&-; echo b >&4; exec 4>&-`, 1, "the process has the file open until its last close", 0},
	{"background child", "", `exec 3> f; (sleep 0.2; echo late >&3) & echo a >&3; wait; exec 3>&-`, 1, "", 0},
	{"make", "", `make -f .mk > f`, 1, "each recipe's exit closes a descriptor", 0},
	{"cat", "", `cat .src > f`, 1, "", 0},
	{"pipe", "", `cat .src | sort -u > f`, 1, "", 0},
	{"cp", "", `cp .src f`, 1, "", 0},
	{"cp -a", "", `cp -a .src f`, 1, "times and owner are set before and after the close", 0},
	{"cp over", "echo a > f", `cp .src f`, 1, "", 0},
	{"append", "echo a > f", `echo b >> f`, 1, "", 0},
	{"append to nothing", "", `echo b >> f`, 1, "", 0},
	{"tee", "", `echo a | tee f >/dev/null`, 1, "", 0},
	{"tee -a", "echo a > f", `echo b | tee -a f >/dev/null`, 1, "", 0},
	{"dd", "", `dd if=.src of=f bs=4k status=none`, 1, "", 0},
	{"dd in place", "cp .src f", `dd if=/dev/zero of=f bs=4k count=3 seek=5 conv=notrunc status=none`, 1, "", 0},
	{"dd fsync", "", `dd if=.src of=f bs=64k oflag=sync conv=fsync status=none`, 1, "", 0},
	{"touch", "", `touch f`, 1, "nothing is written; RELEASE publishes it", 0},
	{"empty", "", `: > f`, 1, "", 0},
	{"emptied", "echo a > f", `: > f`, 1, "", 0},
	{"nothing emptied", ": > f", `: > f`, 0, "it was empty and is", 0},
	{"truncate", "echo abc > f", `truncate -s 1 f`, 1, "", 0},
	{"truncate to nothing", "cp .src f", `truncate -s 0 f`, 1, "", 0},
	{"truncate new", "", `truncate -s 1000000 f`, 1, "", 0},
	{"truncate(2)", "cp .src f", py(`os.truncate("f", 7)`), 1, "it comes without a handle", 0},
	{"fallocate", "", `fallocate -l 100000 f`, 1, "", 0},
	{"install", "", `install -m 600 .src f`, 1, "", 0},
	{"sed -i", "echo one > f", `sed -i s/one/two/ f`, 1, "a temporary file is renamed over it", 0},
	{"mv over", "echo a > f; echo b > g", `mv g f`, 1, "the rename makes it", 0},
	{"rsync", "", `rsync .src f`, 1, "a temporary file is renamed to it", 0},
	{"rsync over", "echo a > f", `rsync .src f`, 1, "", 0},
	{"rsync in place", "cp .src f; echo a >> f", `rsync --inplace --no-whole-file .src f`, 1, "", 0},
	{"tar", "", `tar xf .tar f`, 1, "", 0},
	{"tar --overwrite", "echo a > f", `tar xf .tar --overwrite f`, 1, "", 0},
	{"vim in place", "echo one > f", vim("backupcopy=yes"), 1, "the backup is a copy; f is truncated and written", 0},
	{"vim in place, backup kept", "echo one > f", vim("backupcopy=yes backup"), 1, "", 0},
	{"vim", "echo one > f", vim("backupcopy=auto"), 1, "f is renamed to f~, which leaves a marker as each rename does, and made anew", 1},
	{"vim new", "", vim(""), 1, "", 0},
	{"nano", "echo one > f", nano, 1, "f is truncated and written", 0},
	{"temporary file", "echo one > f", py(`
with open(".f.tmp", "w") as t: t.write("two"); t.flush(); os.fsync(t.fileno())
os.rename(".f.tmp", "f")`), 1, "", 0},
	{"unnamed until renamed", "echo one > f", py(`
t = open(".f.tmp", "w"); t.write("two"); os.rename(".f.tmp", "f"); t.write("three"); t.close()`), 1, "it is published once, as f", 0},
	{"a hundred fsyncs", "", py(`
f = open("f", "w")
for i in range(100): f.write("x" * 1000); f.flush(); os.fsync(f.fileno())
f.close()`), 1, "fsync publishes nothing", 0},
	{"children meanwhile", "", py(`
f = open("f", "w"); os.set_inheritable(f.fileno(), True)
for i in range(3): f.write("x" * 9000); f.flush(); subprocess.run(["true"], close_fds=False)
f.close()`), 1, "a FLUSH for each child, in the middle", 0},
	{"forks", "", py(`
f = os.open("f", os.O_CREAT | os.O_WRONLY)
for i in range(3):
    os.write(f, b"x" * 9000)
    if os.fork() == 0: os.write(f, b"child"); os.close(f); os._exit(0)
    os.wait()
os.close(f)`), 1, "", 0},
	{"duplicates", "", py(`
f = os.open("f", os.O_CREAT | os.O_WRONLY)
for i in range(5): d = os.dup(f); os.write(d, b"x" * 9000); os.close(d)
os.write(f, b"end"); os.close(f)`), 1, "", 0},
	{"duplicate outlives", "", py(`
f = os.open("f", os.O_CREAT | os.O_WRONLY); d = os.dup(f)
os.write(f, b"x"); os.close(f); os.write(d, b"y"); os.close(d)`), 1, "", 0},
	{"duplicate closed twice at once", "", py(`
f = os.open("f", os.O_CREAT | os.O_WRONLY); d = os.dup(f); os.write(f, b"x" * 9000)
t = [threading.Thread(target=os.close, args=(x,)) for x in (f, d)]
for x in t: x.start()
for x in t: x.join()`), 1, "", 0},
	{"another thread closes", "", py(`
f = open("f", "w")
def w(): f.write("x" * 9000); f.close()
t = threading.Thread(target=w); t.start(); t.join()`), 1, "the thread belongs to the process that opened it", 0},
	{"exit without close", "", py(`
f = os.open("f", os.O_CREAT | os.O_WRONLY); os.dup(f); os.dup(f); os.write(f, b"x"); os._exit(0)`), 1, "", 0},
	{"killed", "", py(`
import signal
f = os.open("f", os.O_CREAT | os.O_WRONLY); os.write(f, b"x"); os.kill(os.getpid(), signal.SIGKILL)`) + ` || true`, 1, "what it wrote is kept", 0},
	{"mmap", "cp .src f", py(`
import mmap
f = open("f", "r+b"); m = mmap.mmap(f.fileno(), 0)
for i in range(3): m[i * 9000] = 65; m.flush()
m.close(); f.close()`), 1, "", 0},
	{"reader in between", "echo a > f", py(`
f = open("f", "a")
for i in range(5): f.write("x" * 5000); f.flush(); open("f").read(); os.stat("f")
f.close()`), 1, "handles that cannot write have no FLUSH", 0},
	{"copy_file_range", "", py(`
s = os.open(".src", os.O_RDONLY); f = os.open("f", os.O_CREAT | os.O_WRONLY)
while os.copy_file_range(s, f, 100000) > 0: pass
os.close(f)`), 1, "", 0},
	{"three appends", "", `for i in 1 2 3; do echo $i >> f; done`, 3, "these are three acts", 0},

	{"chmod", "echo a > f", `chmod 600 f`, 0, "", 0},
	{"chown", "echo a > f", `chown 1:2 f`, 0, "", 0},
	{"touch of an old file", "echo a > f", `touch f; touch -d 2001-01-01 f`, 0, "", 0},
	{"read", "echo a > f", `cat f >/dev/null; exec 3<> f; read x <&3; exec 3>&-`, 0, "opened for writing and not written", 0},
	{"append nothing", "echo a > f", `: >> f`, 0, "", 0},
	{"rsync of the same", "cp -a .src f", `rsync -a --checksum .src f`, 0, "", 0},
}

// vim leaves out backups in directories for temporary files, where tests run, unless
// told not to.
func vim(set string) string {
	return `vim -N -u NONE -i NONE -es --cmd 'set backupskip= ` + set + `' -c 'call setline(1, "two")' -c wq f`
}

// nano needs a terminal. Its keys are sent when it has drawn its screen.
const nano = `python3 -IS -c '
import os, pty, select, sys, time
pid, tty = pty.fork()
if pid == 0:
    os.environ["TERM"] = "xterm"
    os.execvp("nano", ["nano", "-I", "-B", "f"])
def seen(what):
    got = b""
    while what not in got:
        if not select.select([tty], [], [], 20)[0]: sys.exit("nano shows " + repr(got))
        got += os.read(tty, 65536)
seen(b"one"); os.write(tty, b"new "); os.write(tty, b"\x0f"); seen(b"Write"); os.write(tty, b"\r"); seen(b"Wrote"); os.write(tty, b"\x18")
try:
    while os.read(tty, 65536): pass
except OSError: pass
sys.exit(os.waitpid(pid, 0)[1])'`
