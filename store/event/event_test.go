package event

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
)

var queue = ARN{"us-east-1", "000000000000", "hook"}.Of(Queue)

func target(change func(*Target)) Target {
	t := Target{Service: Queue, ARN: queue, Events: []string{"s3:ObjectCreated:*"}}
	change(&t)
	return t
}

func TestCheck(t *testing.T) {
	prefix := func(p string) func(*Target) {
		return func(t *Target) { t.Filters = append(t.Filters, Filter{"prefix", p}) }
	}
	one := func(change func(*Target)) Config { return Config{Targets: []Target{target(change)}} }
	two := func(a, b func(*Target)) Config { return Config{Targets: []Target{target(a), target(b)}} }
	nothing := func(*Target) {}
	for name, c := range map[string]struct {
		c    Config
		want fault.Kind
	}{
		"nobody":             {Config{}, fault.None},
		"one":                {one(nothing), fault.None},
		"EventBridge":        {Config{EventBridge: true}, fault.NotSupported},
		"101":                {Config{Targets: make([]Target, MaxTargets+1)}, fault.InvalidRequest},
		"no events":          {one(func(t *Target) { t.Events = nil }), fault.MalformedConfig},
		"no destination":     {one(func(t *Target) { t.ARN = "" }), fault.MalformedConfig},
		"no ARN":             {one(func(t *Target) { t.ARN = "hook" }), fault.InvalidArgument},
		"a topic as a queue": {one(func(t *Target) { t.Service = Topic }), fault.InvalidArgument},
		"unknown event":      {one(func(t *Target) { t.Events = []string{"s3:ObjectEaten:*"} }), fault.InvalidArgument},
		"event twice":        {one(func(t *Target) { t.Events = append(t.Events, CreatedPut) }), fault.InvalidArgument},
		"long id":            {one(func(t *Target) { t.ID = strings.Repeat("x", 256) }), fault.InvalidArgument},
		"same id":            {two(func(t *Target) { t.ID = "a" }, func(t *Target) { t.ID, t.Events = "a", []string{RemovedDelete} }), fault.InvalidArgument},
		"filter":             {one(func(t *Target) { t.Filters = []Filter{{"Prefix", "a"}, {"suffix", "b"}} }), fault.None},
		"unknown filter":     {one(func(t *Target) { t.Filters = []Filter{{"infix", "a"}} }), fault.InvalidArgument},
		"two prefixes":       {one(func(t *Target) { t.Filters = []Filter{{"Prefix", "a"}, {"prefix", "b"}} }), fault.InvalidArgument},
		"long filter":        {one(prefix(strings.Repeat("x", 1025))), fault.InvalidArgument},
		"overlap":            {two(nothing, nothing), fault.InvalidArgument},
		"overlap in a star":  {two(nothing, func(t *Target) { t.Events = []string{CreatedCopy} }), fault.InvalidArgument},
		"other events":       {two(nothing, func(t *Target) { t.Events = []string{"s3:ObjectRemoved:*"} }), fault.None},
		"other prefixes":     {two(prefix("a/"), prefix("b/")), fault.None},
		"prefix in prefix":   {two(prefix("a/"), prefix("a/b")), fault.InvalidArgument},
		"filter and none":    {two(prefix("a/"), nothing), fault.InvalidArgument},
		"other suffixes": {two(func(t *Target) { t.Filters = []Filter{{"prefix", "a"}, {"suffix", ".jpg"}} },
			func(t *Target) { t.Filters = []Filter{{"prefix", "a"}, {"suffix", ".png"}} }), fault.None},
	} {
		if err := c.c.Check(); fault.KindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAcceptedConfigurationsNeverTellTwo makes random configurations and demands of those
// that are accepted that no event of any key has two targets, and of those refused for an
// overlap that some event of some key has.
func TestAcceptedConfigurationsNeverTellTwo(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	pick := func(from ...string) string { return from[r.IntN(len(from))] }
	accepted, refused := 0, 0
	for range 3000 {
		var c Config
		for range 2 + r.IntN(2) {
			c.Targets = append(c.Targets, target(func(t *Target) {
				t.Events = []string{pick("s3:ObjectCreated:*", CreatedPut, CreatedCopy, "s3:ObjectRemoved:*", RemovedDelete)}
				if r.IntN(2) == 0 {
					t.Filters = append(t.Filters, Filter{Prefix, pick("", "a", "ab", "b")})
				}
				if r.IntN(2) == 0 {
					t.Filters = append(t.Filters, Filter{Suffix, pick("", "x", "yx", "y")})
				}
			}))
		}
		double := false
		for _, typ := range []string{CreatedPut, CreatedCopy, RemovedDelete, RemovedMarker} {
			for _, p := range []string{"", "a", "ab", "b"} {
				for _, s := range []string{"", "x", "yx", "y"} {
					n := 0
					for i := range c.Targets {
						if c.Targets[i].Wants(typ, p+"--"+s) {
							n++
						}
					}
					double = double || n > 1
				}
			}
		}
		err := c.Check()
		if (err != nil) != double {
			t.Fatalf("%+v: two are told: %v, refused: %v", c, double, err)
		}
		if double {
			refused++
		} else {
			accepted++
		}
	}
	if accepted < 100 || refused < 100 {
		t.Errorf("%d accepted, %d refused", accepted, refused)
	}
}

func TestFiltersAreFormEncoded(t *testing.T) {
	for _, x := range []struct {
		value, key string
		want       bool
	}{
		{"red+flower", "red flower.jpg", true}, {"red%2Bflower", "red+flower.jpg", true},
		{"red+flower", "red+flower.jpg", false}, {"100%", "100%.jpg", true},
	} {
		c := target(func(t *Target) { t.Filters = []Filter{{Prefix, x.value}} })
		if got := c.Wants(CreatedPut, x.key); got != x.want {
			t.Errorf("prefix %q and key %q: %v", x.value, x.key, got)
		}
	}
}

func TestMessage(t *testing.T) {
	e := Event{
		Type: CreatedPut, Time: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), Region: "us-east-1", Bucket: "photos", Owner: "000000000000",
		Key: "a b/ü.jpg", VersionID: "v", ETag: "e", Size: 0, Seq: 255, Index: 1, Principal: "arn", SourceIP: "::1", RequestID: "r", HostID: "s3", ConfigID: "c",
	}
	got, err := e.Message()
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"Records":[{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"us-east-1","eventTime":"2026-01-02T03:04:05.006Z",` +
		`"eventName":"ObjectCreated:Put","userIdentity":{"principalId":"arn"},"requestParameters":{"sourceIPAddress":"::1"},` +
		`"responseElements":{"x-amz-id-2":"s3","x-amz-request-id":"r"},"s3":{"s3SchemaVersion":"1.0","configurationId":"c",` +
		`"bucket":{"name":"photos","ownerIdentity":{"principalId":"000000000000"},"arn":"arn:aws:s3:::photos"},` +
		`"object":{"key":"a+b/%C3%BC.jpg","size":0,"eTag":"e","versionId":"v","sequencer":"00000000000000FF0001"}}}]}`
	if string(got) != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	e.Type = Test
	got, _ = e.Message()
	var m map[string]string
	if err := json.Unmarshal(got, &m); err != nil || m["Event"] != "s3:TestEvent" || m["Bucket"] != "photos" || m["Service"] != "Amazon S3" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestARNs(t *testing.T) {
	for _, s := range []Service{Topic, Queue, Function} {
		a := ARN{"eu-west-1", "000000000000", "Hook_1-x"}
		if got, err := ParseARN(s, a.Of(s)); err != nil || got != a {
			t.Errorf("%s is %+v, %v", a.Of(s), got, err)
		}
	}
	for _, arn := range []string{"", "arn:aws:sqs:r:a", "arn:aws:sqs:r:a:", "arn:aws:sqs:r:a:b c", "arn:gcp:sqs:r:a:b", "arn:aws:sns:r:a:b", "arn:aws:sqs:r:a:b:c"} {
		if a, err := ParseARN(Queue, arn); err == nil {
			t.Errorf("%q is %+v", arn, a)
		}
	}
	if _, err := ParseARN(Service(9), queue); err == nil {
		t.Error("there is no service 9")
	}
}

// FuzzARN: an ARN that is understood is written as the same text.
func FuzzARN(f *testing.F) {
	f.Add("arn:aws:sqs:us-east-1:123456789012:hook", byte(Queue))
	f.Add("arn:aws:lambda:::function:hook", byte(Function))
	f.Fuzz(func(t *testing.T, text string, s byte) {
		if arn, err := ParseARN(Service(s), text); err == nil && arn.Of(Service(s)) != text {
			t.Fatalf("%q is %+v, which is %q", text, arn, arn.Of(Service(s)))
		}
	})
}

// FuzzFilters: a target with filters of any text is refused, or it wants just the keys that
// begin and end as the filters say, in a URL's encoding or in plain.
func FuzzFilters(f *testing.F) {
	f.Add("prefix", "a%2Fb+c", "suffix", ".jpg", "a/b c.jpg")
	f.Add("Prefix", "%", "suffix", "", "%")
	f.Fuzz(func(t *testing.T, name1, value1, name2, value2, key string) {
		to := target(func(t *Target) { t.Filters = []Filter{{name1, value1}, {name2, value2}} })
		c := Config{Targets: []Target{to}}
		if c.Check() != nil {
			return
		}
		text := func(name string) string {
			v := value1
			if strings.EqualFold(name2, name) {
				v = value2
			}
			if plain, err := url.QueryUnescape(v); err == nil {
				return plain
			}
			return v
		}
		want := strings.HasPrefix(key, text(Prefix)) && strings.HasSuffix(key, text(Suffix))
		if got := to.Wants(strings.TrimSuffix(to.Events[0], "*"), key); got != want {
			t.Fatalf("%+v wants %q: %v", to.Filters, key, got)
		}
	})
}
