package programs

import "testing"

// TestCapabilities gives programs capabilities, which live in an attribute that a change
// of the program must take away.
func TestCapabilities(t *testing.T) {
	needsRoot(t)
	needs(t, "setcap", "getcap", "getfattr", "rsync", "tar", "cp")
	m := newMount(t)
	for _, step := range []struct{ name, script string }{
		{"kept", `
			mv prog moved; has moved; cp -a moved copy; has copy; rsync -aX copy synced; has synced; mkdir d; mv copy d/; mv d e; has e/copy
			tar cf t.tar --xattrs --xattrs-include='*' moved; mkdir out; tar xf t.tar --xattrs --xattrs-include='*' -C out; has out/moved
			chmod 700 moved; touch moved; has moved; mv moved "$TMP/out"; has "$TMP/out"; mv "$TMP/out" back; has back; setcap -r back; hasnot back`},
		{"not copied", `cp prog plain; hasnot plain; cat prog > cat; hasnot cat; has prog`},
		{"dropped by a write", `printf x >> prog; hasnot prog`},
		{"dropped by a write in place", `printf x | dd of=prog conv=notrunc status=none; hasnot prog`},
		{"dropped by a truncating open", `: > prog; hasnot prog`},
		{"dropped by truncate", `truncate -s 5 prog; hasnot prog`},
		{"dropped by chown", `chown 12:34 prog; hasnot prog`},
		{"dropped by each of many writes", `for i in 1 2 3; do printf x >> prog; hasnot prog; setcap cap_net_raw+ep prog; has prog; done; exec 3>> prog; printf y >&3; hasnot prog; setcap cap_net_raw+ep prog; has prog; printf z >&3; hasnot prog; exec 3>&-; hasnot prog`},
		{"not there for who reads", `cat prog > /dev/null; cp prog "$TMP/x"; has prog; [ "$(getfattr -n security.capability --only-values prog | wc -c)" -ge 20 ]`},
		{"in a draft", `exec 3> new; printf '#!' >&3; setcap cap_net_raw+ep new; has new; exec 3>&-; has new; printf x >> new; hasnot new`},
	} {
		t.Run(step.name, func(t *testing.T) {
			m.in(t).shAlone(`
			has() { [ "$(getcap "$1")" = "$1 cap_net_raw=ep" ] || { echo "$1 has lost it: $(getcap "$1")"; exit 1; }; }
			hasnot() { [ -z "$(getcap "$1")" ] || { echo "$1 has it still"; exit 1; }; }
			cp "$(type -P sleep)" prog; setcap cap_net_raw+ep prog; has prog` + "\n" + step.script)
		})
	}
}
