package versioning_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pail/versioning"
)

func TestIDRoundTripAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := versioning.ID{Seq: rapid.Uint64Min(1).Draw(t, "seq"), Random: rapid.Uint64().Draw(t, "random")}
		b := versioning.ID{Seq: rapid.Uint64Min(1).Draw(t, "seq2"), Random: rapid.Uint64().Draw(t, "random2")}
		s := a.String()
		if back, err := versioning.ParseID(s); err != nil || back != a || len(s) != versioning.IDLength {
			t.Fatalf("%+v -> %q -> %+v, %v", a, s, back, err)
		}
		if a.Seq != b.Seq && (a.Seq < b.Seq) != (s < b.String()) {
			t.Fatalf("%q and %q do not sort as %d and %d", s, b, a.Seq, b.Seq)
		}
		if sel, err := versioning.ParseSelector(s); err != nil || sel != (versioning.Selector{ID: a}) {
			t.Fatalf("selector of %q: %+v, %v", s, sel, err)
		}
		if sel, err := versioning.ParseSelector(strconv.FormatUint(a.Seq, 10)); err != nil || sel.Number != a.Seq {
			t.Fatalf("selector of number %d: %+v, %v", a.Seq, sel, err)
		}
	})
}

func TestParseIDRefuses(t *testing.T) {
	good := versioning.ID{Seq: 1, Random: 2}.String()
	for _, s := range []string{
		"", "NULL", "nul", strings.ToUpper(good[:25]) + "V", good + "0", good[:25],
		good[:25] + "1",         // spare bits set
		strings.Repeat("0", 26), // sequence 0
		strings.Repeat("z", 26), // not in the alphabet
		good[:24] + "\n" + "00", // decoders skip line ends
		good[:13] + "\n" + good[14:],
	} {
		if id, err := versioning.ParseID(s); !errors.Is(err, versioning.RuleVersionID) {
			t.Errorf("ParseID(%q) = %v, %v", s, id, err)
		}
	}
	for _, s := range []string{"0", "01", "-1", "1.5", "18446744073709551616", strings.Repeat("x", 500)} {
		if sel, err := versioning.ParseSelector(s); !errors.Is(err, versioning.RuleVersionID) {
			t.Errorf("ParseSelector(%q) = %+v, %v", s, sel, err)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("null")
	f.Add(versioning.ID{Seq: 1, Random: 2}.String())
	f.Add("12")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := versioning.ParseID(s); err == nil && id.String() != s {
			t.Errorf("%q parses as the id of %q", s, id)
		}
		if sel, err := versioning.ParseSelector(s); err == nil && sel.String() != s {
			t.Errorf("%q parses as the selector %q", s, sel)
		}
	})
}

func TestState(t *testing.T) {
	const un, en, su = versioning.Unversioned, versioning.Enabled, versioning.Suspended
	allowed := map[[2]versioning.State]bool{
		{un, un}: true, {un, en}: true, {un, su}: true,
		{en, en}: true, {en, su}: true, {su, en}: true, {su, su}: true,
	}
	for _, from := range []versioning.State{un, en, su} {
		for _, to := range []versioning.State{un, en, su, 3} {
			err := from.Change(to)
			if (err == nil) != allowed[[2]versioning.State{from, to}] || err != nil && !errors.Is(err, versioning.RuleState) {
				t.Errorf("%v to %v: %v", from, to, err)
			}
		}
		text, err := from.MarshalText()
		var back versioning.State
		if err != nil || back.UnmarshalText(text) != nil || back != from {
			t.Errorf("%v: text %q, %v, back %v", from, text, err, back)
		}
	}
}
