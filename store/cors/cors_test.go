package cors

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pail/store/fault"
)

func TestCheck(t *testing.T) {
	sound := func() Rule { return Rule{AllowedOrigins: []string{"*"}, AllowedMethods: []string{"GET"}} }
	with := func(change func(*Rule)) Config {
		r := sound()
		change(&r)
		return Config{Rules: []Rule{r}}
	}
	many := Config{}
	for range MaxRules {
		many.Rules = append(many.Rules, sound())
	}
	negative := int32(-1)
	for name, c := range map[string]struct {
		c    Config
		want fault.Kind
	}{
		"sound":              {with(func(*Rule) {}), fault.None},
		"none":               {Config{}, fault.MalformedConfig},
		"100":                {many, fault.None},
		"101":                {Config{Rules: append([]Rule{sound()}, many.Rules...)}, fault.InvalidRequest},
		"no origin":          {with(func(r *Rule) { r.AllowedOrigins = nil }), fault.MalformedConfig},
		"no method":          {with(func(r *Rule) { r.AllowedMethods = nil }), fault.MalformedConfig},
		"OPTIONS":            {with(func(r *Rule) { r.AllowedMethods = []string{"OPTIONS"} }), fault.InvalidRequest},
		"lower case":         {with(func(r *Rule) { r.AllowedMethods = []string{"get"} }), fault.InvalidRequest},
		"empty origin":       {with(func(r *Rule) { r.AllowedOrigins = []string{""} }), fault.None},
		"two stars":          {with(func(r *Rule) { r.AllowedOrigins = []string{"http://*.*"} }), fault.InvalidRequest},
		"two stars in names": {with(func(r *Rule) { r.AllowedHeaders = []string{"x-*-*"} }), fault.InvalidRequest},
		"expose a star":      {with(func(r *Rule) { r.ExposeHeaders = []string{"*"} }), fault.InvalidRequest},
		"negative age":       {with(func(r *Rule) { r.MaxAge = &negative }), fault.InvalidRequest},
		"long id":            {with(func(r *Rule) { r.ID = strings.Repeat("x", 256) }), fault.InvalidRequest},
		"long":               {with(func(r *Rule) { r.AllowedOrigins = []string{strings.Repeat("x", MaxSize)} }), fault.InvalidRequest},
	} {
		if err := c.c.Check(); fault.KindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOrigins has the cases of ceph/s3-tests' test_cors_origin_response.
func TestOrigins(t *testing.T) {
	rule := func(method, origin string) Rule {
		return Rule{AllowedMethods: []string{method}, AllowedOrigins: []string{origin}}
	}
	c := Config{Rules: []Rule{rule("GET", "*suffix"), rule("GET", "start*end"), rule("GET", "prefix*"), rule("PUT", "*.put")}}
	for origin, methods := range map[string]string{
		"foo.suffix": "GET", "startend": "GET", "start1end": "GET", "start12end": "GET", "prefix": "GET",
		"prefix.suffix": "GET", "foo.put": "PUT", "foo.bar": "", "foo.suffix.get": "", "0start12end": "", "bla.prefix": "",
		"star": "", "start": "", "stand": "",
	} {
		for _, m := range []string{"GET", "PUT", "DELETE"} {
			a, ok := c.Match(origin, m, nil)
			if ok != (m == methods) {
				t.Errorf("%s of %s: %v", m, origin, ok)
			}
			if ok && (a.Origin != origin || !a.Credentials) {
				t.Errorf("%s of %s is answered %+v", m, origin, a)
			}
		}
	}
}

func TestHeadersAndAnswers(t *testing.T) {
	age := int32(3000)
	c := Config{Rules: []Rule{
		{AllowedOrigins: []string{"https://one"}, AllowedMethods: []string{"GET", "PUT"}, AllowedHeaders: []string{"X-AMZ-expected", "x-amz-meta-*"}, MaxAge: &age},
		{AllowedOrigins: []string{"*"}, AllowedMethods: []string{"GET"}, AllowedHeaders: []string{"*"}, ExposeHeaders: []string{"ETag"}},
	}}
	for _, x := range []struct {
		origin, method, headers string
		want                    string
	}{
		{"https://one", "PUT", "x-AMZ-EXPECTED x-amz-meta-a", "https://one true [GET PUT] [x-amz-expected x-amz-meta-a] [] 3000"},
		{"https://one", "GET", "other", "* false [GET] [other] [ETag] -"}, // the next rule
		{"https://one", "PUT", "other", ""},
		{"https://ONE", "PUT", "", ""},
		{"https://two", "GET", "", "* false [GET] [] [ETag] -"},
	} {
		a, ok := c.Match(x.origin, x.method, strings.Fields(x.headers))
		got := ""
		if ok {
			max := "-"
			if a.MaxAge != nil {
				max = fmt.Sprint(*a.MaxAge)
			}
			got = fmt.Sprint(a.Origin, " ", a.Credentials, " ", a.Methods, " ", a.Headers, " ", a.Expose, " ", max)
		}
		if got != x.want {
			t.Errorf("%+v is answered %q", x, got)
		}
	}
	if _, ok := (&Config{Rules: []Rule{{AllowedOrigins: []string{"*"}, AllowedMethods: []string{"GET"}}}}).Match("o", "GET", []string{"x"}); ok {
		t.Error("a rule without headers allows one")
	}
	if a, _ := c.Match("https://two", "GET", nil); !reflect.DeepEqual(a.Headers, []string(nil)) {
		t.Errorf("headers %q that nobody asked for", a.Headers)
	}
}
