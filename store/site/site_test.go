package site

import (
	"fmt"
	"testing"

	"pail/store/fault"
)

func text(s string) *string { return &s }

func TestCheck(t *testing.T) {
	index := text("index.html")
	with := func(r Rule) Config { return Config{Index: index, Rules: []Rule{r}} }
	to := Redirect{Host: "example.com"}
	var many []Rule
	for range MaxRules + 1 {
		many = append(many, Rule{Redirect: to})
	}
	for name, c := range map[string]struct {
		c    Config
		want fault.Kind
	}{
		"index":            {Config{Index: index}, fault.None},
		"index and error":  {Config{Index: index, Error: text("e")}, fault.None},
		"nothing":          {Config{}, fault.InvalidArgument},
		"empty index":      {Config{Index: text("")}, fault.InvalidArgument},
		"slash":            {Config{Index: text("a/b")}, fault.InvalidArgument},
		"empty error":      {Config{Index: index, Error: text("")}, fault.InvalidArgument},
		"all":              {Config{RedirectAll: &RedirectAll{Host: "h", Protocol: "https"}}, fault.None},
		"all and index":    {Config{Index: index, RedirectAll: &RedirectAll{Host: "h"}}, fault.InvalidArgument},
		"all nowhere":      {Config{RedirectAll: &RedirectAll{}}, fault.InvalidRequest},
		"all by gopher":    {Config{RedirectAll: &RedirectAll{Host: "h", Protocol: "gopher"}}, fault.InvalidRequest},
		"50 rules":         {Config{Index: index, Rules: many[1:]}, fault.None},
		"51 rules":         {Config{Index: index, Rules: many}, fault.InvalidRequest},
		"empty condition":  {with(Rule{Condition: &Condition{}, Redirect: to}), fault.InvalidRequest},
		"error 304":        {with(Rule{Condition: &Condition{ErrorCode: 304}, Redirect: to}), fault.InvalidRequest},
		"error 404":        {with(Rule{Condition: &Condition{ErrorCode: 404}, Redirect: to}), fault.None},
		"redirect by 300":  {with(Rule{Redirect: Redirect{Host: "h", Code: 300}}), fault.InvalidRequest},
		"redirect by 307":  {with(Rule{Redirect: Redirect{Host: "h", Code: 307}}), fault.None},
		"redirect nowhere": {with(Rule{}), fault.MalformedConfig},
		"two keys":         {with(Rule{Redirect: Redirect{WithKey: text("a"), WithPrefix: text("b")}}), fault.InvalidRequest},
	} {
		if err := c.c.Check(); fault.KindOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRoutes(t *testing.T) {
	c := Config{
		Index: text("index.html"), Error: text("error.html"),
		Rules: []Rule{
			{Condition: &Condition{KeyPrefix: text("docs/"), ErrorCode: 404}, Redirect: Redirect{Code: 302, WithKey: text("nodocs.html")}},
			{Condition: &Condition{KeyPrefix: text("docs/")}, Redirect: Redirect{WithPrefix: text("documents/")}},
			{Condition: &Condition{KeyPrefix: text("gone/")}, Redirect: Redirect{WithPrefix: text("")}},
			{Condition: &Condition{ErrorCode: 404}, Redirect: Redirect{Host: "elsewhere", Protocol: "https"}},
		},
	}
	for key, want := range map[string]string{
		"":           "read index.html",
		"a/":         "read a/index.html",
		"a/b":        "read a/b or a/b/index.html at http://host/a/b/",
		"docs/a b":   "301 http://host/documents/a%20b",
		"gone/x":     "301 http://host/x",
		"index.html": "read index.html or index.html/index.html at http://host/index.html/",
	} {
		p := c.Route(key)
		got := "read " + p.Key
		if p.Redirect != nil {
			got = fmt.Sprint(p.Redirect.Code, " ", p.Redirect.URL("http", "host"))
		} else if p.Folder != "" {
			got += " or " + p.Folder + " at " + p.Slash.URL("http", "host")
		}
		if got != want {
			t.Errorf("%q: %s, want %s", key, got, want)
		}
	}
	for _, x := range []struct {
		key    string
		status int
		want   string
	}{
		{"docs/x", 404, "302 http://host/nodocs.html"},
		{"x", 404, "301 https://elsewhere/x"},
		{"x", 403, "error.html"},
		{"x", 500, ""},
	} {
		l, page := c.Failed(x.key, x.status)
		got := ""
		if l != nil {
			got = fmt.Sprint(l.Code, " ", l.URL("http", "host"))
		} else if page != nil {
			got = *page
		}
		if got != x.want {
			t.Errorf("%d of %q: %s, want %s", x.status, x.key, got, x.want)
		}
	}
	all := Config{RedirectAll: &RedirectAll{Host: "h", Protocol: "https"}}
	if p := all.Route("a/b"); p.Redirect == nil || p.Redirect.URL("http", "host") != "https://h/a/b" || p.Redirect.Code != 301 {
		t.Errorf("%+v", p.Redirect)
	}
	each := Config{Index: text("i"), Rules: []Rule{{Redirect: Redirect{Host: "h"}}}}
	if p := each.Route("a"); p.Redirect == nil {
		t.Error("a rule without a condition does not hold for every request")
	}
}
