package store

import (
	"testing"

	"pail/store/access"
	"pail/store/fault"
)

func TestCallerOfRootAndOfNobody(t *testing.T) {
	s, _ := openTest(t, Options{})
	c, err := s.caller(Owner())
	if err != nil || c.Kind != access.Root || c.Account.ID != Account || c.Account.CanonicalID != CanonicalID(Account) ||
		c.ARN != Owner().ARN || c.ID != Account || len(c.Identity) != 0 || c.Boundary != nil || !c.Issued.IsZero() {
		t.Errorf("the owner is %+v, %v", c, err)
	}
	if c, err := s.caller(Anonymous()); err != nil || c.Kind != access.Anonymous || c.Account.ID != "" || c.ARN != "" {
		t.Errorf("nobody is %+v, %v", c, err)
	}
	for _, p := range []Principal{
		{Account: "111111111111", ARN: "arn:aws:iam::111111111111:root"},
		{Account: Account, ARN: "arn:aws:iam::" + Account + ":user/eve"},
		{Account: "111111111111", ARN: Owner().ARN},
		{Account: Account}, {ARN: Owner().ARN},
	} {
		if c, err := s.caller(p); !fault.Is(err, fault.AccessDenied) {
			t.Errorf("%+v is %+v, %v", p, c, err)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = s.caller(Owner()) }); n > 1 {
		t.Errorf("finding the owner allocates %v times", n)
	}
}
