package storetest

import (
	"slices"
	"strings"

	"pail/store/fault"
)

func listCases() []testCase {
	return []testCase{
		{"listings are in the order of bytes", byteOrder},
		{"directories are prefixes", prefixes},
		{"a key and keys below it", keyAndDirectory},
		{"more than a page", manyKeys},
	}
}

func byteOrder(s *suite) {
	keys := []string{"obj+", "obj-1", "obj.", "obj/a", "obj0", "obj1", "obj~", "Obj", "objé", "obj  x", "obj/b/c"}
	for _, k := range keys {
		s.put(k, k)
	}
	slices.Sort(keys)
	s.lists("", true, keys, nil)
	for _, k := range keys {
		s.has(k, k)
	}
}

func prefixes(s *suite) {
	for _, k := range []string{"a", "dir/a", "dir/b", "dir/sub/c", "dir2/d", "z"} {
		s.put(k, "x")
	}
	s.lists("", false, []string{"a", "z"}, []string{"dir/", "dir2/"})
	s.lists("dir/", false, []string{"dir/a", "dir/b"}, []string{"dir/sub/"})
	s.lists("dir/", true, []string{"dir/a", "dir/b", "dir/sub/c"}, nil)
	s.lists("dir/sub/", false, []string{"dir/sub/c"}, nil)
}

func keyAndDirectory(s *suite) {
	s.put("a", "file")
	s.put("a/b", "below")
	s.has("a", "file")
	s.has("a/b", "below")
	s.lists("", true, []string{"a", "a/b"}, nil)
	s.ok(s.door.Delete(s.ctx, s.bucket, "a", ""))
	s.hasNot("a")
	s.has("a/b", "below")
}

func manyKeys(s *suite) {
	var keys []string
	for i := range 2300 {
		keys = append(keys, "k/"+number(i))
	}
	for _, k := range keys {
		s.put(k, "")
	}
	slices.Sort(keys)
	s.lists("", true, keys, nil)
	s.lists("k/", false, keys, nil)
}

func number(i int) string {
	const digits = "0123456789"
	return string([]byte{digits[i/1000%10], digits[i/100%10], digits[i/10%10], digits[i%10]})
}

func nameCases() []testCase {
	return []testCase{
		{"odd names", oddNames},
		{"names that are too long", longNames},
		{"names that are no text", noText},
	}
}

func oddNames(s *suite) {
	keys := []string{
		"a//b", "/leading", "./a", "../a", "a/./b", "dir/..", "a b", "a+b", "a%20b", "a%2Fb", "?query", "#hash", "a&b=c", "é", "日本語",
		"😀", "\x01\x02", "tab\there", "new\nline", "a\\b", "'quotes\"", ".versions", ".versions/x", "@now", "%pail-x", "%pail-file-x",
		"-rf", "*", "a:b", "~", strings.Repeat("x", 300), strings.Repeat("é", 200) + "/y",
	}
	for _, k := range keys {
		s.put(k, k)
	}
	for _, k := range keys {
		s.has(k, k)
	}
	slices.Sort(keys)
	s.lists("", true, keys, nil)
}

func longNames(s *suite) {
	longest := strings.Repeat(strings.Repeat("d", 100)+"/", 10) + "12345678901234"
	s.put(longest, "x")
	s.has(longest, "x")
	s.fails(s.door.Put(s.ctx, s.bucket, longest+"5", "x", PutOptions{}), fault.KeyTooLong)
}

func noText(s *suite) {
	s.fails(s.door.Put(s.ctx, s.bucket, "a\xff", "x", PutOptions{}), fault.InvalidKey)
}
