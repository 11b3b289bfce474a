package programs

import "testing"

// TestDirectories has programs live in directories that others change.
func TestDirectories(t *testing.T) {
	needs(t, "python3", "perl", "find")
	m := newMount(t)
	for _, step := range []struct{ name, script string }{
		{"a working directory is renamed", `mkdir -p a/b; echo x > a/b/f; python3 - <<'END'
import os
top = os.getcwd(); os.chdir("a/b"); d = os.open(".", os.O_RDONLY)
os.rename(top + "/a", top + "/c")
assert os.getcwd() == top + "/c/b", os.getcwd()
assert open("f").read() == "x\n" and os.listdir(".") == ["f"]
open("g", "w").write("y"); os.mkdir("sub"); os.rename("g", "sub/g"); os.rename("../b", "../e")
assert os.getcwd() == top + "/c/e" and os.listdir(d) == os.listdir(".") and open(top + "/c/e/sub/g").read() == "y"
os.chdir("sub"); os.rename(top + "/c/e", top + "/e"); assert os.path.samefile("..", top + "/e"), "parent"
os.chdir(".."); assert os.getcwd() == top + "/e" and sorted(os.listdir(".")) == ["f", "sub"]
END`},
		{"a working directory is removed", `mkdir -p a/b; python3 - <<'END'
import os, errno
top = os.getcwd(); os.chdir("a/b"); d = os.open(".", os.O_RDONLY)
os.rmdir(top + "/a/b")
def fails(*want):
    class Check:
        def __enter__(self): return self
        def __exit__(self, kind, e, tb):
            assert isinstance(e, OSError) and e.errno in want, (kind, e)
            return True
    return Check()
with fails(errno.ENOENT): os.getcwd()
with fails(errno.ENOENT): open("f", "w")
with fails(errno.ENOENT): os.mkdir("d")
with fails(errno.ENOENT): os.stat("f")
with fails(errno.ENOENT): os.open(".", os.O_TMPFILE | os.O_WRONLY)
with fails(errno.ENOENT): os.symlink("x", "l")
with fails(errno.ENOENT): os.rename(top + "/a", "x")
assert os.stat(".").st_nlink == 0 and os.fstat(d).st_nlink == 0
try: assert os.listdir(".") == [] and os.listdir(d) == []
except FileNotFoundError: pass
os.mkdir(top + "/a/b"); assert os.stat(top + "/a/b").st_ino != os.fstat(d).st_ino
with fails(errno.ENOENT): open("f", "w")
os.chdir(".."); assert os.getcwd() == top + "/a" and os.listdir(".") == ["b"]
END`},
		{"removed while it is listed", `mkdir d; for i in $(seq 300); do : > d/file-with-a-rather-long-name-$i; done; perl -e '
			opendir(my $d, "d") or die; my $n = 0;
			while (my $e = readdir($d)) { next if $e =~ /^\./; unlink("d/$e") or die "$e: $!"; $n++ }
			die "$n of 300" if $n != 300; closedir $d; rmdir "d" or die "rmdir: $!"'`},
		{"find -delete", `mkdir -p d/{1..5}/{1..5}; for i in d/*/*; do echo x > $i/f; done; find d -name f -delete; [ "$(find d | wc -l)" = 31 ]; find d -delete; [ ! -e d ]`},
		{"filled and emptied while it is listed", `mkdir d; for i in $(seq 200); do : > d/stays$i; done
			(for i in $(seq 60); do : > d/x$i; mv d/x$i d/y$i; rm d/y$i; done) & for i in $(seq 20); do [ "$(ls -U d | grep -c stays)" = 200 ]; done; wait; [ "$(ls d | wc -l)" = 200 ]`},
		{"telldir and seekdir", `mkdir d; for i in $(seq 500); do : > d/f$i; done; perl -e '
			opendir(my $d, "d") or die; my (@names, @at);
			while (1) { my $at = telldir($d); my $e = readdir($d); last unless defined $e; push @names, $e; push @at, $at }
			die scalar @names if @names != 502;
			for (1..200) { my $i = int(rand(@names)); seekdir($d, $at[$i]); my $e = readdir($d); die "at $i $e, not $names[$i]" if $e ne $names[$i] }
			rewinddir $d; my $n = () = readdir $d; die $n if $n != 502'`},
		{"mkdir -p at once", `all=; for i in 1 2 3 4 5 6 7 8; do (for j in $(seq 5); do mkdir -p p/$j/q/r || exit 1; done) & all="$all $!"; done; for p in $all; do wait $p; done; [ "$(find p -type d | wc -l)" = 16 ]`},
		{"rm -rf at once", `mkdir -p d/{1..4}/{1..4}; for i in 1 2 3; do rm -rf d & done; wait; [ ! -e d ]`},
		{"deep", `p=.; for i in $(seq 100); do p=$p/d$i; done; mkdir -p $p; echo x > $p/f; [ "$(cat $p/f)" = x ]; [ "$(find . -type f)" = $p/f ]; mv d1 e1; [ "$(find e1 | wc -l)" = 101 ]`},
		{"trailing slashes", `mkdir d; echo x > f; ln -s d l; ln -s f k; [ -d d/ ]; [ -d l/ ]; ! cat f/ 2>/dev/null; ! cat k/ 2>/dev/null; ! mkdir f/ 2>/dev/null; mkdir e/; rmdir e/; ! rmdir f/ 2>/dev/null; ! rmdir l/ 2>/dev/null; ! rm f/ 2>/dev/null; ! touch new/ 2>/dev/null; [ -f f ]`},
		{"symlinks", `ln -s "$(printf 'x%.0s' $(seq 4095))" long; [ "$(readlink long | wc -c)" = 4096 ]; ! ln -s "$(printf 'x%.0s' $(seq 4096))" longer 2>/dev/null
			ln -s $'odd \n \001 \377 target' odd; [ "$(readlink odd)" = $'odd \n \001 \377 target' ]; ! ln -s '' empty 2>/dev/null; ln -s a b; ln -s b a; ! cat a 2>/dev/null; ln -s .. up; [ "$(cd up && pwd -P)" = "$(cd .. && pwd -P)" ]; ! ln -s x a 2>/dev/null; ln -sfn new a; [ "$(readlink a)" = new ]`},
		{"what is not there", `echo x > f; ! ln f hard 2>err; grep -q 'Operation not permitted' err; ! mkfifo p 2>err; grep -q 'Operation not permitted' err; ! mknod c c 1 3 2>err; grep -q 'Operation not permitted' err
			! python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")' 2>err; grep -q 'Operation not permitted' err; [ "$(ls | xargs)" = 'err f' ]`},
		{"O_NOFOLLOW and O_DIRECTORY", `mkdir d; echo x > f; ln -s f l; python3 - <<'END'
import os, errno
def errno_of(*a):
    try: os.close(os.open(*a))
    except OSError as e: return e.errno
assert errno_of("l", os.O_NOFOLLOW) == errno.ELOOP and errno_of("f", os.O_NOFOLLOW) is None
assert errno_of("f", os.O_DIRECTORY) == errno.ENOTDIR and errno_of("d", os.O_DIRECTORY) is None
assert errno_of("d", os.O_WRONLY) == errno.EISDIR and errno_of("d", os.O_RDWR | os.O_CREAT) == errno.EISDIR
assert errno_of("l", os.O_CREAT | os.O_EXCL | os.O_WRONLY) == errno.EEXIST and errno_of("d", os.O_CREAT | os.O_EXCL | os.O_WRONLY) == errno.EEXIST
assert errno_of("f/x", os.O_RDONLY) == errno.ENOTDIR and errno_of("none/x", os.O_CREAT | os.O_WRONLY) == errno.ENOENT
fd = os.open("l", os.O_PATH | os.O_NOFOLLOW); assert os.readlink("", dir_fd=fd) == "f"; os.close(fd)
fd = os.open("d", os.O_PATH); os.close(os.open("g", os.O_CREAT | os.O_WRONLY, dir_fd=fd)); assert os.listdir("d") == ["g"]
END`},
	} {
		t.Run(step.name, func(t *testing.T) { m.in(t).shAlone(step.script) })
	}
}
