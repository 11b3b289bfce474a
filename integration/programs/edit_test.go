package programs

import "testing"

// TestEditing changes files in the ways of editors and shells.
func TestEditing(t *testing.T) {
	needs(t, "vi", "perl", "python3", "tail", "patch")
	m := newMount(t)
	for _, step := range []struct{ name, script string }{
		{"vi", `printf 'one\ntwo\n' > f; chmod 640 f; vi -u NONE -es -c '%s/two/three/' -c wq f < /dev/null; [ "$(cat f)" = "$(printf 'one\nthree')" ]; [ "$(stat -c %a f)" = 640 ]; [ "$(ls -A)" = f ]`},
		{"vi with its files", `printf 'one\n' > f; vi -N -u NONE -es -c 'set swapfile backup backupcopy=no backupskip=' -c 'normal Atwo' -c w -c 'normal othree' -c wq f < /dev/null
			[ "$(cat f)" = "$(printf 'onetwo\nthree')" ]; [ "$(cat f~)" = onetwo ]`},
		{"vi in place", `printf 'one\n' > f; ino=$(stat -c %i f); vi -u NONE -es -c 'set backupcopy=yes' -c 'normal Atwo' -c wq f < /dev/null; [ "$(cat f)" = onetwo ]; [ "$(stat -c %i f)" = $ino ]`},
		{"vi keys", `printf 'a\nb\nc\n' > f; printf 'jdd:wq\r' > "$TMP/keys"; TERM=dumb vi -u NONE -s "$TMP/keys" f > /dev/null 2>&1; [ "$(cat f)" = "$(printf 'a\nc')" ]`},
		{"vi through a link", `echo x > f; ln -s f l; vi -u NONE -es -c 'normal Ay' -c wq l < /dev/null; [ -L l ]; [ "$(cat f)" = xy ]`},
		{"sed", `seq 1000 > f; chmod 604 f; sed -i 's/^5/five/' f; [ "$(grep -c five f)" = 111 ]; [ "$(stat -c %a f)" = 604 ]; sed -i.bak 1d f; [ "$(wc -l < f)" = 999 ]; [ "$(wc -l < f.bak)" = 1000 ]; [ "$(ls -A | wc -l)" = 2 ]`},
		{"perl", `seq 100 > f; perl -pi -e 's/^1/x/' f; [ "$(grep -c x f)" = 12 ]; [ "$(ls -A)" = f ]`},
		{"dd", `head -c 1000000 /dev/urandom > "$TMP/a"; cp "$TMP/a" f; for at in 0 77 4095 4096 500000 999998; do for g in "$TMP/a" f; do printf XY | dd of="$g" bs=1 seek=$at conv=notrunc status=none; done; done; cmp "$TMP/a" f
			dd if="$TMP/a" of=g bs=64K oflag=direct iflag=fullblock status=none && cmp g f; dd if=f of="$TMP/h" bs=4096 iflag=direct status=none && cmp "$TMP/h" f
			dd if=f of=g bs=100K conv=fsync,sparse status=none && cmp f g; dd if=f of=g bs=1M oflag=append conv=notrunc status=none && [ "$(stat -c %s g)" = 2000000 ]`},
		{"tail -f", `echo 1 > f; tail -n +1 -F f > "$TMP/out" & pid=$!; for i in $(seq 2 50); do echo $i >> f; done
			until [ "$(wc -l < "$TMP/out")" = 50 ]; do :; done; mv f f.1; for i in $(seq 51 60); do echo $i >> f; done
			until [ "$(wc -l < "$TMP/out")" -ge 60 ]; do :; done; kill $pid; [ "$(grep -c '^[0-9]*$' "$TMP/out")" = 60 ]; seq 60 | cmp - <(grep '^[0-9]*$' "$TMP/out")`},
		{"a reader from before", `exec 3< <(exec tail -f f 2>/dev/null) 4>&1; echo a > f; exec 5< f; echo b >> f; cat <&5 > "$TMP/r"; [ "$(cat "$TMP/r")" = "$(printf 'a\nb')" ]; echo c >> f; [ "$(cat <&5)" = c ]; exec 3<&- 5<&-`},
		{"same file", `shuf -i 1-500 > f; sort -n -o f f; seq 500 | cmp - f; tee -a f < /dev/null; echo x | tee -a f > /dev/null; [ "$(wc -l < f)" = 501 ]`},
		{"patch", `seq 100 > f; sed 's/^50$/fifty/' f > g; diff -u f g > p || true; patch -s f p; cmp f g; patch -sR f p; [ "$(sed -n 50p f)" = 50 ]`},
		{"split", `seq 10000 > f; split -b 1000 f part.; cat part.* | cmp - f; csplit -s f 5000; cat xx* | cmp - f`},
		{"gzip", `seq 10000 > f; cp -p f g; gzip f; [ ! -e f ]; gunzip f.gz; cmp f g; [ f -nt g ] || [ ! g -nt f ]`},
		{"umask", `umask 077; echo > f; mkdir d; [ "$(stat -c %a f d | paste -sd' ')" = '600 700' ]; umask 0; echo > g; mkdir e; [ "$(stat -c %a g e | paste -sd' ')" = '666 777' ]`},
		{"find -newer", `echo > a; until [ "$(date +%s%N)" -gt "$(($(date -r a +%s%N) + 20000000))" ]; do :; done; echo > b; touch -r a c; [ "$(find . -type f -newer a)" = ./b ]; [ b -nt a ]; [ ! c -nt a ]; find . -type f -newermt @0 | wc -l | grep -qx 3`},
		{"touch", `touch -d '2001-01-01 00:00:00.123456789 UTC' f; [ "$(stat -c %y f)" = '2001-01-01 00:00:00.123456789 +0000' ]; touch -a -d @5 f; [ "$(stat -c %X:%Y f)" = 5:978307200 ]; touch -m -d @7 f; [ "$(stat -c %X:%Y f)" = 5:7 ]; touch f; [ "$(stat -c %Y f)" -gt 1000000000 ]; touch -c nothing; [ ! -e nothing ]`},
		{"python", `python3 - <<'END'
import os, tempfile, shutil, pathlib
with tempfile.NamedTemporaryFile(dir=".", delete=False) as t: t.write(b"x" * 70000); t.flush(); os.fsync(t.fileno())
os.replace(t.name, "f"); assert os.path.getsize("f") == 70000
d = tempfile.mkdtemp(dir="."); shutil.copytree(d, "copy"); shutil.move(d, "moved"); shutil.rmtree("moved")
with open("f", "r+b") as f: f.seek(10); f.write(b"yy"); f.truncate(100); f.seek(0); assert f.read() == b"x" * 10 + b"yy" + b"x" * 88
with open("f", "ab") as f: assert f.tell() == 100; f.write(b"z")
assert pathlib.Path("f").stat().st_size == 101
with tempfile.TemporaryFile(dir=".") as f: f.write(b"gone"); f.seek(0); assert f.read() == b"gone"
assert sorted(os.listdir(".")) == ["copy", "f"], os.listdir(".")
END`},
	} {
		t.Run(step.name, func(t *testing.T) {
			m.in(t).shAlone(step.script)
		})
	}
}
