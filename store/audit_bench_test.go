package store

import (
	"context"
	"strings"
	"testing"

	"pail/store/trail"
)

func BenchmarkAudit(b *testing.B) {
	for _, on := range []bool{false, true} {
		name := map[bool]string{false: "off", true: "on"}[on]
		o := Options{Dir: b.TempDir() + "/s"}
		if err := Create(o); err != nil {
			b.Fatal(err)
		}
		s, err := Open(context.Background(), o)
		if err != nil {
			b.Fatal(err)
		}
		ctx := context.Background()
		se := s.As(Owner(), RequestContext{Door: DoorS3})
		for _, n := range []string{"data", "logs"} {
			if _, err := se.CreateBucket(ctx, n, BucketOptions{}); err != nil {
				b.Fatal(err)
			}
		}
		if on {
			if _, err := se.EnableTrail(ctx, TrailInput{Bucket: "logs", Select: trail.Selector{Management: trail.All, Data: trail.All}}); err != nil {
				b.Fatal(err)
			}
		}
		body := strings.Repeat("x", 4096)
		b.Run("put/"+name, func(b *testing.B) {
			for b.Loop() {
				c, act := BeginAct(ctx, se, Operation{Name: "PutObject", Bucket: "data", Key: "k"})
				if _, err := se.Put(c, "data", "k", PutInput{Body: strings.NewReader(body), Size: 4096}); err != nil {
					b.Fatal(err)
				}
				act.End(Outcome{})
			}
		})
		b.Run("head/"+name, func(b *testing.B) {
			for b.Loop() {
				c, act := BeginAct(ctx, se, Operation{Name: "HeadObject", Bucket: "data", Key: "k"})
				if _, err := se.Head(c, "data", "k", ""); err != nil {
					b.Fatal(err)
				}
				act.End(Outcome{})
			}
		})
		_ = s.Close(ctx)
	}
}
