package s3control

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pail/store"
	"pail/store/trail"
)

// TestTrailTells: what is managed is told as management events, with the access point among the
// resources, and so is what comes through one.
func TestTrailTells(t *testing.T) {
	r := newRig(t)
	r.bucket("photos")
	file := t.TempDir() + "/trail.log"
	if _, err := r.se.EnableTrail(t.Context(), store.TrailInput{File: file, Select: trail.Selector{Management: trail.All, Data: trail.All}}); err != nil {
		t.Fatal(err)
	}
	for _, a := range []ask{
		{method: "PUT", path: prefix + "accesspoint/way-in", body: create("<Bucket>photos</Bucket>")},
		{method: "GET", path: prefix + "accesspoint/nowhere"},
		{method: "PUT", path: prefix + "configuration/publicAccessBlock", body: block("<BlockPublicAcls>true</BlockPublicAcls>")},
		{method: "PUT", path: "/" + arn("way-in") + "/k", body: "hello", account: "-"},
	} {
		r.send(a)
	}
	want := []string{
		"CreateAccessPoint  Management " + arn("way-in"), "GetAccessPoint NoSuchAccessPoint Management " + arn("nowhere"),
		"PutAccountPublicAccessBlock  Management ", "PutObject  Data " + arn("way-in"),
	}
	var got []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && len(got) < len(want); time.Sleep(20 * time.Millisecond) {
		if _, err := r.se.DeliverTrail(t.Context()); err != nil {
			t.Fatal(err)
		}
		got = nil
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			var e struct {
				EventName, ErrorCode, EventCategory string
				Resources                           []struct{ Type, ARN, AccountID string }
			}
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			point := ""
			for _, res := range e.Resources {
				if res.Type == "AWS::S3::AccessPoint" && res.AccountID == store.Account {
					point = res.ARN
				}
			}
			if text := e.EventName + " " + e.ErrorCode + " " + e.EventCategory + " " + point; slices.Contains(want, text) {
				got = append(got, text)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the trail tells %q, want %q", got, want)
	}
}
