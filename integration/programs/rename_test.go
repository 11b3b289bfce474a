package programs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func rename(from, to string, flags uint) error {
	return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, flags)
}

// A renaming is what rename must do to a tree.
type renaming struct {
	name   string
	before string
	from   string
	to     string
	flags  uint
	want   error
	after  string // "": nothing changes
}

const (
	noreplace = unix.RENAME_NOREPLACE
	exchange  = unix.RENAME_EXCHANGE
)

var (
	y200 = strings.Repeat("y", 200)
	x255 = strings.Repeat("x", 255)
	deep = "d/" + y200 + "/" + y200 + "/" + y200 + "/" + y200 + "/" // 806 bytes
)

// renamings has its errors from rename(2) and from what Linux answers on ext4, but for
// the last ones, which come from S3's keys.
var renamings = []renaming{
	{"file", "f=a", "f", "g", 0, nil, "g=a"},
	{"file to another directory", "d/e/f=a x/", "d/e/f", "x/g", 0, nil, "d/ d/e/ x/ x/g=a"},
	{"over a file", "f=a g=b", "f", "g", 0, nil, "g=a"},
	{"over itself", "f=a", "f", "f", 0, nil, ""},
	{"a directory over itself", "d/f=a", "d", "d", 0, nil, ""},
	{"file over a directory", "d/ f=a", "f", "d", 0, unix.EISDIR, ""},
	{"directory over a file", "d/ f=a", "d", "f", 0, unix.ENOTDIR, ""},
	{"file over a full directory", "d/x=b f=a", "f", "d", 0, unix.EISDIR, ""},
	{"missing", "d/", "f", "d/f", 0, unix.ENOENT, ""},
	{"into a missing directory", "f=a", "f", "d/f", 0, unix.ENOENT, ""},
	{"into a file", "f=a g=b", "f", "g/f", 0, unix.ENOTDIR, ""},
	{"directory", "d/e/f/g=a d/l->e", "d", "x", 0, nil, "x/ x/e/ x/e/f/ x/e/f/g=a x/l->e"},
	{"directory over an empty one", "d/e/f=a x/:700", "d", "x", 0, nil, "x/ x/e/ x/e/f=a"},
	{"directory over a full one", "d/f=a x/g=b", "d", "x", 0, unix.ENOTEMPTY, ""},
	{"empty directory over a full one", "d/ x/g=b", "d", "x", 0, unix.ENOTEMPTY, ""},
	{"into itself", "d/e/ d/f=a", "d", "d/e/x", 0, unix.EINVAL, ""},
	{"over what it is in", "d/e/f=a", "d/e", "d", 0, unix.ENOTEMPTY, ""},
	{"up", "d/e/f=a", "d/e", "x", 0, nil, "d/ x/ x/f=a"},
	{"down", "d/e/ x/f=a", "x", "d/e/y", 0, nil, "d/ d/e/ d/e/y/ d/e/y/f=a"},
	{"a name and its beginning", "d/f=a dd/f=b", "d", "d2", 0, nil, "d2/ d2/f=a dd/ dd/f=b"},
	{"symlink", "f=a l->f", "l", "k", 0, nil, "f=a k->f"},
	{"over a symlink", "f=a g=b l->g", "f", "l", 0, nil, "g=b l=a"},
	{"dangling symlink over a file", "g=b l->nowhere", "l", "g", 0, nil, "g->nowhere"},
	{"file with a slash", "f=a", "f/", "g", 0, unix.ENOTDIR, ""},
	{"file to a slash", "f=a", "f", "g/", 0, unix.ENOTDIR, ""},
	{"directory with slashes", "d/f=a", "d/", "e/", 0, nil, "e/ e/f=a"},
	{"dot", "d/", "d/.", "e", 0, unix.EBUSY, ""},

	{"noreplace", "f=a", "f", "g", noreplace, nil, "g=a"},
	{"noreplace a file", "f=a g=b", "f", "g", noreplace, unix.EEXIST, ""},
	{"noreplace an empty directory", "d/ e/", "d", "e", noreplace, unix.EEXIST, ""},
	{"noreplace a dangling symlink", "f=a l->nowhere", "f", "l", noreplace, unix.EEXIST, ""},
	{"noreplace itself", "f=a", "f", "f", noreplace, unix.EEXIST, ""},
	{"noreplace a directory", "d/f=a", "d", "e", noreplace, nil, "e/ e/f=a"},

	{"exchange files", "f:600=a g=b", "f", "g", exchange, nil, "f=b g:600=a"},
	{"exchange a file with itself", "f=a", "f", "f", exchange, nil, ""},
	{"exchange a missing one", "f=a", "f", "g", exchange, unix.ENOENT, ""},
	{"exchange a file and a symlink", "f=a l->nowhere", "f", "l", exchange, nil, "f->nowhere l=a"},
	{"exchange directories", "d/same=c d/x/y/f=a e/empty/ e/same=d e/x=e e/z/f=b", "d", "e", exchange, nil,
		"d/ d/empty/ d/same=d d/x=e d/z/ d/z/f=b e/ e/same=c e/x/ e/x/y/ e/x/y/f=a"},
	{"exchange empty directories", "d/:700 e/", "d", "e", exchange, nil, "d/ e/:700"},
	{"exchange a directory with itself", "d/f=a", "d", "d", exchange, nil, ""},
	{"exchange directories at different depths", "a/b/c/f=1 d/g=2", "a/b/c", "d", exchange, nil, "a/ a/b/ a/b/c/ a/b/c/g=2 d/ d/f=1"},
	{"exchange directories beside each other in names", "d/f=1 d-/f=2 dd/f=3", "d", "dd", exchange, nil, "d-/ d-/f=2 d/ d/f=3 dd/ dd/f=1"},
	{"exchange a file and a directory", "d/e/f=a x/g=b", "x/g", "d", exchange, nil, "d=b x/ x/g/ x/g/e/ x/g/e/f=a"},
	{"exchange a directory and a file", "d/f=a g=b", "d", "g", exchange, nil, "d=b g/ g/f=a"},
	{"exchange an empty directory and a file", "d/ g=b", "d", "g", exchange, nil, "d=b g/"},
	{"exchange a directory and a symlink", "d/f=a l->d", "d", "l", exchange, nil, "d->d l/ l/f=a"},
	{"exchange with what it is in", "d/e/f=a", "d", "d/e", exchange, unix.EINVAL, ""},
	{"exchange with what is in it", "d/e/f=a", "d/e", "d", exchange, unix.EINVAL, ""},
	{"exchange a file with what it is in", "d/f=a", "d/f", "d", exchange, unix.EINVAL, ""},
	{"exchange and noreplace", "f=a g=b", "f", "g", exchange | noreplace, unix.EINVAL, ""},
	{"whiteout", "f=a", "f", "g", unix.RENAME_WHITEOUT, unix.EINVAL, ""},

	{"too long a name", "f=a", "f", x255 + "x", 0, unix.ENAMETOOLONG, ""},
	{"the longest name", "f=a", "f", x255, 0, nil, x255 + "=a"},
	{"not UTF-8", "f=a", "f", "a\xff", 0, unix.EILSEQ, ""},
	{"reserved for history", "f=a", "f", ".versions", 0, unix.EISDIR, ""},
	{"reserved for escapes", "f=a", "f", "%pail-x", 0, unix.EINVAL, ""},
	{"keys too long", deep + y200 + "=a", "d", "d" + strings.Repeat("x", 30), 0, unix.ENAMETOOLONG, ""},
	{"keys too long of directories", deep + y200 + "/", "d", "d" + strings.Repeat("x", 30), 0, unix.ENAMETOOLONG, ""},
	{"keys too long by exchange", deep + y200 + "=a " + "e" + strings.Repeat("x", 30) + "/", "d", "e" + strings.Repeat("x", 30), exchange, unix.ENAMETOOLONG, ""},
	{"keys not too long", deep + y200 + "=a", "d", "dxx", 0, nil,
		"dxx/ dxx/" + y200 + "/ dxx/" + y200 + "/" + y200 + "/ dxx/" + y200 + "/" + y200 + "/" + y200 + "/ dxx" + deep[1:] + " dxx" + deep[1:] + y200 + "=a"},
}

