package store

import (
	"fmt"
	"testing"
	"time"

	"pail/store/iam"
	"pail/versioning"
)

// BenchmarkAuthorize is a decision: over the root of the first account, which takes none, and
// over a user with ten policies of ten statements, of which the last allows.
func BenchmarkAuthorize(b *testing.B) {
	s, se := benchStore(b, versioning.Unversioned)
	user := aUser(b, s, Account, "user")
	keep := func(it iam.Item, err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
		s.directory.Store(s.identities().With([]iam.Item{it}, nil))
	}
	for i := range 10 {
		var list []string
		for j := range 10 {
			list = append(list, allows("s3:GetObject", fmt.Sprintf("arn:aws:s3:::b%d/%d/*", i, j)))
		}
		if i == 9 {
			list[9] = allows("s3:GetObject", "arn:aws:s3:::bench/*")
		}
		p, err := s.identities().CreatePolicy(Account, iam.NewPolicy{Name: fmt.Sprintf("p%d", i), Text: statements(list...)}, time.Now())
		keep(p, err)
		keep(s.identities().Attach(Account, iam.OfUser, "user", p.ARN()))
	}
	root := se
	run := func(name string, se *Session) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			defer reportCPU(b)()
			for range b.N {
				if err := se.authorize(actGetObject, "bench", "a/b/c"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("root", root)
	limited := s.As(user, RequestContext{Door: DoorS3})
	run("ten policies of ten statements", limited)
	mustPolicy(b, root, "bench", grants("Deny", `"*"`, "s3:DeleteObject", "arn:aws:s3:::bench/*", `{"Bool":{"aws:SecureTransport":"false"}}`))
	run("root, of a bucket with a policy", root)
	run("ten policies, and the bucket's", limited)
}
