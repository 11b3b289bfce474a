package access

import (
	"strings"
	"testing"
)

// TestAccessPointNames has the rules of "Access points naming rules, restrictions, and
// limitations".
func TestAccessPointNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"abc": true, "a-1": true, "0b9": true, strings.Repeat("a", 50): true, "s3alias": true, "a--b": true,
		"ab": false, "": false, strings.Repeat("a", 51): false, "Abc": false, "a.b": false, "a_b": false, "a b": false,
		"-abc": false, "abc-": false, "abc-s3alias": false, "añb": false,
	} {
		if err := CheckAccessPointName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// TestAccessPointAliases have the form of a bucket's name, whatever the name.
func TestAccessPointAliases(t *testing.T) {
	random := strings.Repeat("x", AliasRandom)
	for name, want := range map[string]string{
		"abc":                           "abc-" + random + "-s3alias",
		strings.Repeat("a", 20):         strings.Repeat("a", 20) + "-" + random + "-s3alias",
		strings.Repeat("a", 21):         strings.Repeat("a", 20) + "-" + random + "-s3alias",
		strings.Repeat("a", 19) + "--z": strings.Repeat("a", 19) + "-" + random + "-s3alias",
	} {
		got := AccessPointAlias(name, random)
		if got != want || len(got) > 63 || !IsAccessPointAlias(got) {
			t.Errorf("%q has the alias %q, want %q", name, got, want)
		}
	}
}

// TestManagedAccessPoint: what is done to an access point has the keys of it, and needs no leave
// of it.
func TestManagedAccessPoint(t *testing.T) {
	text := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:DeleteAccessPoint","Resource":"*",
		"Condition":{"StringEquals":{"s3:AccessPointNetworkOrigin":"vpc","s3:DataAccessPointAccount":"` + ours + `"},"ArnLike":{"s3:DataAccessPointArn":"` + testPoint + `"}}}}`
	p, err := Parse(UserPolicy, []byte(text), Options{})
	if err != nil {
		t.Fatal(err)
	}
	alice, err := testPrincipal("user/alice")
	if err != nil {
		t.Fatal(err)
	}
	for vpc, want := range map[string]bool{"vpc-1": true, "": false} {
		r := &Request{Principal: alice, Identity: []*Policy{p}, Action: "s3:DeleteAccessPoint", Resource: Resource{
			ARN: testPoint, Owner: testAccount(ours), Managed: &AccessPoint{ARN: testPoint, Owner: testAccount(ours), VPC: vpc},
		}}
		if d := Decide(r); d.Allowed != want {
			t.Errorf("of the network %q: %v", vpc, d)
		}
	}
}

// FuzzAccessPoint: an ARN that is taken apart is the one that is made of its parts.
func FuzzAccessPoint(f *testing.F) {
	f.Add(testPoint)
	f.Add(strings.Replace(testPoint, "accesspoint/", "accesspoint:", 1))
	f.Add("arn:aws:s3:::bucket/key")
	f.Fuzz(func(t *testing.T, arn string) {
		region, account, name, ok := ParseAccessPointARN(arn)
		if !ok {
			return
		}
		if again := AccessPointARN(region, account, name); again != strings.Replace(arn, ":accesspoint:", ":accesspoint/", 1) {
			t.Fatalf("%q is %q", arn, again)
		}
	})
}