// TestRename renames in every way, in a bucket with history and in one without.
func TestRename(t *testing.T) {
	m := newMount(t)
	m.pail("bucket", "create", "plain")
	for _, bucket := range []string{"plain", "work"} {
		for _, r := range renamings {
			t.Run(bucket+"/"+r.name, func(t *testing.T) {
				dir, err := os.MkdirTemp(filepath.Join(m.root, bucket), "")
				if err != nil {
					t.Fatal(err)
				}
				r.run(t, dir)
				if err := os.RemoveAll(dir); err != nil {
					t.Fatal(err)
				}
			})
		}
	}
}

func (r *renaming) run(t *testing.T, dir string) {
	makeTree(t, dir, r.before)
	before := readTree(t, dir)
	if err := rename(dir+"/"+r.from, dir+"/"+r.to, r.flags); !errors.Is(err, r.want) {
		t.Errorf("rename: %v, want %v", err, r.want)
	}
	after := r.after
	if after == "" {
		after = before
	}
	if got := readTree(t, dir); got != after {
		t.Errorf("the tree is %.500s\nwant %.500s", got, after)
	}
}

// TestRenameAcrossBuckets moves files and directories between buckets, which rename(2)
// leaves to mv, and buckets, which nobody moves.
func TestRenameAcrossBuckets(t *testing.T) {
	m := newMount(t)
	m.pail("bucket", "create", "plain")
	plain := filepath.Join(m.root, "plain")
	makeTree(t, m.dir, "d/e/f=a d/l->e f=one")
	makeTree(t, plain, "g=two x/")
	everything := readTree(t, m.root)
	for _, r := range []struct {
		from, to string
		flags    uint
		want     error
	}{
		{"work", "renamed", 0, unix.EPERM}, {"plain", "renamed", 0, unix.EPERM}, {"work", "plain", 0, unix.EPERM},
		{"work", "plain", exchange, unix.EPERM}, {"work", "renamed", noreplace, unix.EPERM}, {"work", "plain/w", 0, unix.EPERM},
		{"plain", "plain/x/y", 0, unix.EINVAL}, {"work/f", "file", 0, unix.EPERM}, {"work/d", "newbucket", 0, unix.EXDEV},
		{"work/f", "plain/f", 0, unix.EXDEV}, {"work/d", "plain/d", 0, unix.EXDEV}, {"work/f", "plain/g", exchange, unix.EXDEV}, {"work/d", "plain", exchange, unix.EPERM},
	} {
		if err := rename(m.root+"/"+r.from, m.root+"/"+r.to, r.flags); !errors.Is(err, r.want) {
			t.Errorf("%s to %s, %d: %v, want %v", r.from, r.to, r.flags, err, r.want)
		}
	}
	if got := readTree(t, m.root); got != everything {
		t.Fatalf("the tree is %s\nwant %s", got, everything)
	}
	out, err := shell(m.root, `! mv work renamed 2>&1; ! mv plain work/ 2>&1; ! mv work/d No_Bucket 2>&1`)
	if err != nil || strings.Count(out, "cannot") != 3 {
		t.Fatalf("%v %s", err, out)
	}
	if got := readTree(t, m.root); got != everything {
		t.Fatalf("the tree is %s\nwant %s", got, everything)
	}
	m.sh(`chmod 600 f; touch -d @5 f; mv f ../plain/moved; mv d ../plain/; mv ../plain/g .; mv ../plain/x ../plain/d/l newdir 2>/dev/null || mkdir newdir`)
	if got, want := readTree(t, plain), "d/ d/e/ d/e/f=a d/l->e moved:600=one x/"; got != want {
		t.Fatalf("the tree is %s, want %s", got, want)
	}
	if got, want := readTree(t, m.dir), "g=two newdir/"; got != want {
		t.Fatalf("the tree is %s, want %s", got, want)
	}
	if all := m.versions("f", 2); len(all) != 2 || !all[0].DeleteMarker {
		t.Fatalf("the history of what left is %+v", all)
	}
	m.sh(`mkdir -p tree/sub; echo 1 > tree/sub/f; mv tree ../newbucket; [ "$(cat ../newbucket/sub/f)" = 1 ]; [ ! -e tree ]`)
}

