package cli

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestReadme runs what the README tells a newcomer to type.
func TestReadme(t *testing.T) {
	needMount(t, canMount() && (os.Geteuid() != 0 || othersCanMount()))
	text := readme(t)
	home := readmeHome(t, "readme", text)
	runReadme(t, home, "pail mount --background\n"+commandsUnder(t, text, "A minute's tour")+
		"pail mount --background\n"+commandsUnder(t, text, "History on the mount")+commandsUnder(t, text, "Back in time")+
		commandsUnder(t, text, "Attributes")+commandsUnder(t, text, "Audit trail")+commandsUnder(t, text, "Access logs")+commandsUnder(t, text, "Backups")+
		"cd /\npail umount\npail fsck --deep\n",
		"restored version 1 of photos/README.md", "restored version 2 of photos/README.md",
		"restored 3 keys, deleted 2 newer keys: photos/ as of ", "nothing to do for photos/ as of ", "the store is sound\n",
		" were looked at: 0 problems\n", " MOUNT.PUT.OBJECT README.md ",
		"all is as it was written: 2 snapshots\n", "made a store at "+home+"/restored as of ", "took 1 snapshot away, ")
}

// TestReadmeServe runs what the README says of the S3 door, at ports that are free.
func TestReadmeServe(t *testing.T) {
	needMount(t, canMount() && (os.Geteuid() != 0 || othersCanMount()))
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal(err) // .ci/setup test installs it
	}
	text := readme(t)
	script := commandsUnder(t, text, "The S3 door")
	for _, port := range []string{":9000", ":9443", ":9090"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_, free, _ := net.SplitHostPort(l.Addr().String())
		_ = l.Close()
		script = strings.ReplaceAll(script, port, ":"+free)
	}
	home := readmeHome(t, "readme-serve", text)
	runReadme(t, home, script+"pail fsck --deep\n",
		"This is the root access key of the store, made just now.\n", "disabled access key minioadmin\n",
		"stopped the daemon of "+home+"/.local/share/pail\n", "\nok\n", "the store is sound\n", "/tls/ca.pem once:")
}

// TestReadmeUsers runs what the README says of users and policies, and of keys.
func TestReadmeUsers(t *testing.T) {
	needMount(t, canMount() && (os.Geteuid() != 0 || othersCanMount()))
	text := readme(t)
	home := readmeHome(t, "readme-users", text)
	runReadme(t, home, "pail init\n"+commandsUnder(t, text, "Users and policies")+commandsUnder(t, text, "Keys")+"pail fsck --deep\n",
		"arn:aws:iam::000000000000:user/alice\n", "added user alice\n", "allowed: an identity policy allows it (statement 1 of the managed policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess)\n",
		"access key: AKIA", "rotated key photos\n", "the store is sound\n")
}

// TestReadmeClient runs what the README says of a mount that encrypts.
func TestReadmeClient(t *testing.T) {
	needMount(t, canMount() && (os.Geteuid() != 0 || othersCanMount()))
	text := readme(t)
	home := readmeHome(t, "readme-client", text)
	runReadme(t, home, "pail init\n"+commandsUnder(t, text, "Encryption by the client")+"pail fsck --deep\n",
		"\nsecret\n", "format 3, suite 115, kms+context", "23", "the store is sound\n")
}

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// readmeHome makes a home with the README in it, for an ordinary user, since the default
// places of root are the machine's.
func readmeHome(t *testing.T, name, text string) string {
	t.Helper()
	root := os.Getenv(placeEnv)
	home := filepath.Join(root, name)
	for _, dir := range []string{home, filepath.Join(home, "src")} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(home, "src/README.md"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		leaveNothing(home, filepath.Join(root, "bin"))
		leaveNothing(filepath.Join(home, ".local/share"), filepath.Join(root, "bin")) // the default store's daemon
	})
	return home
}

// runReadme runs a script at home, and looks for what it must print.
func runReadme(t *testing.T, home, script string, wants ...string) {
	t.Helper()
	root := os.Getenv(placeEnv)
	script = "set -eux\n" + script
	cmd := exec.Command("sh", "-c", script)
	if os.Geteuid() == 0 {
		cmd = exec.Command(filepath.Join(root, "bin/as-user"), "sh", "-c", script)
	}
	cmd.Dir = filepath.Join(home, "src")
	cmd.Env = []string{"HOME=" + home, "TZ=UTC", "PATH=" + filepath.Join(root, "bin") + ":" + os.Getenv("PATH") + ":/usr/sbin:/sbin:/usr/bin:/bin"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range wants {
		if !strings.Contains(string(out), want) {
			t.Errorf("the README's commands do not print %q:\n%s", want, out)
		}
	}
}

// commandsUnder are the indented lines below a heading of the README, but for make's:
// those are for the source tree.
func commandsUnder(t *testing.T, text, heading string) string {
	t.Helper()
	_, section, ok := strings.Cut(text, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("the README has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var b strings.Builder
	for line := range strings.Lines(section) {
		if code, ok := strings.CutPrefix(line, "    "); ok && !strings.HasPrefix(code, "make ") {
			b.WriteString(code)
		}
	}
	if strings.Count(b.String(), "\n") < 5 {
		t.Fatalf("there are hardly any commands below %q", heading)
	}
	return b.String()
}

// TestRootCanDoEverything keeps scripts from being skipped where nothing may be: what
// runs as root, as continuous integration does, lacks nothing.
func TestRootCanDoEverything(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("this is about root")
	}
	if !canMount() || !othersCanMount() {
		t.Error("root cannot mount, or nobody else can: .ci/setup test installs and prepares what is missing")
	}
	for _, program := range []string{"unshare", "mount", "findmnt", "setfattr", "make"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Error(err)
		}
	}
}
