package apierror

import "testing"

func TestWithLeavesTheOriginalAlone(t *testing.T) {
	a := New(AuthorizationHeaderMalformed, "the region %q is wrong", "x").With("Region", "us-east-1")
	b, c := a.With("A", "1"), a.With("B", "2")
	if len(a.Details) != 1 || b.Details[1].Name != "A" || c.Details[1].Name != "B" {
		t.Errorf("%v %v %v", a.Details, b.Details, c.Details)
	}
	if a.Status != 400 || a.Error() != `AuthorizationHeaderMalformed: the region "x" is wrong` {
		t.Errorf("%d %s", a.Status, a)
	}
}

func TestEachCodeIsAnErrorOfHTTP(t *testing.T) {
	for code := range codes {
		if e := New(code, ""); e.Status < 400 || e.Status > 599 || e.Message == "" {
			t.Errorf("%s: %d %q", code, e.Status, e.Message)
		}
	}
}
