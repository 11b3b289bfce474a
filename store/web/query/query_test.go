package query

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
	"pail/store/web/apierror"
)

func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return errorOf(err, "ServiceFailure").Code
}

func TestParams(t *testing.T) {
	p, err := ParseParams("X-Amz-Date=1&Action=A", "Empty=&N=12&B=TRUE&T.member.2.Key=b&T.member.10.Key=c&T.member.1.Key=a&T.member.1.Value=1&L.member.1=x+y%26&None=")
	if err != nil {
		t.Fatal(err)
	}
	if _, is := p.Lookup("X-Amz-Date"); is || p.Get("Action") != "A" {
		t.Error("a signature's parameters are no operation's")
	}
	members, err := p.Members("T")
	var keys []string
	for _, m := range members {
		keys = append(keys, m.Get("Key")+m.Get("Value"))
	}
	if got := strings.Join(keys, " "); err != nil || got != "a1 b c" {
		t.Errorf("members %q %v", got, err)
	}
	if l, err := p.Texts("L"); err != nil || len(l) != 1 || l[0] != "x y&" {
		t.Errorf("texts %q %v", l, err)
	}
	if l, err := p.Texts("None"); err != nil || l != nil {
		t.Errorf("an empty list is %q %v", l, err)
	}
	if n, given, err := p.Int("N"); n != 12 || !given || err != nil {
		t.Error(n, given, err)
	}
	if d, err := p.Seconds("N", 1); d != 12*time.Second || err != nil {
		t.Error(d, err)
	}
	if b, err := p.Bool("B"); !b || err != nil {
		t.Error(b, err)
	}
	for what, err := range map[string]error{
		"an empty one that may be left out": second(p.Optional("Empty")),
		"no number":                         second(p.Seconds("B", 1)),
		"too small":                         second(p.Seconds("N", 13)),
		"neither true nor false":            second(p.Bool("N")),
		"none of the words":                 second(p.OneOf("N", "a", "b")),
		"structures for texts":              second(p.Texts("T")),
		"needed":                            p.demand([]string{"N", "Gone"}),
		"needed and empty":                  p.demand([]string{"Empty"}),
	} {
		if codeOf(err) != "ValidationError" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := p.demand([]string{"N", "Empty?", "T", "L"}); err != nil {
		t.Error(err)
	}
	if err := p.demand([]string{"UserName", "Empty"}); err == nil || err.Error() != "ValidationError: 2 validation errors detected: "+
		"Value null at 'userName' failed to satisfy constraint: Member must not be null; "+
		"Value '' at 'empty' failed to satisfy constraint: Member must have length greater than or equal to 1" {
		t.Error(err)
	}
	for form, want := range map[string]string{
		"a=%": "MalformedQueryString", "a=1;b=2": "MalformedQueryString", "a=1&a=2": "ValidationError", "a=%ff": "ValidationError",
	} {
		if _, err := ParseParams("", form); codeOf(err) != want {
			t.Errorf("%s: %v", form, err)
		}
	}
	if _, err := ParseParams("a=1", "a=1"); codeOf(err) != "ValidationError" {
		t.Errorf("in both: %v", err)
	}
	for _, number := range []string{"0", "01", "+1", "x", "99999999999999999999"} {
		p, err := ParseParams("", "L.member."+strings.ReplaceAll(number, "+", "%2B")+"=x")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Texts("L"); codeOf(err) != "ValidationError" {
			t.Errorf("member %s: %v", number, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// TestErrors: every kind of failure has a code, and what only the operator may know is not
// told.
func TestErrors(t *testing.T) {
	for k := fault.Internal; k <= fault.NameTooLong; k++ {
		e := errorOf(fault.New(k, "secret /path"), "ServiceFailure")
		if _, known := faults[k]; !known && (e.Code != "ServiceFailure" || e.Status != 500 || strings.Contains(e.Message, "secret")) {
			t.Errorf("%v: %+v", k, e)
		}
		if e.Status < 400 || e.Code == "" || e.Message == "" {
			t.Errorf("%v: %+v", k, e)
		}
	}
	if e := errorOf(errors.New("bug"), "InternalFailure"); e.Code != "InternalFailure" || strings.Contains(e.Message, "bug") {
		t.Errorf("%+v", e)
	}
	for code, want := range map[apierror.Code]string{
		apierror.InvalidAccessKeyID: "InvalidClientTokenId", apierror.InvalidToken: "InvalidClientTokenId", apierror.ExpiredToken: "ExpiredToken",
		apierror.SignatureDoesNotMatch: "SignatureDoesNotMatch", apierror.RequestTimeTooSkewed: "SignatureDoesNotMatch", apierror.SlowDown: "Throttling",
		apierror.AccessDenied: "IncompleteSignature", apierror.AuthorizationHeaderMalformed: "IncompleteSignature", apierror.InvalidArgument: "IncompleteSignature",
		apierror.EntityTooLarge: "RequestEntityTooLarge", apierror.RequestTimeout: "RequestTimeout",
	} {
		if got := codeOf(apierror.New(code, "")); got != want {
			t.Errorf("%s: %s", code, got)
		}
	}
	if got := codeOf(apierror.New(apierror.AccessDenied, "").With("Expires", "x")); got != "RequestExpired" {
		t.Error(got)
	}
}

// FuzzParams: whatever a form is, it is refused or decoded without a panic, and its lists are
// in order.
func FuzzParams(f *testing.F) {
	f.Add("Action=CreateUser&Tags.member.1.Key=a&Tags.member.1.Value=b", "Tags")
	f.Add("L.member.2=b&L.member.1=a", "L")
	f.Add("L=&L.member.=x&L.member.1.=y", "L")
	f.Fuzz(func(t *testing.T, form, list string) {
		_ = isForm(http.Header{"Content-Type": {list}})
		p, err := ParseParams("", form)
		if err != nil {
			if code := codeOf(err); code != "MalformedQueryString" && code != "ValidationError" {
				t.Fatal(err)
			}
			return
		}
		members, err := p.Members(list)
		if err == nil && len(members) > strings.Count(form, "&")+1 {
			t.Fatalf("%d members", len(members))
		}
		_, _ = p.Texts(list)
		_ = p.demand([]string{"A", "B?"})
		if list != "" {
			_, _, _ = p.Int(list)
			_, _ = p.Bool(list)
			_, _ = p.OneOf(list, "a")
			_, _ = p.Optional(list)
			_, _ = p.Seconds(list, 1)
		}
	})
}
