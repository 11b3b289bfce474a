package fs

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"pail/store"
	"pail/store/fault"
)

// A doer does operations: it fills in what was answered.
type doer interface {
	do(r *linearRun, o *operation)
}

// A sessionDoer is what an S3 client is: its answers wait until mounts know.
type sessionDoer struct {
	se    *store.Session
	mount *Server
}

func (s sessionDoer) do(r *linearRun, o *operation) {
	err := s.ask(r, o)
	switch kind := fault.KindOf(err); kind {
	case fault.None:
	case fault.NoSuchKey:
		o.failed = missing
	case fault.PreconditionFailed:
		o.failed = condition
	case fault.ConditionalRequestConflict:
		o.failed = conflict
	case fault.NoSuchVersion:
		o.failed = notThat
	case fault.MethodNotAllowed:
		o.failed = isMarker
	default:
		o.failed = fmt.Sprintf("%v: %v", kind, err)
	}
	settle(r, o, s.mount)
}

// settle waits until the kernel knows of a change. What was changed through the mount it knows
// at once, unless S3 has changed the same.
func settle(r *linearRun, o *operation, mount *Server) {
	if o.changes() {
		if err := mount.Settle(r.ctx); err != nil {
			o.failed = fmt.Sprint("the mount does not hear of it: ", err)
		}
	}
}

func (s sessionDoer) ask(r *linearRun, o *operation) (err error) {
	key := r.dir + o.key
	made := func(v store.Object, err error) error {
		o.made, o.etag = v.VersionID, v.ETag
		return err
	}
	switch o.op {
	case opPut, opPutNew, opPutIf:
		in := store.PutInput{Body: strings.NewReader(o.body), Size: int64(len(o.body))}
		if in.Conditions.IfMatch = o.match; o.op == opPutNew {
			in.Conditions.IfNoneMatch = "*"
		}
		return made(s.se.Put(r.ctx, r.bucket, key, in))
	case opGet, opGetVersion:
		rd, err := s.se.Get(r.ctx, r.bucket, key, o.id)
		if err != nil {
			return err
		}
		defer rd.Close()
		var b strings.Builder
		_, err = rd.WriteTo(&b)
		o.got = b.String()
		return made(rd.Object(), err)
	case opDelete, opDeleteOld:
		res, err := s.se.Delete(r.ctx, r.bucket, key, store.DeleteOptions{Version: o.id})
		if o.op == opDelete && res.DeleteMarker {
			o.made = res.VersionID
		}
		return err
	case opCopy:
		return made(s.se.Copy(r.ctx, store.Source{Bucket: r.bucket, Key: key}, r.bucket, r.dir+o.to, store.CopyInput{StorageClass: store.StandardClass}))
	case opMove:
		return s.se.RenameObject(r.ctx, r.bucket, key, r.dir+o.to, store.RenameInput{})
	case opList:
		p, err := s.se.List(r.ctx, r.bucket, store.ListInput{Prefix: r.dir, Limit: 100})
		for _, v := range p.Objects {
			if !strings.HasSuffix(v.Key, "/") { // directories are made before
				o.names = append(o.names, strings.TrimPrefix(v.Key, r.dir))
				o.versions = append(o.versions, seenVersion{v.VersionID, v.ETag, false})
			}
		}
		return err
	case opVersions:
		vs, err := s.se.Versions(r.ctx, r.bucket, key)
		for _, v := range vs {
			o.versions = append(o.versions, seenVersion{v.VersionID, v.ETag, v.DeleteMarker})
		}
		return err
	case opSetTags:
		return s.se.SetTags(r.ctx, r.bucket, key, "", map[string]string{"t": o.body})
	case opTags:
		v, err := s.se.Head(r.ctx, r.bucket, key, "")
		o.got = v.Tags["t"]
		return err
	}
	return fault.New(fault.NotSupported, "")
}

// A mountDoer is a process that uses the mount.
type mountDoer struct {
	in    *json.Encoder
	out   *json.Decoder
	mount *Server
}

// startProgram starts a process that does what it is told until the test ends.
func startProgram(t *testing.T, mount *Server) mountDoer {
	t.Helper()
	cmd := childCommand("linear", "")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error("a program that uses the mount:", err)
		}
	})
	return mountDoer{json.NewEncoder(in), json.NewDecoder(out), mount}
}

func (m mountDoer) do(r *linearRun, o *operation) {
	var got answered
	err := m.in.Encode(asked{Op: o.op, Path: r.path + o.key, To: r.path + o.to, Body: o.body})
	if err == nil {
		err = m.out.Decode(&got)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if o.failed, o.got, o.size, o.names = got.Failed, got.Got, got.Size, got.Names; err != nil {
		o.failed = err.Error()
	}
	settle(r, o, m.mount)
}

// A linearRun is one run of a program: in a directory of its own, which holds another one.
type linearRun struct {
	ctx         context.Context
	bucket, dir string // where S3 has it
	path        string // and the mount
	all         *linearOrder
}
