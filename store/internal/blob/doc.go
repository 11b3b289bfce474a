// Package blob keeps contents on disk: files that hold bytes, their checksums,
// and the extents that make contents of them. It knows no bucket, no key and no
// record; which blobs a version needs is for the store to remember.
package blob
