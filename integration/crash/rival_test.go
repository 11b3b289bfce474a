package crash

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
)

// Rivals write to the same few keys of a versioned bucket, so that the order of their
// acts is only the store's to know. What was acknowledged is a version with the id and
// number that the acknowledgement named, whatever others did meanwhile.

const rivalBucket = "rivals"

func (w *writer) rival(ctx context.Context, h home, rng *rand.Rand) {
	p := newPerformer(w.s)
	for n := 1; n <= w.plan.Acts; n++ {
		a := act{W: h.worker, N: n, Op: opPut, Bucket: h.bucket, Key: fmt.Sprintf("k%d", rng.IntN(3)), Gen: genOf(h.worker, n)}
		if rng.IntN(6) == 0 {
			a.Op = opDelete
		} else if a.Len = 1 + rng.Int64N(2*int64(w.plan.InlineMax)); rng.IntN(4) == 0 {
			a.Op = opSave
			a.Key = fmt.Sprintf("w%d", h.worker) // two writers of one open file would share a draft
		}
		if r := w.perform(ctx, p, a); r.Err != "" {
			return
		}
	}
}

// judgeRivals demands every acknowledged version, and that each version found is one
// act's, and its number the place that it has in its key's history.
func judgeRivals(p page, homes []home, l *sight) error {
	sb := l.buckets[rivalBucket]
	if sb == nil {
		return fmt.Errorf("bucket %s is missing", rivalBucket)
	}
	found := map[string]*seen{}
	for key, vs := range sb.keys {
		for i, v := range vs {
			found[v.VersionID] = v
			// Of keys that were saved too, a publish may have been undone.
			gap := strings.HasPrefix(key, "w") && (i == 0 || v.Number < vs[i-1].Number)
			if v.Number != uint64(len(vs)-i) && !gap {
				return fmt.Errorf("%s has number %d and is the %d. of %d versions", key, v.Number, len(vs)-i, len(vs))
			}
		}
	}
	made := map[string]int{} // what there is, by bytes
	for _, v := range found {
		if !v.DeleteMarker {
			made[fmt.Sprint(v.Key, v.Size, v.sum)]++
		}
	}
	for _, h := range homes {
		if h.kind != "rival" {
			continue
		}
		for _, d := range p.acts[h.worker] {
			if d.Op != opDelete {
				delete(made, fmt.Sprint(d.Key, d.Len, whole(d.Gen, d.Len).sum()))
			}
			if !d.Op.durable() || !p.acked(d) {
				continue
			}
			switch v := found[d.ID]; {
			case v == nil:
				return fmt.Errorf("%v was acknowledged as version %s and is missing", d.act, d.ID)
			case d.Op == opDelete && !v.DeleteMarker:
				return fmt.Errorf("%v was acknowledged as marker %s and is none", d.act, d.ID)
			case d.Op != opDelete && (v.Number != d.Number || v.Size != d.Len || v.sum != whole(d.Gen, d.Len).sum()):
				return fmt.Errorf("%v was acknowledged as number %d and is %v", d.act, d.Number, v)
			}
		}
	}
	for what := range made {
		return fmt.Errorf("a version of %s holds what nobody wrote", what)
	}
	return nil
}
