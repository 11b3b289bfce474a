package store

import (
	"bytes"
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"pail/store/fault"
	"pail/store/internal/meta/record"
	"pail/versioning"
)

// settingOf returns a setting of a bucket, or of the store for "".
func settingOf(t *testing.T, se *Session, bucket, name string) Setting {
	t.Helper()
	all, err := se.Settings(context.Background(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no setting %s of %q", name, bucket)
	return Setting{}
}

func setSetting(t *testing.T, se *Session, bucket, name string, values ...string) {
	t.Helper()
	if err := se.SetSetting(context.Background(), bucket, name, values); err != nil {
		t.Fatal(err)
	}
}

func TestSettingsAreTypedAndLast(t *testing.T) {
	ctx := context.Background()
	o := Options{Dir: t.TempDir() + "/store"}
	_, se := openTest(t, o)
	mustBucket(t, se, "bkt", versioning.Unversioned)

	fresh, err := se.Settings(ctx, "")
	if err != nil || len(fresh) != len(settingDefs()) {
		t.Fatalf("%v, %v", fresh, err)
	}
	for _, s := range fresh {
		if s.From != SettingDefault || s.About == "" {
			t.Errorf("a fresh store has %+v", s)
		}
	}
	setSetting(t, se, "", "mkdir-versioning", "on")
	setSetting(t, se, "", "max-object-size", "3M")
	setSetting(t, se, "", "no-history", "*.tmp", "*.bak")
	setSetting(t, se, "bkt", "no-history", "")

	check := func(se *Session) {
		t.Helper()
		for _, want := range []struct {
			bucket, name string
			value        any
			from         SettingSource
		}{
			{"", "mkdir-versioning", true, SettingStore},
			{"", "max-object-size", int64(3 << 20), SettingStore},
			{"", "no-history", []string{"*.tmp", "*.bak"}, SettingStore},
			{"bkt", "no-history", []string(nil), SettingBucket},
		} {
			got := settingOf(t, se, want.bucket, want.name)
			if !reflect.DeepEqual(got.Value, want.value) || got.From != want.from {
				t.Errorf("%s of %q is %v (%s), want %v (%s)", want.name, want.bucket, got.Value, got.From, want.value, want.from)
			}
		}
	}
	check(se)
	if err := se.s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, se := openTest(t, o)
	check(se)

	for _, r := range [][2]string{{"", "no-history"}, {"bkt", "no-history"}, {"", "max-object-size"}} {
		if err := se.ResetSetting(ctx, r[0], r[1]); err != nil {
			t.Fatal(err)
		}
	}
	if got := settingOf(t, se, "bkt", "no-history"); got.From != SettingDefault || !reflect.DeepEqual(got.Value, defaultNoHistory()) {
		t.Errorf("what was reset is %+v", got)
	}
	if got := s.maxObjectSize(); got != DefaultMaxObjectSize {
		t.Errorf("largest object: %d", got)
	}
	if found, err := s.Fsck(ctx, nil); err != nil || len(found) > 0 {
		t.Errorf("fsck: %v, %v", found, err)
	}
}

func TestSettingsAreObeyedAtOnce(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	if b, err := se.CreateBucket(ctx, "plain", BucketOptions{Mkdir: true}); err != nil || b.Versioning != versioning.Unversioned {
		t.Fatalf("%+v, %v", b, err)
	}
	setSetting(t, se, "", "mkdir-versioning", "on")
	if b, err := se.CreateBucket(ctx, "kept", BucketOptions{Mkdir: true}); err != nil || b.Versioning != versioning.Enabled {
		t.Fatalf("%+v, %v", b, err)
	}
	if b, err := se.CreateBucket(ctx, "asked", BucketOptions{}); err != nil || b.Versioning != versioning.Unversioned {
		t.Fatalf("a bucket that mkdir did not make: %+v, %v", b, err)
	}

	body := strings.Repeat("x", 11)
	in := func() PutInput { return PutInput{Body: bytes.NewReader([]byte(body)), Size: int64(len(body))} }
	setSetting(t, se, "", "max-object-size", "10")
	if _, err := se.Put(ctx, "plain", "k", in()); !fault.Is(err, fault.EntityTooLarge) {
		t.Fatalf("put of 11 bytes: %v", err)
	}
	setSetting(t, se, "", "max-object-size", "11")
	if _, err := se.Put(ctx, "plain", "k", in()); err != nil {
		t.Fatal(err)
	}
}

func TestASettingThatIsNoneIsRefused(t *testing.T) {
	ctx := context.Background()
	s, se := openTest(t, Options{})
	mustBucket(t, se, "bkt", versioning.Unversioned)
	many := make([]string, maxPatterns+1)
	for i := range many {
		many[i] = "*"
	}
	for _, c := range []struct {
		bucket, name string
		values       []string
	}{
		{"", "nonsense", []string{"1"}},
		{"", "mkdir-versioning", []string{"perhaps"}},
		{"", "mkdir-versioning", []string{"on", "off"}},
		{"", "mkdir-versioning", nil},
		{"bkt", "mkdir-versioning", []string{"on"}},
		{"", "max-object-size", []string{"0"}},
		{"", "max-object-size", []string{"-1"}},
		{"", "max-object-size", []string{"5 XB"}},
		{"", "max-object-size", []string{"16E"}},
		{"", "max-object-size", []string{"9223372036854775808"}},
		{"", "no-history", []string{"[a"}},
		{"", "no-history", []string{"a/b"}},
		{"", "no-history", []string{"a", ""}},
		{"", "no-history", []string{strings.Repeat("a", maxPatternLen+1)}},
		{"", "no-history", many},
	} {
		err := se.SetSetting(ctx, c.bucket, c.name, c.values)
		if !fault.Is(err, fault.InvalidArgument) {
			t.Errorf("%s of %q = %.40q: %v", c.name, c.bucket, c.values, err)
		}
	}
	if err := se.SetSetting(ctx, "none", "no-history", []string{"*"}); !fault.Is(err, fault.NoSuchBucket) {
		t.Errorf("a bucket that does not exist: %v", err)
	}
	if s.chosen.Load().GetSchema() != 0 {
		t.Error("what was refused was written")
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{
		"1": 1, "1048576": 1 << 20, "1K": 1 << 10, "5T": 5 << 40, "5TiB": 5 << 40, "2gb": 2 << 30, "3 M": 3 << 20, "7E": 7 << 60, "9B": 9,
	} {
		if got, err := parseSize("size", []string{in}); got != want || err != nil {
			t.Errorf("%q is %d, %v, want %d", in, got, err, want)
		}
	}
}

// TestSettingsRace changes two settings from many sides: none undoes another.
func TestSettingsRace(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name, value := "max-object-size", fmt.Sprint(100+i)
			if i%2 == 0 {
				name, value = "no-history", fmt.Sprintf("*.%d", i)
			}
			if err := se.SetSetting(ctx, "", name, []string{value}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, name := range []string{"max-object-size", "no-history"} {
		if got := settingOf(t, se, "", name); got.From != SettingStore {
			t.Errorf("a change of %s was lost", name)
		}
	}
}

// TestDamagedSettings has a store whose settings cannot be read or cannot be: it opens
// with the defaults, says so, and setting them anew mends it.
func TestDamagedSettings(t *testing.T) {
	ctx := context.Background()
	o := Options{Dir: t.TempDir() + "/store", MkdirVersioning: true}
	s, se := openTest(t, o)
	if !s.settings().mkdirVersioning() {
		t.Fatal("the setting that the store was made with is not there")
	}
	reopen := func(b []byte) (*Store, *Session) {
		t.Helper()
		_, err := s.update(ctx, author{}, durable, func(t *txn) error {
			t.tx.Set(settingStore(), b)
			return nil
		})
		if err == nil {
			err = s.Close(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		return openTest(t, o)
	}
	s, se = reopen([]byte("no such record"))
	if s.settings().mkdirVersioning() || len(s.Status().Recovered.Problems) != 1 {
		t.Errorf("opened with %v and %q", s.settings().mkdirVersioning(), s.Status().Recovered.Problems)
	}
	if found, err := s.Fsck(ctx, nil); err != nil || len(found) != 2 || found[1].Kind != ProblemRecord {
		t.Errorf("fsck of damaged settings: %v, %v", found, err)
	}
	setSetting(t, se, "", "mkdir-versioning", "on")

	b, err := record.Marshal(&record.Settings{Schema: record.Schema, MaxObjectSize: new(int64)})
	if err != nil {
		t.Fatal(err)
	}
	s, se = reopen(b)
	if found, err := s.Fsck(ctx, nil); err != nil || len(found) != 2 || found[1].Kind != ProblemRecordWrong {
		t.Errorf("fsck of impossible settings: %v, %v", found, err)
	}
	setSetting(t, se, "", "max-object-size", "1T")
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	s, _ = openTest(t, o)
	if found, err := s.Fsck(ctx, nil); err != nil || len(found) > 0 {
		t.Errorf("fsck of mended settings: %v, %v", found, err)
	}

	newer, err := record.Marshal(&record.Settings{Schema: record.Schema + 1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.update(ctx, author{}, durable, func(t *txn) error {
		t.tx.Set(settingStore(), newer)
		return nil
	})
	if err == nil {
		err = s.Close(ctx)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, o); !fault.Is(err, fault.NewerFormat) {
		t.Errorf("open with settings of a newer program: %v", err)
	}
}
