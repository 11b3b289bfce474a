package rights

import (
	"strings"
	"testing"

	pailfs "pail/fs"
	"pail/store"
	"pail/versioning"
)

// The cast: nobody in particular, and somebody who is in the group of some files.
var (
	stranger = user{uid: 65534, gid: 65534}
	member   = user{uid: 65533, gid: 65533, groups: []uint32{5000}}
	root     = user{}
)

// furniture is what root puts into a bucket for others to try themselves on.
const furniture = `
cd $D/bkt
echo s > secret; chmod 600 secret
echo p > public
echo w > open; chmod 666 open
echo g > group; chmod 660 group; chgrp 5000 group
echo u > setuid; chmod 6777 setuid
echo u > setuid2; chmod 6777 setuid2
printf '#!/bin/sh\n' > tool; chmod 755 tool
printf '#!/bin/sh\n' > notool; chmod 644 notool
setfattr -n user.x -v 1 secret public open
mkdir closed; echo c > closed/f; mkdir closed/d
mkdir drop; chmod 1777 drop; echo r > drop/roots; mkdir drop/rootsdir
mkdir all; chmod 777 all; echo r > all/roots
mkdir team; chgrp 5000 team; chmod 2775 team
mkdir through; chmod 711 through; echo k > through/known; chmod 644 through/known
mkdir look; chmod 744 look; echo l > look/f
mkdir shut; chmod 700 shut; echo h > shut/f; chmod 666 shut/f
ln -s secret link
`

// strangerMay is what somebody gets who is neither owner nor in the group.
const strangerMay = `
EACCES  read bkt/secret
EACCES  write bkt/secret
EACCES  getxattr bkt/secret user.x
EACCES  read bkt/link
EACCES  access-r bkt/secret
ok      stat bkt/secret
ok      read bkt/public
EACCES  write bkt/public
EACCES  append bkt/public
EACCES  open-rdwr bkt/public
EACCES  open-trunc bkt/public
EACCES  truncate bkt/public
EACCES  access-w bkt/public
EACCES  setxattr bkt/public user.y
EACCES  removexattr bkt/public user.x
ok      getxattr bkt/public user.x
EPERM   chmod bkt/public 777
EPERM   chown bkt/public 65534 65534
EACCES  touch bkt/public
EPERM   set-times bkt/public
EPERM   on-fd bkt/public fchmod
EPERM   on-fd bkt/public fchown
EPERM   on-fd bkt/public futimens
EACCES  on-fd bkt/public fsetxattr
EACCES  read bkt/group
EACCES  write bkt/group

ok      append bkt/open
ok      truncate bkt/open
ok      touch bkt/open
ok      setxattr bkt/open user.y
EPERM   chmod bkt/open 777
EPERM   chown bkt/open 65534 65534
EPERM   set-times bkt/open

ok      exec bkt/tool
EACCES  exec bkt/notool
ok      access-x bkt/tool
EACCES  access-x bkt/notool

EACCES  open-creat bkt/closed/new
EACCES  open-tmpfile bkt/closed
EACCES  mkdir bkt/closed/new
EACCES  symlink bkt/closed/new
EACCES  mknod-file bkt/closed/new
EACCES  unlink bkt/closed/f
EACCES  rmdir bkt/closed/d
EACCES  rename bkt/closed/f bkt/all/f
EACCES  rename bkt/all/roots bkt/closed/new
EACCES  exchange bkt/closed/f bkt/all/roots
EACCES  setxattr bkt/closed user.x
EPERM   chmod bkt/closed 777
EACCES  touch bkt/closed
ok      list bkt/closed

EPERM   unlink bkt/drop/roots
EPERM   rename bkt/drop/roots bkt/drop/x
EPERM   rmdir bkt/drop/rootsdir
ok      open-excl bkt/drop/mine
ok      owner-is bkt/drop/mine 65534:65534
ok      rename bkt/drop/mine bkt/drop/mine2
ok      chmod bkt/drop/mine2 600
EPERM   chown bkt/drop/mine2 65534 0
EPERM   chown bkt/drop/mine2 0 65534
ok      unlink bkt/drop/mine2

ok      mkdir bkt/all/dir
ok      owner-is bkt/all/dir 65534:65534
ok      rename bkt/all/roots bkt/all/dir/roots
ok      read bkt/all/dir/roots
ok      owner-is bkt/all/dir/roots 0:0
ok      unlink bkt/all/dir/roots
ok      rmdir bkt/all/dir
ok      symlink bkt/all/link
ok      owner-is bkt/all/link 65534:65534
ok      open-tmpfile bkt/all

EACCES  open-excl bkt/team/x
EACCES  list bkt/through
ok      read bkt/through/known
ok      list bkt/look
EACCES  stat bkt/look/f
EACCES  read bkt/look/f
EACCES  chdir bkt/look
EACCES  read bkt/shut/f
EACCES  write bkt/shut/f
EACCES  list bkt/shut
EACCES  chdir bkt/shut

# The privilege of a program's owner does not pass to what somebody else writes.
ok      append bkt/setuid
ok      mode-is bkt/setuid 777
ok      truncate bkt/setuid2
ok      mode-is bkt/setuid2 777

EACCES  mkdir newbucket
EACCES  rmdir bkt
EACCES  rename bkt bkt2
EACCES  open-excl bkt/new
ok      statfs bkt
`

