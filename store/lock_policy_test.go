package store

import (
	"context"
	"strings"
	"testing"
	"time"

	"pail/store/fault"
	"pail/versioning"
)

// Policies decide over locks: how long a retention may be, by whichever call; who bypasses
// GOVERNANCE; and who sees what locks a version.
func TestPoliciesOfLocks(t *testing.T) {
	ctx := context.Background()
	_, se := openTest(t, Options{})
	lockedBucket(t, se, "wall")
	put(t, se, "wall", "a", "one")
	deny := func(statements ...string) {
		t.Helper()
		text := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
		if err := se.SetBucketPolicy(ctx, "wall", text, true); err != nil {
			t.Fatal(err)
		}
	}
	statement := func(action, condition string) string {
		return `{"Effect":"Deny","Principal":"*","Action":"` + action + `","Resource":"arn:aws:s3:::wall/*","Condition":{` + condition + `}}`
	}
	in := func(days int) versioning.Retention {
		return versioning.Retention{Mode: versioning.Governance, Until: time.Now().Add(time.Duration(days) * day)}
	}
	nd := Node{Bucket: "wall", Key: "a"}
	deny(statement("s3:PutObjectRetention", `"NumericGreaterThan":{"s3:object-lock-remaining-retention-days":"10"}`),
		statement("s3:PutObjectLegalHold", `"StringEquals":{"s3:object-lock-legal-hold":"OFF"}`))
	lockedPut := func(l versioning.Lock) error {
		_, err := se.Put(ctx, "wall", "b", PutInput{Lock: l})
		return err
	}
	wantFault(t, se.SetRetention(ctx, nd, in(30), false), fault.AccessDenied, "too long")
	wantFault(t, lockedPut(versioning.Lock{Retention: in(30)}), fault.AccessDenied, "too long, with a put")
	wantFault(t, se.SetRetention(ctx, nd, in(5), false), fault.None, "short")
	wantFault(t, lockedPut(versioning.Lock{Retention: in(5)}), fault.None, "short, with a put")
	until := in(30)
	wantFault(t, se.ChangeRetention(ctx, nd, func(now versioning.Retention, _ versioning.DefaultRetention) (versioning.Retention, error) {
		now.Until = until.Until
		return now, nil
	}), fault.AccessDenied, "too long, by a change")
	six := in(6)
	wantFault(t, se.ChangeRetention(ctx, nd, func(now versioning.Retention, _ versioning.DefaultRetention) (versioning.Retention, error) {
		return six, nil
	}), fault.None, "short, by a change")
	wantFault(t, se.SetLegalHold(ctx, nd, true), fault.None, "hold")
	wantFault(t, se.SetLegalHold(ctx, nd, false), fault.AccessDenied, "release")

	nobody := func(action string) string {
		return `{"Effect":"Deny","Principal":"*","Action":"` + action + `","Resource":"arn:aws:s3:::wall/*"}`
	}
	deny(nobody("s3:BypassGovernanceRetention"))
	_, err := se.Delete(ctx, "wall", "b", DeleteOptions{Version: "1", Bypass: BypassGovernance})
	wantFault(t, err, fault.ObjectLocked, "a bypass that is denied")
	wantFault(t, se.SetRetention(ctx, Node{Bucket: "wall", Key: "b"}, versioning.Retention{}, true), fault.ObjectLocked, "a bypass that is denied")
	deny(nobody("s3:GetObjectRetention"))
	o, err := se.Head(ctx, "wall", "a", "")
	if err != nil || o.Lock.Retention.Mode != versioning.Unretained || o.Lock.Hold != versioning.Held {
		t.Errorf("%v, %v", o.Lock, err)
	}
	_, err = se.Retention(ctx, nd)
	wantFault(t, err, fault.AccessDenied, "see")
	deny(nobody("s3:GetObjectLegalHold"))
	if o, err = se.Head(ctx, "wall", "a", ""); err != nil || o.Lock.Hold != versioning.NeverHeld || o.Lock.Retention.Mode != versioning.Governance {
		t.Errorf("%v, %v", o.Lock, err)
	}
	_, err = se.Delete(ctx, "wall", "b", DeleteOptions{Version: "1", Bypass: BypassGovernance})
	wantFault(t, err, fault.None, "a bypass")
}
