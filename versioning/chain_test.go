package versioning_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"pail/versioning"
)

// member is a version as AWS's documentation speaks of it.
type member struct {
	seq, number  uint64
	null, marker bool
}

// listModel is a chain as a plain list, newest first, with the rules written the
// way the Amazon S3 User Guide words them.
type listModel struct {
	list []member
	last uint64 // the last number given out
}

func (m *listModel) add(v member) {
	m.last++
	v.number = m.last
	if v.null { // "overwrites any existing null version"
		m.list = slices.DeleteFunc(m.list, func(o member) bool { return o.null })
	}
	m.list = slices.Insert(m.list, 0, v)
}

func (m *listModel) put(state versioning.State, seq uint64) {
	m.add(member{seq: seq, null: state != versioning.Enabled})
}

func (m *listModel) delete(state versioning.State, seq uint64) {
	if state == versioning.Unversioned {
		m.list = nil
		return
	}
	m.add(member{seq: seq, null: state != versioning.Enabled, marker: true})
}

func (m *listModel) remove(seq uint64) {
	m.list = slices.DeleteFunc(m.list, func(o member) bool { return o.seq == seq })
}

func (m *listModel) restore(state versioning.State, seq, newSeq uint64) {
	if m.list[0].seq != seq {
		m.put(state, newSeq)
	}
}

// keeper carries steps out as a store does: a top and noncurrent records.
type keeper struct {
	chain      versioning.Chain
	top        member
	noncurrent []member // newest first
}

func (k *keeper) below() versioning.Version {
	if len(k.noncurrent) == 0 {
		return versioning.Version{}
	}
	return k.noncurrent[0].version()
}

func (v member) version() versioning.Version {
	return versioning.Version{Seq: v.seq, Null: v.null, Marker: v.marker}
}

func (k *keeper) removeNoncurrent(t *rapid.T, seq uint64) {
	n := len(k.noncurrent)
	k.noncurrent = slices.DeleteFunc(k.noncurrent, func(v member) bool { return v.seq == seq })
	if len(k.noncurrent) != n-1 {
		t.Fatalf("step removes %d, which is not there", seq)
	}
}

func (k *keeper) carryOut(t *rapid.T, s versioning.Step, seq uint64) {
	if s.DiscardNull {
		k.removeNoncurrent(t, k.chain.NullSeq)
	}
	if s.Remove != 0 {
		k.removeNoncurrent(t, s.Remove)
	}
	switch s.Top {
	case versioning.Retires:
		k.noncurrent = slices.Insert(k.noncurrent, 0, k.top)
		k.top = member{}
	case versioning.Discards:
		k.top = member{}
	}
	if s.Promote {
		k.top, k.noncurrent = k.noncurrent[0], k.noncurrent[1:]
	}
	if s.Write != versioning.WritesNothing {
		if k.top.seq != 0 {
			t.Fatalf("step writes over the top: %+v", s)
		}
		k.top = member{seq: seq, number: s.Number, null: s.Null, marker: s.Write == versioning.WritesMarker}
		if id := s.ID(seq, 7); id.IsNull() != s.Null {
			t.Fatalf("id %v of a version with null=%v", id, s.Null)
		}
	}
	k.chain = s.Next
}

func (k *keeper) members() []member {
	if k.top.seq == 0 {
		return nil
	}
	return append([]member{k.top}, k.noncurrent...)
}

// check compares with the model and checks the facts that the chain caches.
func (k *keeper) check(t *rapid.T, m *listModel) {
	if got := k.members(); !slices.Equal(got, m.list) {
		t.Fatalf("chain is %v, want %v", got, m.list)
	}
	want := versioning.Chain{Top: k.top.version(), Noncurrent: uint64(len(k.noncurrent)), NextNumber: m.last + 1}
	for _, v := range k.noncurrent {
		if v.null {
			want.NullSeq = v.seq
		}
	}
	if got := k.chain; got != want && !(m.last == 0 && got == versioning.Chain{}) {
		t.Fatalf("chain says %+v, want %+v", got, want)
	}
}

// TestChainAgainstList runs random operations through the transitions and through
// the list.
func TestChainAgainstList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state, seq := versioning.Unversioned, uint64(0)
		m, k := &listModel{}, &keeper{}
		pick := func(t *rapid.T) member {
			if len(m.list) == 0 {
				t.Skip("no versions")
			}
			return rapid.SampledFrom(m.list).Draw(t, "version")
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				seq++
				k.carryOut(t, k.chain.Put(state, seq), seq)
				m.put(state, seq)
			},
			"delete": func(t *rapid.T) {
				seq++
				step := k.chain.Delete(state, seq)
				if step.Changes() != (state != versioning.Unversioned || len(m.list) > 0) {
					t.Fatalf("Changes() = %v", step.Changes())
				}
				k.carryOut(t, step, seq)
				m.delete(state, seq)
			},
			"put passing": func(t *rapid.T) {
				seq++
				k.carryOut(t, k.chain.PutPassing(state, seq), seq)
				m.put(versioning.Suspended, seq) // in an unversioned bucket too: null over null
			},
			"delete passing": func(t *rapid.T) {
				seq++
				k.carryOut(t, k.chain.DeletePassing(state, seq), seq)
				switch {
				case state != versioning.Unversioned && len(m.list) == 1 && m.list[0].null && !m.list[0].marker:
					m.list = nil
				case state == versioning.Unversioned:
					m.delete(state, seq)
				default:
					m.delete(versioning.Suspended, seq)
				}
			},
			"remove": func(t *rapid.T) {
				v := pick(t)
				seq++
				k.carryOut(t, k.chain.DeleteVersion(v.version(), k.below()), seq)
				m.remove(v.seq)
			},
			"restore": func(t *rapid.T) {
				v := pick(t)
				seq++
				step, err := k.chain.Restore(state, v.version(), seq)
				if (err != nil) != v.marker {
					t.Fatalf("Restore of %+v: %v", v, err)
				}
				if err == nil {
					k.carryOut(t, step, seq)
					m.restore(state, v.seq, seq)
				}
			},
			"switch": func(t *rapid.T) {
				to := rapid.SampledFrom([]versioning.State{versioning.Unversioned, versioning.Enabled, versioning.Suspended}).Draw(t, "state")
				err := state.Change(to)
				if (err == nil) != (to != versioning.Unversioned || state == versioning.Unversioned) {
					t.Fatalf("%v to %v: %v", state, to, err)
				}
				if err == nil {
					state = to
				}
			},
			"": func(t *rapid.T) { k.check(t, m) },
		})
	})
}