// memberMay is what being in a group adds.
const memberMay = `
ok      read bkt/group
ok      append bkt/group
EPERM   chmod bkt/group 666
EACCES  read bkt/secret
EACCES  write bkt/public
ok      open-excl bkt/team/file
ok      owner-is bkt/team/file 65533:5000
ok      mkdir bkt/team/dir
ok      owner-is bkt/team/dir 65533:5000
ok      mode-is bkt/team/dir 2755
ok      open-excl bkt/drop/given
ok      chown bkt/drop/given 65533 5000
EPERM   chown bkt/drop/given 65533 0
# Who is not in the file's group cannot set its set-group-id bit.
ok      chmod bkt/drop/given 2750
ok      mode-is bkt/drop/given 2750
`

// rootMay is what permission bits do not keep from root.
const rootMay = `
ok      read bkt/secret
ok      append bkt/secret
ok      read bkt/shut/f
ok      unlink bkt/drop/given
ok      chown bkt/public 65534 65534
ok      chmod bkt/public 600
EACCES  exec bkt/notool
ok      mkdir newbucket
ok      rmdir newbucket
`

// TestOthersGetWhatTheModeBitsGive has a stranger, a member of a group and root try
// themselves on a mount that root has opened to others.
func TestOthersGetWhatTheModeBitsGive(t *testing.T) {
	r := newRig(t, versioning.Enabled)
	dir, _ := r.mount(pailfs.Options{AllowOther: true, Umask: 0o022})
	r.shell(dir, furniture)
	r.expect("a stranger", stranger, dir, strangerMay)
	r.expect("a member", member, dir, memberMay)
	r.expect("root", root, dir, rootMay)
}

// TestOthersAreKeptOut has root mount without opening the mount to anybody.
func TestOthersAreKeptOut(t *testing.T) {
	r := newRig(t, versioning.Unversioned)
	dir, _ := r.mount(pailfs.Options{Umask: 0o022})
	r.shell(dir, furniture)
	for who, u := range map[string]user{"a stranger": stranger, "a member": member} {
		r.expect(who, u, dir, `
EACCES  list .
EACCES  stat bkt
EACCES  read bkt/public
EACCES  append bkt/open
EACCES  statfs bkt
`)
	}
	r.expect("root", root, dir, "ok append bkt/open")
}

// TestUnownedObjectsBelongToWhomTheMountSays mounts objects that came without an owner.
func TestUnownedObjectsBelongToWhomTheMountSays(t *testing.T) {
	r := newRig(t, versioning.Unversioned)
	for _, key := range []string{"plain", "dir/below"} {
		_, err := r.se.Put(r.ctx, "bkt", key, store.PutInput{Body: strings.NewReader("x"), Size: 1})
		r.ok(err)
	}
	_, err := r.se.Put(r.ctx, "bkt", "moded", store.PutInput{Body: strings.NewReader("x"), Size: 1})
	r.ok(err)
	mode := uint32(0o604)
	_, err = r.se.SetAttr(r.ctx, "bkt", "moded", store.AttrChange{Mode: &mode})
	r.ok(err)
	dir, unmount := r.mount(pailfs.Options{AllowOther: true, UID: 65534, GID: 5000, Umask: 0o027})
	r.expect("root", root, dir, `
ok  owner-is bkt/plain 65534:5000
ok  mode-is bkt/plain 640
ok  owner-is bkt/moded 65534:5000
ok  mode-is bkt/moded 604
ok  owner-is bkt/dir 65534:5000
ok  mode-is bkt/dir 750
ok  owner-is bkt 65534:5000
ok  mode-is bkt 750
ok  owner-is . 65534:5000
`)
	r.expect("the owner", stranger, dir, `
ok      append bkt/plain
ok      open-excl bkt/dir/new
ok      mkdir newbucket
ok      rmdir newbucket
`)
	r.expect("a member", member, dir, `
ok      read bkt/plain
EACCES  append bkt/plain
ok      list bkt/dir
EACCES  open-excl bkt/dir/more
`)
	r.expect("somebody else", user{uid: 65532, gid: 65532}, dir, `
EACCES  read bkt/plain
EACCES  list bkt
`)
	// Who changes one of owner, group and mode keeps the others as they were shown.
	r.expect("the owner", stranger, dir, "ok chmod bkt/plain 604")
	unmount()
	dir, _ = r.mount(pailfs.Options{AllowOther: true, Umask: 0})
	r.expect("root", root, dir, `
ok  owner-is bkt/plain 65534:5000
ok  mode-is bkt/plain 604
ok  owner-is bkt/dir/below 0:0
ok  mode-is bkt/dir/below 666
ok  owner-is bkt/dir/new 65534:65534
`)
}
