package programs

import "testing"

// TestGit has a repository live on the mount.
func TestGit(t *testing.T) {
	needs(t, "git")
	m := newMount(t)
	src := t.TempDir()
	if out, err := shell(src, `git init -q -b main origin && cd origin
		mkdir -p a/b; for i in $(seq 30); do head -c $((i * 300)) /dev/urandom | base64 > a/b/f$i; done
		ln -s b/f1 a/link; printf '#!/bin/sh\necho ran\n' > run; chmod +x run
		git add -A; git commit -qm one; echo two > two; git add -A; git commit -qm two; git tag -a v1 -m v1`); err != nil {
		t.Fatal(err, out)
	}
	for _, step := range []struct{ name, script string }{
		{"clone", `git clone -q "$SRC/origin" repo && cd repo && diff -r --no-dereference --exclude=.git "$SRC/origin" . && [ "$(./run)" = ran ] && [ -z "$(git status --porcelain)" ]`},
		{"commit", `cd repo; for i in 1 2 3; do echo $i > new$i; git add new$i; git commit -qm "new $i"; done; git mv a/b c; git rm -q two; git commit -qam moved; [ -z "$(git status --porcelain)" ]`},
		{"status sees changes", `cd repo; echo x >> c/f3; rm c/f4; echo y > untracked
			[ "$(git status --porcelain)" = "$(printf ' M c/f3\n D c/f4\n?? untracked')" ]; git stash -q -u; [ -z "$(git status --porcelain)" ]; git stash pop -q; git reset -q --hard; rm untracked`},
		{"branches", `cd repo; git checkout -q -b side v1; echo s > side; git add side; git commit -qm side; git checkout -q main; git merge -q -m merged side; [ "$(cat side)" = s ]
			git checkout -q side; git rebase -q main; git checkout -q main; git merge -q --ff-only side; [ -z "$(git status --porcelain)" ]`},
		{"gc", `cd repo; git fsck --strict; git gc -q --prune=now; git fsck --strict; git repack -qadf; git fsck --full; [ "$(git count-objects)" = "0 objects, 0 kilobytes" ]`},
		{"worktree", `cd repo; git worktree add -q ../tree v1; cd ../tree; [ "$(git rev-parse HEAD)" = "$(git rev-parse v1^{commit})" ]; echo w > w; git add w; git commit -qm w; cd ../repo; git worktree remove ../tree; [ ! -e ../tree ]; git worktree prune; git fsck`},
		{"bundle and push", `git init -q -b main --bare bare.git; cd repo; git push -q ../bare.git main --tags; cd ..; git -C bare.git fsck --strict; git clone -q bare.git again; [ "$(git -C again rev-parse HEAD)" = "$(git -C repo rev-parse HEAD)" ]; diff -r --no-dereference --exclude=.git repo again`},
		{"shared", `git clone -q --shared repo shared; git -C shared log --oneline > /dev/null; git clone -q --local --no-hardlinks repo copied; git -C copied fsck; git clone -q repo linked; git -C linked fsck`},
		{"archive", `git -C repo archive HEAD | tar xf - --one-top-level=out; diff -r --no-dereference --exclude=.git repo out`},
		{"rm", `rm -rf * .[a-z]*; [ -z "$(ls -A)" ]`},
	} {
		t.Run(step.name, func(t *testing.T) { m.in(t).sh(step.script, "SRC", src) })
	}
}
