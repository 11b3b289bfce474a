package programs

import (
	"strings"
	"testing"
)

// TestSQLite has two processes write to one database, in each kind of journal, and a
// third one die in the middle of a transaction.
func TestSQLite(t *testing.T) {
	needs(t, "sqlite3")
	m := newMount(t)
	for _, mode := range []string{"delete", "truncate", "persist", "wal"} {
		t.Run(mode, func(t *testing.T) {
			got := m.in(t).sh(`
				db=$MODE.db; q() { sqlite3 -batch -bail -cmd '.timeout 60000' $db "$@"; }
				[ "$(q "PRAGMA journal_mode=$MODE")" = $MODE ]
				q 'CREATE TABLE t(who, n, pad, UNIQUE(who, n)); CREATE INDEX i ON t(pad)'
				writer() {
					echo 'PRAGMA synchronous=FULL;'
					for i in $(seq $2); do echo "INSERT INTO t VALUES('$1', $i, hex(randomblob($((i * 37 % 900)))));"; done
				}
				writer a $COUNT | q > /dev/null & a=$!; writer b $COUNT | q > /dev/null & b=$!; wait $a; wait $b
				[ "$(q 'SELECT who, count(*), max(n) FROM t GROUP BY who')" = "$(printf "a|$COUNT|$COUNT\nb|$COUNT|$COUNT")" ]
				[ "$(q 'PRAGMA integrity_check')" = ok ]
				# One dies with a transaction half done, which the next one to come undoes.
				mkfifo "$TMP/pipe"; sqlite3 -batch -bail $db < "$TMP/pipe" > "$TMP/said" & pid=$!
				exec 4> "$TMP/pipe"; rm "$TMP/pipe"
				echo "PRAGMA cache_size=10; PRAGMA cache_spill=1; BEGIN IMMEDIATE; UPDATE t SET pad = hex(randomblob(500)); SELECT 'half';" >&4
				until grep -q half "$TMP/said"; do :; done
				kill -9 $pid; wait $pid || true; exec 4>&-
				[ "$(q 'SELECT count(*) FROM t WHERE length(pad) != 2 * (n * 37 % 900)')" = 0 ] 
				[ "$(q 'PRAGMA integrity_check')" = ok ]
				q 'DELETE FROM t WHERE n % 2; VACUUM'; [ "$(q 'PRAGMA integrity_check; SELECT count(*) FROM t')" = "$(printf "ok\n$COUNT")" ]
				q ".backup $MODE.copy"; [ "$(sqlite3 $MODE.copy 'PRAGMA integrity_check')" = ok ]
				ls`, "MODE", mode, "COUNT", "40", "TMP", t.TempDir())
			if mode == "wal" && strings.Contains(got, "wal.db-") {
				t.Errorf("the last one to close leaves its log: %s", got)
			}
		})
	}
}
