// Package names maps the keys of a bucket to paths on the mount and back. Every key
// has exactly one path, every path at most one key, and names that POSIX can carry
// are untouched.
//
// Words: a key is *segments* joined by "/". All but the last name directories; the
// last names an object, and if it is empty ("a/") the object is the directory's *body*
// and shows as a file in it. A *component* is one name on the mount. A component
// that begins with "%pail-" is *escaped*. An object is *shadowed* while a directory
// of the same key plus "/" exists: the directory has the plain name then.
//
//	key              what                              path
//	a/b              ordinary                          a/b
//	a/b              shadowed by a directory a/b/      a/%pail-file-b
//	a//b             an empty segment                  a/%pail-dir-/b
//	a/               the body of a/                    a/%pail-file-
//	a/../b           a segment POSIX keeps for itself  a/%pail-dir-../b
//	a/.              likewise                          a/%pail-file-.
//	a/.versions      a name the mount keeps            a/%pail-file-.versions
//	x<NUL>y%         a character POSIX cannot carry    %pail-file-x%0y%%
//	%pail-x          looks escaped                     %pail-file-%%pail-x
//	<300 x's>        over 255 bytes                    %pail-part-<122 x's>/%pail-file-<178 x's>
//	100%, %20, a:b   ordinary, whatever they look like 100%, %20, a:b
//
// An escaped component is a word (dir, file, part; name inside .versions) and the
// segment, in which "%" is written "%%" and NUL "%0". Where that has more than 255
// bytes, the longest beginning of the segment that has at most 122 bytes and ends
// between two characters goes into a part component, and the rest below it likewise.
// (122, because escaping at most doubles it, and because cutting by unescaped length
// keeps the segments of one part from standing between those of another in byte order.)
// There is one spelling: what this package would not write, it does not read.
//
// # How fs uses it
//
// Each directory node has a Place: Root of a bucket, or what Target.Enter returned.
//
// LOOKUP, UNLINK, RMDIR, RENAME's source: t, err := place.Resolve(name), then
//   - t.Kind History: the .versions directory of place.Dir.
//   - t.Kind Part: a directory that always exists by name, has no record, and is
//     listed only while something is in it. So a tree with long names can be copied
//     back without ceremony. mkdir of it answers EEXIST, rmdir succeeds if empty.
//   - otherwise look place.Dir and t.Segment up in the store once and let
//     t.Pick(entry.Dir != nil, entry.Object != nil) say which of the two is meant.
//     Not ok is ENOENT. The body of a directory counts as an object only if it is not
//     empty: an empty one is the directory itself.
//
// CREATE, MKNOD, SYMLINK, MKDIR, RENAME's target: place.ResolveNew, which answers
// EINVAL where Resolve answers ENOENT. t.Creates says whether the kind fits.
//
// READDIR: for each entry of the store in byte order, place.Component for the
// directory (Dir), then for the object (File, shadowed if there is a directory too).
// A part comes once per segment: remember the last one and skip repeats. Segments that
// need no part may stand between those of one part, another part never does.
// In a part, begin after place.Pending and stop where segments no longer begin with
// it. In .versions, use place.Versions() and kind Name; there a component that begins
// with "@" is a moment, and a segment that does so is escaped.
//
// When a directory appears beside an object (S3 PUT of a/b/c while a/b exists) or
// goes, the object's component changes: drop the kernel's entries for both names,
// place.Component(segment, File, false) and (segment, File, true).
//
// Errors are of package fault: InvalidKey (EILSEQ) for what is not UTF-8,
// NameTooLong for a component over 255 bytes (the kernel lets up to 1024 through),
// KeyTooLong for a key over 1024 bytes, NoSuchKey or InvalidArgument for what is not
// the one spelling. All functions are pure and safe for concurrent use.
package names
