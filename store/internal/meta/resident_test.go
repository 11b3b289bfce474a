package meta

import "testing"

// TestTrimMapped lets mapped tables go in the middle of a scan, which does not notice.
func TestTrimMapped(t *testing.T) {
	dir := t.TempDir()
	db := open(t, dir, small)
	const n = 20_000
	fillRecords(t, db, "r", n)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = open(t, dir, small)
	v := db.View()
	defer v.Close()
	if got := countRecords(t, v, "r"); got != n {
		t.Fatal(got)
	}
	before, err := mappedBytes()
	if err != nil {
		t.Fatal(err)
	}
	it := v.Scan(ScanOptions{Prefix: []byte("r/")})
	defer it.Close()
	for i := range n {
		if i == n/2 {
			if err := db.trimMapped(0); err != nil {
				t.Fatal(err)
			}
			after, err := mappedBytes()
			if err != nil {
				t.Fatal(err)
			}
			if after >= before-2*mib {
				t.Errorf("%d bytes mapped before, %d after", before, after)
			}
		}
		if !it.Next() {
			t.Fatalf("ended after %d: %v", i, it.Err())
		}
	}
}
