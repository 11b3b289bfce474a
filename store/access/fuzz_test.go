package access

import (
	"bytes"
	"math/rand"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"golang.org/x/tools/txtar"
)

// seedPolicies adds every policy of the golden cases, refused ones, too, and a number.
func seedPolicies(f *testing.F) {
	f.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no golden cases: %v", err)
	}
	for i, path := range paths {
		ar, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range ar.Files {
			if filepath.Ext(file.Name) == ".json" {
				_, text, ok := bytes.Cut(file.Data, []byte("\n"))
				if !ok || !bytes.HasPrefix(file.Data, []byte("//")) {
					text = file.Data
				}
				f.Add(text, int64(i))
			}
		}
	}
}

var fuzzOptions = Options{Bucket: testBucket, AccessPoint: testPoint}

// FuzzParse demands that no text makes Parse panic, that a policy's Text is read as the same
// policy, and that it decides as the text it came from.
func FuzzParse(f *testing.F) {
	seedPolicies(f)
	f.Fuzz(func(t *testing.T, text []byte, seed int64) {
		m := maker{rand.New(rand.NewSource(seed))}
		for kind := ManagedPolicy; kind <= KeyPolicy; kind++ {
			p, err := Parse(kind, text, fuzzOptions)
			if err != nil {
				if _, ok := err.(*Error); !ok || p != nil {
					t.Fatalf("%v: %T, %v", kind, err, p)
				}
				continue
			}
			printed := p.Text()
			if kind.Size(printed) > kind.Limit() {
				continue // arrays and "*" are longer than what they stand for
			}
			again, err := Parse(kind, printed, fuzzOptions)
			if err != nil {
				t.Fatalf("%v: %v: %s", kind, err, printed)
			}
			if second := again.Text(); !bytes.Equal(printed, second) {
				t.Fatalf("%v: printed as\n%s\nand again as\n%s", kind, printed, second)
			}
			for range 3 {
				r, _ := m.request(t)
				with := func(p *Policy) Decision {
					q := *r
					q.Identity, q.Resource.Policy = nil, nil
					if kind.row().principal {
						q.Resource.Policy = p
					} else {
						q.Identity = []*Policy{p}
					}
					return Decide(&q)
				}
				if a, b := with(p), with(again); a.Allowed != b.Allowed || a.Step != b.Step {
					t.Fatalf("%s, but printed: %s", a, b)
				}
			}
		}
	})
}

// FuzzMonotone demands that a Deny more never allows more and an Allow more never denies more.
// (But for RestrictPublicBuckets: an Allow more may make a policy public.)
func FuzzMonotone(f *testing.F) {
	seedPolicies(f)
	f.Fuzz(func(t *testing.T, text []byte, seed int64) {
		m := maker{rand.New(rand.NewSource(seed))}
		for _, kind := range []Kind{ManagedPolicy, BucketPolicy} {
			extra, err := Parse(kind, text, fuzzOptions)
			if err != nil {
				continue
			}
			for i := range extra.statements {
				for range 4 {
					r, _ := m.request(t)
					r.Resource.Block.RestrictPublicBuckets = false
					before := Decide(r)
					s := extra.statements[i]
					if s.principal == nil || !s.principal.not {
						s.Deny = false
						if after := Decide(m.withStatement(r, kind, s)); before.Allowed && !after.Allowed {
							t.Fatalf("%s, and with an Allow more %s", before, after)
						}
					}
					s.Deny = true
					if after := Decide(m.withStatement(r, kind, s)); !before.Allowed && after.Allowed {
						t.Fatalf("%s, and with a Deny more %s", before, after)
					}
				}
			}
		}
	})
}

// withStatement returns a request that differs by a statement in a policy of a kind.
func (m maker) withStatement(r *Request, kind Kind, s Statement) *Request {
	q := *r
	add := func(p *Policy) *Policy {
		c := *p
		c.statements = append(append([]Statement{}, p.statements...), s)
		c.seal()
		return &c
	}
	switch {
	case kind == BucketPolicy && r.Resource.Policy != nil:
		q.Resource.Policy = add(r.Resource.Policy)
	case kind == BucketPolicy:
		q.Resource.Policy = add(&Policy{Kind: BucketPolicy})
	case s.Deny && r.Boundary != nil:
		q.Boundary = add(r.Boundary)
	case s.Deny && len(r.Session) > 0:
		q.Session = append(append([]*Policy{}, r.Session[1:]...), add(r.Session[0]))
	case len(r.Identity) > 0:
		q.Identity = append(append([]*Policy{}, r.Identity[1:]...), add(r.Identity[0]))
	default:
		q.Identity = []*Policy{add(&Policy{Kind: ManagedPolicy})}
	}
	return &q
}

// FuzzGlob compares globs with the reference's regular expressions, and what matchBelow says
// of a prefix with what is below it.
func FuzzGlob(f *testing.F) {
	f.Add("a*b?c", "axxbéc", "d")
	f.Add("**?", "\xffab", "")
	f.Add("*é*", "aé", "é")
	f.Add("a/*", "a/", "b")
	f.Fuzz(func(t *testing.T, pattern, s, more string) {
		if len(pattern) > 40 || len(s) > 40 {
			return
		}
		if !utf8.ValidString(pattern) || !utf8.ValidString(s) || !utf8.ValidString(more) {
			toGlob(pattern).match(s)
			toGlob(pattern).matchBelow(s)
			return
		}
		g := toGlob(pattern)
		if got, want := g.match(s), refLike(pattern, s); got != want {
			t.Fatalf("%q for %q: %v", pattern, s, got)
		}
		switch below := g.matchBelow(s); {
		case below == yes && !g.match(s+more), below == no && g.match(s+more):
			t.Fatalf("%q below %q: %d, but %q", pattern, s, below, s+more)
		}
	})
}