// TestRenameOfOpenFiles writes to files while they, what they replace and the
// directories above them are renamed.
func TestRenameOfOpenFiles(t *testing.T) {
	m := newMount(t)
	m.pail("bucket", "create", "plain")
	for _, dir := range []string{m.dir, filepath.Join(m.root, "plain")} {
		makeTree(t, dir, "d/e/old=0123456789 d/e/replaced=was d/x=x")
		var files []*os.File
		for _, name := range []string{"d/e/old", "d/e/new", "d/e/draft", "d/e/replaced"} {
			f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, f)
			mustWrite(t, f, "1")
		}
		for _, step := range []struct {
			from, to string
			flags    uint
		}{
			{"d/e", "d/E", 0}, {"d/E/old", "d/OLD", 0}, {"d", "D", 0}, {"D/E/new", "D/E/replaced", 0}, {"D/E/draft", "D/OLD", exchange}, {"D/E", "D/x", exchange}, {"D", "d", 0},
		} {
			if err := rename(filepath.Join(dir, step.from), filepath.Join(dir, step.to), step.flags); err != nil {
				t.Fatal(step, err)
			}
			for _, f := range files {
				mustWrite(t, f, "-")
			}
		}
		wants := "d/ d/E=x d/OLD=1------- d/x/ d/x/draft=1-------89 d/x/replaced=1-------"
		if got := readTree(t, dir); got != wants {
			t.Fatalf("while open: %s, want %s", got, wants)
		}
		for i, f := range files {
			got := make([]byte, 20)
			n, _ := f.ReadAt(got, 0)
			if want := [4]string{"1-------89", "1-------", "1-------", "1-------"}[i]; string(got[:n]) != want {
				t.Fatalf("file %d holds %s, want %s", i, got[:n], want)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if got := readTree(t, dir); got != wants {
			t.Fatalf("closed: %s, want %s", got, wants)
		}
	}
}