// TestChainSteps spells the documented cases out.
func TestChainSteps(t *testing.T) {
	const un, en, su = versioning.Unversioned, versioning.Enabled, versioning.Suspended
	type version = versioning.Version
	null, marker, normal := version{Seq: 5, Null: true}, version{Seq: 5, Marker: true}, version{Seq: 5}
	tests := []struct {
		name string
		got  versioning.Step
		want versioning.Step
	}{
		{"put over nothing, unversioned", versioning.Chain{}.Put(un, 9),
			versioning.Step{Write: versioning.WritesVersion, Null: true, Number: 1,
				Next: versioning.Chain{Top: version{Seq: 9, Null: true}, NextNumber: 2}}},
		{"put over the null version once enabled keeps it", versioning.Chain{Top: null, NextNumber: 2}.Put(en, 9),
			versioning.Step{Top: versioning.Retires, Write: versioning.WritesVersion, Number: 2,
				Next: versioning.Chain{Top: version{Seq: 9}, NullSeq: 5, Noncurrent: 1, NextNumber: 3}}},
		{"put in a suspended bucket replaces a null version below", versioning.Chain{Top: normal, NullSeq: 3, Noncurrent: 2, NextNumber: 4}.Put(su, 9),
			versioning.Step{Top: versioning.Retires, DiscardNull: true, Write: versioning.WritesVersion, Null: true, Number: 4,
				Next: versioning.Chain{Top: version{Seq: 9, Null: true}, Noncurrent: 2, NextNumber: 5}}},
		{"delete in an unversioned bucket removes", versioning.Chain{Top: null, NextNumber: 2}.Delete(un, 9),
			versioning.Step{Top: versioning.Discards, Next: versioning.Chain{NextNumber: 2}}},
		{"delete of nothing in an unversioned bucket", versioning.Chain{}.Delete(un, 9), versioning.Step{}},
		{"delete of nothing in an enabled bucket makes a marker", versioning.Chain{}.Delete(en, 9),
			versioning.Step{Write: versioning.WritesMarker, Number: 1,
				Next: versioning.Chain{Top: version{Seq: 9, Marker: true}, NextNumber: 2}}},
		{"delete of a marker stacks another", versioning.Chain{Top: marker, NextNumber: 2}.Delete(en, 9),
			versioning.Step{Top: versioning.Retires, Write: versioning.WritesMarker, Number: 2,
				Next: versioning.Chain{Top: version{Seq: 9, Marker: true}, Noncurrent: 1, NextNumber: 3}}},
		{"delete in a suspended bucket replaces the null version", versioning.Chain{Top: null, NextNumber: 2}.Delete(su, 9),
			versioning.Step{Top: versioning.Discards, Write: versioning.WritesMarker, Null: true, Number: 2,
				Next: versioning.Chain{Top: version{Seq: 9, Null: true, Marker: true}, NextNumber: 3}}},
		{"a passing put over a version keeps it", versioning.Chain{Top: normal, NextNumber: 2}.PutPassing(en, 9),
			versioning.Step{Top: versioning.Retires, Write: versioning.WritesVersion, Null: true, Number: 2,
				Next: versioning.Chain{Top: version{Seq: 9, Null: true}, Noncurrent: 1, NextNumber: 3}}},
		{"a passing delete of nothing but the null version leaves nothing", versioning.Chain{Top: null, NextNumber: 2}.DeletePassing(en, 9),
			versioning.Step{Top: versioning.Discards, Next: versioning.Chain{NextNumber: 2}}},
		{"a passing delete above older versions leaves a null marker", versioning.Chain{Top: null, Noncurrent: 1, NextNumber: 3}.DeletePassing(en, 9),
			versioning.Step{Top: versioning.Discards, Write: versioning.WritesMarker, Null: true, Number: 3,
				Next: versioning.Chain{Top: version{Seq: 9, Null: true, Marker: true}, Noncurrent: 1, NextNumber: 4}}},
		{"removing the marker promotes", versioning.Chain{Top: marker, NullSeq: 3, Noncurrent: 1, NextNumber: 3}.DeleteVersion(marker, version{Seq: 3, Null: true}),
			versioning.Step{Top: versioning.Discards, Promote: true,
				Next: versioning.Chain{Top: version{Seq: 3, Null: true}, NextNumber: 3}}},
		{"removing the last version keeps the counter", versioning.Chain{Top: normal, NextNumber: 3}.DeleteVersion(normal, version{}),
			versioning.Step{Top: versioning.Discards, Next: versioning.Chain{NextNumber: 3}}},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s:\n got %+v\nwant %+v", tt.name, tt.got, tt.want)
		}
	}
	empty := versioning.Chain{NextNumber: 3}
	if !empty.KeepsCounter(en) || !empty.KeepsCounter(su) || empty.KeepsCounter(un) || (versioning.Chain{}).KeepsCounter(en) {
		t.Error("KeepsCounter")
	}
}
