package versioning

// A Version is what the rules need to know of one member of a chain.
type Version struct {
	Seq    uint64 // commit sequence; 0 means "no version"
	Null   bool   // it is the null version
	Marker bool   // it is a delete marker
}

// Exists reports whether v stands for a version at all.
func (v Version) Exists() bool { return v.Seq != 0 }

// Live reports whether v is a version with content.
func (v Version) Live() bool { return v.Seq != 0 && !v.Marker }

// A Chain is what the rules need to know of a key: its top, and three facts about
// the rest, so that no transition needs a scan.
type Chain struct {
	Top        Version // zero: the key has no versions
	NullSeq    uint64  // Seq of a noncurrent null version; 0: there is none
	Noncurrent uint64  // how many versions stand below the top
	NextNumber uint64  // number of the next version; 0 means 1
}

// KeepsCounter reports whether a chain without versions must still be recorded,
// for its NextNumber, in a bucket of that state. It is false for a chain that has
// versions: those carry the counter.
func (c Chain) KeepsCounter(state State) bool {
	return !c.Top.Exists() && c.NextNumber > 1 && state != Unversioned
}

// A Fate is what becomes of the version that was the top.
type Fate uint8

// The fates.
const (
	Stays    Fate = iota // it remains the top, or there was none
	Retires              // it becomes the newest noncurrent version
	Discards             // it is removed; its content loses a reference
)

// A Step is what one operation does to a chain. The store carries it out in one
// commit: first the removals, then the write.
type Step struct {
	Top         Fate
	DiscardNull bool   // remove the noncurrent version at Chain.NullSeq
	Remove      uint64 // not 0: remove the noncurrent version with that Seq
	Promote     bool   // the newest noncurrent version becomes the top
	Write       Write  // what comes on top
	Null        bool   // what is written is the null version
	Number      uint64 // and its number; 0 if nothing is written
	Next        Chain  // the chain afterwards
}

// A Write is what a step puts on top.
type Write uint8

// The writes.
const (
	WritesNothing Write = iota
	WritesVersion
	WritesMarker
)

// Changes reports whether the step does anything.
func (s Step) Changes() bool {
	return s.Top != Stays || s.DiscardNull || s.Remove != 0 || s.Write != WritesNothing
}

// ID returns the id of what the step writes, when it is committed as seq.
func (s Step) ID(seq, random uint64) ID {
	if s.Null {
		return ID{}
	}
	return ID{Seq: seq, Random: random}
}

// Put returns the step of a put, a copy, a completed upload or a publish, which
// will be committed as seq. seq is greater than that of every version in c.
func (c Chain) Put(state State, seq uint64) Step {
	return c.push(Version{Seq: seq, Null: state != Enabled})
}

// Delete returns the step of a delete that names no version, committed as seq.
func (c Chain) Delete(state State, seq uint64) Step {
	if state != Unversioned {
		return c.push(Version{Seq: seq, Null: state != Enabled, Marker: true})
	}
	if !c.Top.Exists() {
		return Step{Next: c}
	}
	next := Chain{NextNumber: c.next()}
	return Step{Top: Discards, Next: next}
}

// PutPassing returns the step of a put of a name that keeps no history, such as an
// editor's swap file: in a bucket that keeps it for others it is as if that were suspended.
// So the null version is replaced, and what older versions there are stay.
func (c Chain) PutPassing(state State, seq uint64) Step {
	return c.Put(state.passing(), seq)
}

// DeletePassing returns the step of a delete of a name that keeps no history. A file of
// which there is nothing but the null version leaves nothing behind. One with older
// versions gets a null marker on top, as in a suspended bucket: they stay, and none of
// them becomes current again.
func (c Chain) DeletePassing(state State, seq uint64) Step {
	if state != Unversioned && c.Noncurrent == 0 && c.Top.Live() && c.Top.Null {
		return Step{Top: Discards, Next: Chain{NextNumber: c.next()}}
	}
	return c.Delete(state.passing(), seq)
}

// passing is the state in which a name without history is kept.
func (s State) passing() State {
	if s == Enabled {
		return Suspended
	}
	return s
}

// DeleteVersion returns the step that removes one version for good, whatever the
// state of the bucket. below is the newest noncurrent version, zero if there is
// none; it is looked at only if target is the top.
func (c Chain) DeleteVersion(target, below Version) Step {
	next := c
	next.NextNumber = c.next()
	if target.Seq != c.Top.Seq {
		if target.Seq == c.NullSeq {
			next.NullSeq = 0
		}
		next.Noncurrent--
		return Step{Remove: target.Seq, Next: next}
	}
	next.Top = below
	if !below.Exists() {
		return Step{Top: Discards, Next: next}
	}
	next.Noncurrent--
	if below.Null {
		next.NullSeq = 0
	}
	return Step{Top: Discards, Promote: true, Next: next}
}

// Restore returns the step that makes target current again by writing its content
// as a new version, committed as seq. Where the step also removes target (a null
// version that is replaced by its own copy) the store shares the content first. A
// target that is the live top already changes nothing; a delete marker has nothing
// to restore.
func (c Chain) Restore(state State, target Version, seq uint64) (Step, error) {
	if !target.Live() {
		return Step{}, violation(RuleRestore, "a delete marker has no content to restore; restore an older version or remove the marker")
	}
	if target.Seq == c.Top.Seq {
		return Step{Next: c}, nil
	}
	return c.Put(state, seq), nil
}

// push puts v on top.
func (c Chain) push(v Version) Step {
	s := Step{Write: WritesVersion, Null: v.Null, Number: c.next()}
	if v.Marker {
		s.Write = WritesMarker
	}
	next := Chain{Top: v, NullSeq: c.NullSeq, Noncurrent: c.Noncurrent, NextNumber: s.Number + 1}
	if v.Null && c.NullSeq != 0 {
		s.DiscardNull = true
		next.NullSeq = 0
		next.Noncurrent--
	}
	switch {
	case !c.Top.Exists():
	case v.Null && c.Top.Null:
		s.Top = Discards
	default:
		s.Top = Retires
		next.Noncurrent++
		if c.Top.Null {
			next.NullSeq = c.Top.Seq
		}
	}
	s.Next = next
	return s
}

func (c Chain) next() uint64 { return max(c.NextNumber, 1) }
