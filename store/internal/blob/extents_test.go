package blob

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// cell is where one byte of a content lies; the zero cell is a hole.
type cell struct {
	blob ID
	off  int64
}

func cells(e Extents) []cell {
	var out []cell
	for _, x := range e {
		for i := range x.Len {
			if x.IsHole() {
				out = append(out, cell{})
			} else {
				out = append(out, cell{x.Blob, x.Off + i})
			}
		}
	}
	return out
}

func drawExtents(t *rapid.T, name string) Extents {
	var e Extents
	for range rapid.IntRange(0, 6).Draw(t, name) {
		x := Extent{Blob: ID(rapid.IntRange(0, 3).Draw(t, "blob")), Len: rapid.Int64Range(1, 9).Draw(t, "len")}
		if !x.IsHole() {
			x.Off = rapid.Int64Range(0, 20).Draw(t, "off")
		}
		e = append(e, x)
	}
	return e
}

// canonical fails if neighbours could be one extent.
func canonical(t *rapid.T, e Extents) {
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(e); i++ {
		if e[i-1].continues(e[i]) {
			t.Fatalf("extents %d and %d are one: %v", i-1, i, e)
		}
	}
}

// overlay is the model of Overlay and of Map.Write.
func overlay(base []cell, at int64, over []cell) []cell {
	if len(over) == 0 {
		return base
	}
	if missing := at + int64(len(over)) - int64(len(base)); missing > 0 {
		base = append(base, make([]cell, missing)...)
	}
	copy(base[at:], over)
	return base
}

func window(c []cell, off, n int64) []cell {
	return c[min(off, int64(len(c))):min(off+n, int64(len(c)))]
}

func TestExtentsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawExtents(t, "a"), drawExtents(t, "b")
		before := slices.Clone(a)
		off, n := rapid.Int64Range(0, 70).Draw(t, "off"), rapid.Int64Range(0, 70).Draw(t, "n")
		ca, cb := cells(a), cells(b)
		if a.Size() != int64(len(ca)) {
			t.Fatalf("size %d, want %d", a.Size(), len(ca))
		}
		for name, c := range map[string]struct {
			got  Extents
			want []cell
		}{
			"slice":   {a.Slice(off, n), window(ca, off, n)},
			"append":  {a.Append(b), slices.Concat(ca, cb)},
			"overlay": {a.Append(nil).Overlay(off, b), overlay(slices.Clone(ca), off, cb)},
		} {
			if !slices.Equal(cells(c.got), c.want) {
				t.Fatalf("%s(%d, %d) of %v and %v: %v", name, off, n, a, b, c.got)
			}
			canonical(t, c.got)
		}
		if !slices.Equal(a, before) {
			t.Fatal("a method changed its receiver")
		}
		for _, id := range a.Blobs() {
			if !slices.ContainsFunc(a, func(x Extent) bool { return x.Blob == id }) || id == 0 {
				t.Fatalf("blobs of %v: %v", a, a.Blobs())
			}
		}
	})
}

func TestExtentsValidate(t *testing.T) {
	for _, e := range []Extents{
		{{Blob: 1, Len: 0}},
		{{Blob: 1, Off: -1, Len: 1}},
		{{Blob: 1, Off: math.MaxInt64, Len: 1}},
		{{Off: 1, Len: 1}},
		{{Len: math.MaxInt64}, {Len: 1}},
	} {
		if e.Validate() == nil {
			t.Errorf("%v is accepted", e)
		}
	}
}

// TestMapModel changes a map at random and compares it, and a clone taken on
// the way, with a slice of cells.
func TestMapModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := drawExtents(t, "base")
		m, model := NewMap(base), cells(base)
		var clone *Map
		var cloned []cell
		offset, length := rapid.Int64Range(0, 60), rapid.Int64Range(0, 20)
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				off, n := offset.Draw(t, "off"), length.Draw(t, "n")
				x := Extent{Blob: ID(rapid.IntRange(1, 3).Draw(t, "blob")), Off: off, Len: n}
				if rapid.Bool().Draw(t, "elsewhere") {
					x.Off = offset.Draw(t, "blobOff")
				}
				m.Write(off, n, x.Blob, x.Off)
				model = overlay(model, off, cells(Extents{x}))
			},
			"truncate": func(t *rapid.T) {
				size := offset.Draw(t, "size")
				m.Truncate(size)
				if missing := size - int64(len(model)); missing > 0 {
					model = append(model, make([]cell, missing)...)
				}
				model = model[:size:size]
			},
			"punch": func(t *rapid.T) {
				off, n := offset.Draw(t, "off"), length.Draw(t, "n")
				m.Punch(off, n)
				clear(window(model, off, n))
			},
			"slice": func(t *rapid.T) {
				off, n := offset.Draw(t, "off"), length.Draw(t, "n")
				got := m.Slice(off, n)
				if !slices.Equal(cells(got), window(model, off, n)) {
					t.Fatalf("slice(%d, %d) of %v: %v", off, n, m.Extents(), got)
				}
			},
			"clone": func(*rapid.T) { clone, cloned = m.Clone(), slices.Clone(model) },
			"": func(t *rapid.T) {
				if m.Size() != int64(len(model)) {
					t.Fatalf("size %d, want %d", m.Size(), len(model))
				}
				all := m.Extents()
				if !slices.Equal(cells(all), model) {
					t.Fatalf("%v, want %v", all, model)
				}
				canonical(t, all)
			},
		})
		if clone != nil && !slices.Equal(cells(clone.Extents()), cloned) {
			t.Fatalf("the clone changed: %v", clone.Extents())
		}
	})
}
