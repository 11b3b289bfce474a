package storetest

import (
	"pail/store/fault"
	"pail/versioning"
)

func versionCases() []testCase {
	return []testCase{
		{"every put is a version", everyPut},
		{"delete markers", deleteMarkers},
		{"deleting versions", deletingVersions},
		{"suspended versioning", suspended},
		{"unversioned buckets keep nothing", unversioned},
		{"copies of old versions", copyingVersions},
		{"versioning is for good", forGood},
	}
}

func everyPut(s *suite) {
	s.enableVersioning()
	bodies := []string{"one", pattern(200_000), "three"}
	for _, b := range bodies {
		s.put("dir/a", b)
	}
	vs := s.versions("dir/a")
	if len(vs) != 3 {
		s.Fatalf("%d versions", len(vs))
	}
	for i, v := range vs {
		want := bodies[len(bodies)-1-i]
		o, err := s.door.Get(s.ctx, s.bucket, "dir/a", v.ID)
		s.ok(err)
		if o.Body != want || v.Size != int64(len(want)) || v.DeleteMarker {
			s.Fatalf("version %d: %.40q, %+v; want %.40q", i, o.Body, v, want)
		}
	}
	_, err := s.door.Get(s.ctx, s.bucket, "dir/a", "00000000000000000000000001")
	s.fails(err, fault.NoSuchVersion, fault.InvalidVersionID, fault.NoSuchKey)
}

func deleteMarkers(s *suite) {
	s.enableVersioning()
	s.put("a", "one")
	s.ok(s.door.Delete(s.ctx, s.bucket, "a", ""))
	s.hasNot("a")
	s.lists("", true, nil, nil)
	vs := s.versions("a")
	if len(vs) != 2 || !vs[0].DeleteMarker || vs[1].DeleteMarker {
		s.Fatalf("versions %+v", vs)
	}
	s.ok(s.door.Delete(s.ctx, s.bucket, "a", vs[0].ID))
	s.has("a", "one")
	if vs := s.versions("a"); len(vs) != 1 {
		s.Fatalf("versions %+v", vs)
	}
}

func deletingVersions(s *suite) {
	s.enableVersioning()
	for _, b := range []string{"one", "two", "three"} {
		s.put("a", b)
	}
	vs := s.versions("a")
	s.ok(s.door.Delete(s.ctx, s.bucket, "a", vs[1].ID))
	s.has("a", "three")
	s.ok(s.door.Delete(s.ctx, s.bucket, "a", vs[0].ID))
	s.has("a", "one")
	_, err := s.door.Get(s.ctx, s.bucket, "a", vs[1].ID)
	s.fails(err, fault.NoSuchVersion, fault.NoSuchKey)
	s.ok(s.door.Delete(s.ctx, s.bucket, "a", vs[2].ID))
	s.hasNot("a")
	s.lists("", true, nil, nil)
}

func suspended(s *suite) {
	s.put("a", "before")
	s.enableVersioning()
	s.put("a", "versioned")
	s.ok(s.door.SetVersioning(s.ctx, s.bucket, versioning.Suspended))
	s.put("a", "null 1")
	s.put("a", "null 2")
	vs := s.versions("a")
	if len(vs) != 2 || vs[0].ID != "null" {
		s.Fatalf("versions %+v", vs)
	}
	o, err := s.door.Get(s.ctx, s.bucket, "a", vs[1].ID)
	s.ok(err)
	if o.Body != "versioned" {
		s.Fatalf("the version from before is %q", o.Body)
	}
	s.ok(s.door.Delete(s.ctx, s.bucket, "a", ""))
	s.hasNot("a")
	if vs := s.versions("a"); len(vs) != 2 || !vs[0].DeleteMarker || vs[0].ID != "null" {
		s.Fatalf("after deleting: %+v", vs)
	}
}

func unversioned(s *suite) {
	s.put("a", "one")
	s.put("a", "two")
	if vs := s.versions("a"); len(vs) != 1 || vs[0].ID != "null" {
		s.Fatalf("versions %+v", vs)
	}
	s.ok(s.door.Delete(s.ctx, s.bucket, "a", ""))
	s.hasNot("a")
	s.enableVersioning()
	s.put("a", "three")
	if vs := s.versions("a"); len(vs) != 1 || vs[0].ID == "null" {
		s.Fatalf("versions %+v", vs)
	}
}

func copyingVersions(s *suite) {
	s.enableVersioning()
	s.put("a", "one")
	s.put("a", "two")
	old := s.versions("a")[1]
	s.ok(s.door.Copy(s.ctx, s.bucket, "a", old.ID, "a"))
	s.has("a", "one")
	if n := len(s.versions("a")); n != 3 {
		s.Fatalf("%d versions", n)
	}
}

func forGood(s *suite) {
	state, err := s.door.Versioning(s.ctx, s.bucket)
	s.ok(err)
	if state != versioning.Unversioned {
		s.Fatalf("a new bucket is %v", state)
	}
	for _, to := range []versioning.State{versioning.Enabled, versioning.Suspended, versioning.Enabled} {
		s.ok(s.door.SetVersioning(s.ctx, s.bucket, to))
		state, err := s.door.Versioning(s.ctx, s.bucket)
		s.ok(err)
		if state != to {
			s.Fatalf("%v became %v", to, state)
		}
	}
}
