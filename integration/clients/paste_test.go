package clients

import (
	"strings"
	"testing"

	"pail/integration/program"
)

// TestPastedLines types what a new access key is shown with, as it stands, into a shell: aws,
// s3cmd and rclone list the buckets with it, whatever its secret is made of.
func TestPastedLines(t *testing.T) {
	for _, name := range []string{"aws", "s3cmd", "rclone"} {
		need(t, name)
	}
	r := newRig(t)
	r.run("aws", "--endpoint-url", r.endpoint, "s3", "mb", "s3://shown")
	for i, secret := range []string{"", "it's+/=secret$HOME"} {
		args := []string{"--store", r.store, "key", "create"}
		if secret != "" {
			args = append(args, "--access-key", "pasted", "--secret-key", secret)
		}
		out, err := program.Command(args...).Output()
		if err != nil {
			t.Fatalf("%q: %v", args, err)
		}
		_, lines, ok := strings.Cut(string(out), "To paste:\n")
		if !ok || strings.Count(lines, "\n  ") < 6 || !strings.Contains(lines, r.endpoint) {
			t.Fatalf("nothing to paste in %s", out)
		}
		got := r.run("env", "-u", "AWS_ACCESS_KEY_ID", "-u", "AWS_SECRET_ACCESS_KEY", "sh", "-ec", lines)
		if n := strings.Count(got, "shown"); n != 3 {
			t.Errorf("key %d: the bucket is shown %d times:\n%s", i, n, got)
		}
	}
}
