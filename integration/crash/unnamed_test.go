package crash

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"pail/integration/trial"
)

// What an fsync made durable lasts until what takes its name away is durable, too: until
// then the records on the disk name its content file.

// takings end with a file that was fsynced and has no name any more, and is closed.
var takings = []promise{
	{name: "unlink", make: func(s *script, key string) act {
		f := s.synced(key)
		s.add(act{Op: opUnlink, Key: key})
		return act{Op: opClose, Handle: f}
	}},
	{name: "rename over", make: func(s *script, key string) act {
		f := s.synced(key)
		s.add(act{Op: opSave, Key: key + "-new", Len: small})
		s.add(act{Op: opRename, Key: key + "-new", To: key})
		return act{Op: opClose, Handle: f}
	}},
	{name: "shrunk and unlinked", make: func(s *script, key string) act {
		f := s.synced(key)
		s.add(act{Op: opTruncate, Handle: f, Len: small})
		s.add(act{Op: opUnlink, Key: key})
		return act{Op: opClose, Handle: f}
	}},
	{name: "unlinked, written and closed", make: func(s *script, key string) act {
		f := s.synced(key)
		s.add(act{Op: opUnlink, Key: key})
		s.add(act{Op: opFlush, Handle: f})
		s.add(act{Op: opWrite, Handle: f, Len: 3 * large})
		return act{Op: opClose, Handle: f}
	}},
}

// synced opens a new file, fsyncs it and returns its handle.
func (s *script) synced(key string) int {
	f := s.add(act{Op: opOpen, Key: key, Mode: 0o600})
	s.add(act{Op: opWrite, Handle: f, Len: 40 * large}) // more than the records keep by themselves
	s.add(act{Op: opFsync, Handle: f})
	return f
}

// TestSyncedDraftOutlivesItsName cuts the power after a file that was fsynced has lost its
// name and was closed, with nothing synced since: it is there or not, and never half.
func TestSyncedDraftOutlivesItsName(t *testing.T) {
	rng := rand.New(rand.NewPCG(trial.Seed(t), 82))
	for _, p := range takings {
		t.Run(p.name, func(t *testing.T) {
			s := &script{}
			s.add(act{Op: opBucket, Bucket: "flat"})
			last := s.add(p.make(s, "k"))
			disk := startDisk(t, "")
			r := startRun(t, plan{
				Dir: filepath.Join(disk.Dir(), "store"), Disk: disk, Create: true, Script: s.acts,
				InlineMax: enumInline, SettleAfter: -1, MemTable: 1 << 20, Seed: rng.Uint64(),
			})
			defer r.kill()
			if !r.awaitWord("open") {
				t.Fatal("the writer did not open the store")
			}
			r.step(last)
			pg := r.ledger.page(r.ledger.mark())
			r.pause()
			for range 24 {
				cutSeed := rng.Uint64()
				dir, report, err := disk.Cut(cutSeed)
				if err != nil {
					t.Fatal(err)
				}
				_, loss := examine(dir, r.plan, pg, []home{{bucket: "flat"}})
				discard(t, dir)
				if loss != nil {
					t.Fatalf("cut %d (%s): %v", cutSeed, report.Mode, loss)
				}
			}
		})
	}
}
