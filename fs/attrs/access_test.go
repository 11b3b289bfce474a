package attrs

import (
	"reflect"
	"testing"
)

func TestAccessListRefuses(t *testing.T) {
	for _, s := range []string{
		``, `null`, `[]`, `{"Owner":{"ID":"1"},"Grants":[]} x`, `{"owners":{}}`,
		`{"Owner":{"ID":"1"},"Grants":[{"Grantee":{"Type":"Group","ID":"1"},"Permission":"READ"}]}`,
		`{"Owner":{"ID":"1"},"Grants":[{"Grantee":{"Type":"CanonicalUser"},"Permission":"READ"}]}`,
		`{"Owner":{"ID":"1"},"Grants":[{"Grantee":{"Type":"AmazonCustomerByEmail","ID":"a@b"},"Permission":"READ"}]}`,
	} {
		if a, err := ParseAccessList([]byte(s)); err == nil {
			t.Errorf("%q was read as %v", s, a)
		}
	}
	for _, s := range []string{
		``, `{"LoggingEnabled":{"TargetObjectKeyFormat":{}}}`, `{"LoggingEnabled":{"TargetGrants":[{}]}}`,
		`{"LoggingEnabled":{"TargetObjectKeyFormat":{"SimplePrefix":{},"PartitionedPrefix":{}}}}`,
	} {
		if l, err := ParseLogging([]byte(s)); err == nil {
			t.Errorf("%q was read as %v", s, l)
		}
	}
	for _, s := range []string{``, `{"BlockAll":true}`, `{"BlockPublicAcls":1}`, `{} {}`} {
		if b, err := ParseBlock([]byte(s)); err == nil {
			t.Errorf("%q was read as %v", s, b)
		}
	}
}

// What is read comes back as it was.
func FuzzAccess(f *testing.F) {
	for _, s := range []string{
		`{"Owner":{"ID":"1"},"Grants":[{"Grantee":{"Type":"CanonicalUser","ID":"1"},"Permission":"FULL_CONTROL"}]}`,
		`{"Owner":{"ID":""},"Grants":[{"Grantee":{"Type":"Group","URI":"http://acs.amazonaws.com/groups/global/AllUsers"},"Permission":"READ"}]}`,
		`{"LoggingEnabled":{"TargetBucket":"l","TargetPrefix":"p","TargetObjectKeyFormat":{"PartitionedPrefix":{}}}}`,
		`{"BlockPublicAcls":true,"RestrictPublicBuckets":false}`, `{}`, `{"Grants":null}`, "{\"Owner\":{\"ID\":\"\xff\"}}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if a, err := ParseAccessList(b); err == nil {
			again, err := ParseAccessList(FormatAccessList(a))
			if len(a.Grants) == 0 {
				a.Grants, again.Grants = nil, nil
			}
			if err != nil || !reflect.DeepEqual(again, a) {
				t.Fatalf("%q is %v, then %v: %v", b, a, again, err)
			}
		}
		if l, err := ParseLogging(b); err == nil {
			again, err := ParseLogging(FormatLogging(l))
			if on := l.LoggingEnabled; on != nil && len(on.TargetGrants) == 0 {
				on.TargetGrants = nil
			}
			if err != nil || !reflect.DeepEqual(again, l) {
				t.Fatalf("%q is %v, then %v: %v", b, l, again, err)
			}
		}
		if p, err := ParseBlock(b); err == nil {
			if again, err := ParseBlock(FormatBlock(p)); err != nil || again != p {
				t.Fatalf("%q is %v, then %v: %v", b, p, again, err)
			}
		}
	})
}
