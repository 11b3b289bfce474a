package control

import (
	"context"

	"pail/store"
)

// pageSize is how many entries a listing reads at a time: enough that a page's
// fixed cost does not show, little enough that a page is never felt in memory.
const pageSize = 1000

func list(ctx context.Context, c *call, req ListRequest) error {
	se := c.session()
	in := store.ListInput{Prefix: req.Prefix, StartAfter: req.StartAfter}
	if !req.Recursive {
		in.Delimiter = "/"
	}
	read := func() (store.ListPage, error) { return se.List(ctx, req.Bucket, in) }
	if req.At != nil {
		at, err := momentAt(ctx, se, req.Bucket, *req.At)
		if err != nil {
			return err
		}
		read = func() (store.ListPage, error) { return se.ListAt(ctx, req.Bucket, at, in) }
	}
	left := remaining(req.Limit)
	for {
		in.Limit = left.page()
		page, err := read()
		if err != nil {
			return err
		}
		if err := sendPage(c.out, page); err != nil {
			return err
		}
		left.use(len(page.Objects) + len(page.Prefixes))
		if !page.Truncated || left.none() {
			return nil
		}
		in.StartAfter = page.Next
	}
}

// sendPage merges the two ordered halves of a page.
func sendPage(out *frameWriter, page store.ListPage) error {
	objects, prefixes := page.Objects, page.Prefixes
	for len(objects) > 0 || len(prefixes) > 0 {
		var e ListEntry
		if len(prefixes) == 0 || len(objects) > 0 && objects[0].Key < prefixes[0] {
			e.Object, objects = objectOf(objects[0]), objects[1:]
		} else {
			e.Prefix, prefixes = prefixes[0], prefixes[1:]
		}
		if err := out.item(e); err != nil {
			return err
		}
	}
	return nil
}

func listVersions(ctx context.Context, c *call, req ListVersionsRequest) error {
	se := c.session()
	in := store.ListVersionsInput{Prefix: req.Prefix}
	left := remaining(req.Limit)
	for {
		in.Limit = left.page()
		page, err := se.ListVersions(ctx, req.Bucket, in)
		if err != nil {
			return err
		}
		for _, v := range page.Versions {
			if err := c.out.item(objectOf(v)); err != nil {
				return err
			}
		}
		left.use(len(page.Versions))
		if !page.Truncated || left.none() {
			return nil
		}
		in.KeyMarker, in.VersionMarker = page.NextKey, page.NextVersion
	}
}

// An allowance counts what a listing may still send; negative is without end.
type allowance struct{ n int }

func remaining(limit int) *allowance {
	if limit <= 0 {
		return &allowance{-1}
	}
	return &allowance{limit}
}

func (a *allowance) page() int {
	if a.n < 0 || a.n > pageSize {
		return pageSize
	}
	return a.n
}

func (a *allowance) use(n int) {
	if a.n > 0 {
		a.n = max(0, a.n-n)
	}
}

func (a *allowance) none() bool { return a.n == 0 }
