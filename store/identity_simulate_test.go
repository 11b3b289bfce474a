package store

import (
	"context"
	"slices"
	"testing"

	"pail/store/access"
	"pail/store/fault"
	"pail/store/iam"
	"pail/versioning"
)

func TestSimulatedIsWhatWouldBeDecided(t *testing.T) {
	ctx := context.Background()
	s, root := openTest(t, Options{})
	u := must(root.CreateUser(ctx, iam.NewUser{Name: "alice"}))(t)
	mustBe(t, root.PutUserPolicy(ctx, "alice", "p", `{"Version":"2012-10-17","Statement":[
		{"Sid":"Get","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/*","Condition":{"StringEquals":{"s3:ExistingObjectTag/class":"open"}}},
		{"Sid":"Net","Effect":"Allow","Action":"s3:PutObject","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}]}`), fault.None)
	all := must(root.SimulatePrincipalPolicy(ctx, Simulation{
		Source: u.ARN(), Actions: []string{"s3:GetObject", "s3:PutObject"}, Resources: []string{"arn:aws:s3:::photos/a", "arn:aws:s3:::other/a"},
		Context: map[string][]string{"aws:SourceIp": {"192.0.2.9"}},
	}))(t)
	for i, want := range []bool{false, false, true, true} {
		if all[i].Allowed != want {
			t.Errorf("%s of %s: %s", all[i].Action, all[i].Resource, all[i].Text)
		}
	}
	if !slices.Equal(all[0].Missing, []string{"s3:ExistingObjectTag/class"}) || len(all[2].Missing) > 0 {
		t.Errorf("missing %q, %q", all[0].Missing, all[2].Missing)
	}
	custom := must(root.SimulateCustomPolicy(ctx, Simulation{Policies: []string{allowGet}, Actions: []string{"s3:GetObject", "s3:PutObject"}}))(t)
	if !custom[0].Allowed || custom[1].Allowed || custom[0].Policy.Name != "PolicyInputList.1" {
		t.Errorf("custom: %s, %s", custom[0].Text, custom[1].Text)
	}
	for _, in := range []Simulation{{Source: "arn:aws:iam::000000000000:user/nobody"}, {Source: u.ARN()}, {Source: "alice", Actions: []string{"s3:GetObject"}}} {
		if _, err := root.SimulatePrincipalPolicy(ctx, in); !fault.Is(err, fault.InvalidArgument) && !fault.Is(err, fault.NoSuchEntity) {
			t.Errorf("%+v: %v", in, err)
		}
	}
	_, err := s.As(UserPrincipal(u), RequestContext{}).SimulatePrincipalPolicy(ctx, Simulation{Source: u.ARN(), Actions: []string{"s3:GetObject"}})
	mustBe(t, err, fault.AccessDenied)

	// Explaining takes in the bucket as it is, and says what a request is answered.
	mustBucket(t, root, "photos", versioning.Enabled)
	se := s.As(UserPrincipal(u), RequestContext{Door: DoorS3})
	explain := func(what string, allowed bool, step access.Step) {
		t.Helper()
		d := must(root.Explain(ctx, u.ARN(), "s3:GetObject", "arn:aws:s3:::photos/a", nil))(t)
		_, err := se.Head(ctx, "photos", "a", "")
		if d.Allowed != allowed || d.Step != step || fault.Is(err, fault.AccessDenied) == allowed {
			t.Errorf("%s: explained %s, answered %v", what, d.Text, err)
		}
	}
	put(t, root, "photos", "a", "x")
	explain("without a tag", false, access.Nothing)
	mustBe(t, root.SetTags(ctx, "photos", "a", "", map[string]string{"class": "open"}), fault.None)
	explain("with the tag", true, access.AllowedIdentity)
	mustBe(t, root.SetBucketPolicy(ctx, "photos", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"`+u.ARN()+`"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::photos/*"}]}`, false), fault.None)
	explain("denied by the bucket", false, access.ExplicitDeny)
}
