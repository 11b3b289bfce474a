package programs

import "testing"

// oddTree fills a directory of the disk with what is easily lost in copying.
const oddTree = `
mkdir -p "$SRC/tree/sub/deep/er" "$SRC/tree/empty" "$SRC/tree/space and 'quote'" && cd "$SRC/tree"
for i in $(seq 20); do head -c $((i * i * 397)) /dev/urandom > sub/f$i; done
head -c 2000001 /dev/urandom > sub/large
: > sub/zero; : > sub/deep/zero
echo text > sub/deep/er/note; printf 'no newline' > "space and 'quote'/-dash"
printf x > $'sub/new\nline'; printf x > 'sub/ünïcödé 文字'; printf x > 'sub/%41 & 100%'; printf x > sub/.hidden
ln -s ../sub/f1 empty/link; ln -s /nonexistent/absolute sub/dangling; ln -s . sub/self
ln -s "$(printf 'x/%.0s' $(seq 2000))" sub/longlink
modes='700 711 755 777 1777 2755 4711 6777'
[ "$(id -u)" != 0 ] || modes+=' 0 4 70 200 444 555' # which keep others than root from copying
for m in $modes; do
  printf $m > sub/mode$m; chmod $m sub/mode$m; mkdir sub/dir$m; chmod $m sub/dir$m
done
[ "$(id -u)" != 0 ] || { chown 12:34 sub/f5; chown 4294967294:2147483648 sub/f6; chown -h 56:78 empty/link; }
touch -d '2001-02-03 04:05:06.789012345' sub/f1; touch -d '1969-12-31 23:59:58.5' sub/f2
touch -d '2106-02-07 06:28:17.000000001' sub/f3; touch -d @0.000000001 sub/f4
touch -h -d '2005-05-05 05:05:05.050505050' empty/link
touch -d '1999-09-09 09:09:09.999999999' sub/dir755 sub/deep empty
truncate -s 3M sub/allhole; truncate -s 30M sub/hugehole; echo end >> sub/hugehole
for i in 0 7 100; do printf data | dd of=sub/holes bs=64K seek=$i conv=notrunc status=none; done; truncate -s 9M sub/holes
`

// same compares two trees in every way that rsync knows of; it changes nothing.
const same = `
same() { # of, with
  [ -z "$(rsync -aXn --checksum --delete --itemize-changes --sparse "$1/" "$2/" | tee /dev/stderr)" ]
  diff -r --no-dereference "$1" "$2"
  # What neither compares: nanoseconds, and the targets of links.
  list() { (cd "$1" && find . \( -type d -printf '%p/ %m %U:%G %T@\n' -o -printf '%p %y %m %U:%G %s %l %T@\n' \) | sort); }
  diff <(list "$1") <(list "$2")
}
`

func TestCopies(t *testing.T) {
	needs(t, "rsync", "tar", "cp", "diff", "find", "setfattr")
	m := newMount(t)
	src := t.TempDir()
	m.sh(oddTree, "SRC", src)
	for _, step := range []struct{ name, script string }{
		{"cp", `cp -a "$SRC/tree" . && same "$SRC/tree" tree`},
		{"cp out", `cp -a tree "$SRC/out" && same "$SRC/tree" "$SRC/out" && same tree "$SRC/out"`},
		{"cp within", `cp -a --reflink=auto tree again && same tree again && cp -a --reflink=never tree third && same tree third`},
		{"cp without reflinks", `! cp --reflink=always tree/sub/f20 clone 2>err; [ ! -s clone ]; rm -f clone err`},
		{"cp sparse", `cp --sparse=always tree/sub/hugehole s && cmp tree/sub/hugehole s && [ "$(stat -c %b s)" -lt 1000 ] && rm s`},
		{"holes", `for f in allhole hugehole holes; do [ $(stat -c %b tree/sub/$f) -lt 1000 ]; cmp tree/sub/$f "$SRC/tree/sub/$f"; done`},
		{"tar", `tar cf "$SRC/t.tar" --format=posix --numeric-owner --sparse -C tree . && mkdir untar && tar xpf "$SRC/t.tar" --numeric-owner -C untar && same tree untar`},
		{"tar inside", `tar czf t.tgz --format=posix --numeric-owner tree && mkdir in && tar xpzf t.tgz --numeric-owner -C in && same tree in/tree && rm t.tgz`},
		{"rsync", `rsync -a --sparse "$SRC/tree/" synced/ && same "$SRC/tree" synced`},
		{"rsync changes", `echo more >> synced/sub/f9; rm synced/sub/f8; mkdir synced/sub/extra; chmod 600 synced/sub/f7; touch synced/sub/f10
			[ "$(rsync -an --checksum --delete --itemize-changes "$SRC/tree/" synced/ | wc -l)" = 6 ]
			rsync -a --checksum --delete "$SRC/tree/" synced/ && same "$SRC/tree" synced`},
		{"rsync in place", `head -c 3000000 /dev/urandom > base; cp base "$SRC/base"; printf changed | dd of="$SRC/base" bs=1 seek=1000000 conv=notrunc status=none
			rsync -a --inplace --no-whole-file --checksum "$SRC/base" base && cmp base "$SRC/base"
			head -c 100000 /dev/urandom >> "$SRC/base" && rsync -a --append-verify "$SRC/base" base && cmp base "$SRC/base" && rm base`},
		{"rsync with attributes", `for i in 1 2; do echo body $i > "$SRC/x"; for a in plain s3.content-type s3.meta.a s3.meta.b s3.tag.t; do setfattr -n user.$a -v text/$i "$SRC/x"; done
			rsync -aX --ignore-times "$SRC/x" x; cmp x "$SRC/x"; [ "$(ls .versions/x | wc -l)" = $i ]
			for a in plain s3.content-type s3.meta.a s3.meta.b s3.tag.t; do [ "$(getfattr --only-values -n user.$a x)" = text/$i ]; done; done; rm x "$SRC/x"`},
		{"rsync backup", `echo one > b; echo two > "$SRC/b"; rsync -a --ignore-times --backup --suffix=.old "$SRC/b" b && [ "$(cat b b.old)" = "$(printf 'two\none')" ] && rm b b.old`},
		{"rsync from the mount", `rsync -a --sparse synced/ "$SRC/back/" && same synced "$SRC/back"`},
		{"cp of links fails", `! cp -al tree linked 2>err && grep -q 'Operation not permitted' err && [ ! -e linked/sub/f1 ] && rm -r linked err && [ "$(stat -c %h tree/sub/f1)" = 1 ]`},
		{"install", `own="$(id -u) $(id -g)"; [ "$(id -u)" != 0 ] || own='3 4'; set -- $own
			install -D -m 751 -o $1 -g $2 tree/sub/f3 a/b/c && [ "$(stat -c %a:%u:%g a/b/c)" = 751:$1:$2 ] && cmp a/b/c tree/sub/f3 && rm -r a`},
		{"mv out and in", `mv tree/sub/deep "$SRC/deep" && [ ! -e tree/sub/deep ] && mv "$SRC/deep" tree/sub/deep && same tree/sub/deep third/sub/deep`},
		{"rm", `chmod -R u+rwx . && rm -r * && [ -z "$(ls -A)" ]`},
	} {
		t.Run(step.name, func(t *testing.T) { m.in(t).sh(same+step.script, "SRC", src) })
	}
}
