package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"pail/store"
	"pail/store/web/control"
)

// bucketNames suggests buckets.
func bucketNames(ctx context.Context, c *control.Client, _ []string, word string) ([]string, error) {
	return bucketsBegun(ctx, c, word, "")
}

func bucketsBegun(ctx context.Context, c *control.Client, word, ending string) (found []string, err error) {
	err = c.Buckets(ctx, func(b control.Bucket) error {
		if strings.HasPrefix(b.Name, word) {
			found = append(found, b.Name+ending)
		}
		if len(found) >= suggestMost {
			return errEnough
		}
		return nil
	})
	return found, err
}

// liveKeys suggests buckets and then the keys in them, a directory at a time.
func liveKeys(ctx context.Context, c *control.Client, _ []string, word string) ([]string, error) {
	bucket, prefix, ok := strings.Cut(word, "/")
	if !ok {
		return bucketsBegun(ctx, c, word, "/")
	}
	var found []string
	req := control.ListRequest{Bucket: bucket, Prefix: prefix, Limit: suggestMost}
	err := c.List(ctx, req, func(e control.ListEntry) error {
		name := e.Prefix
		if e.Object != nil {
			name = e.Object.Key
		}
		if name != prefix {
			found = append(found, bucket+"/"+name)
		}
		return nil
	})
	return found, err
}

// pastKeys suggests keys that have versions, whether they live or not.
func pastKeys(ctx context.Context, c *control.Client, args []string, word string) ([]string, error) {
	found, err := liveKeys(ctx, c, args, word)
	bucket, prefix, ok := strings.Cut(word, "/")
	if err != nil || !ok {
		return found, err
	}
	req := control.ListVersionsRequest{Bucket: bucket, Prefix: prefix, Limit: 10 * suggestMost}
	err = c.ListVersions(ctx, req, func(o control.Object) error {
		rest := strings.TrimPrefix(o.Key, prefix)
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			rest = rest[:i+1]
		}
		name := bucket + "/" + prefix + rest
		if rest != "" && !slices.Contains(found, name) {
			found = append(found, name)
		}
		if len(found) >= 2*suggestMost {
			return errEnough
		}
		return nil
	})
	slices.Sort(found)
	return found, err
}

// versionsOf suggests the versions of the object that the first argument names: by
// number, and by id for who has begun one.
func versionsOf(ctx context.Context, c *control.Client, args []string, word string) (found []string, err error) {
	if len(args) == 0 {
		return nil, nil
	}
	bucket, key, err := objectArg(args[0])
	if err != nil {
		return nil, err
	}
	who := whoNames{}
	err = c.Versions(ctx, control.ObjectRequest{Bucket: bucket, Key: key}, func(o control.Object) error {
		size := shownSize(o.Size)
		if o.DeleteMarker {
			size = "deleted"
		}
		about := fmt.Sprintf("\t%s, %s, %s", shownTime(o.Modified), size, who.of(o.Who))
		for _, name := range []string{fmt.Sprint(o.Number), o.Version} {
			byNumber := name != o.Version
			if strings.HasPrefix(name, word) && (byNumber || word != "" || name == store.NullVersion) {
				found = append(found, name+about)
			}
		}
		if len(found) >= suggestMost {
			return errEnough
		}
		return nil
	})
	return found, err
}

// tagNames suggests the tags that the first argument has.
func tagNames(ctx context.Context, c *control.Client, args []string, word string) ([]string, error) {
	return tagsBegun(ctx, c, args, word, "")
}

// tagSettings suggests the same to give them another value.
func tagSettings(ctx context.Context, c *control.Client, args []string, word string) ([]string, error) {
	return tagsBegun(ctx, c, args, word, "=")
}

func tagsBegun(ctx context.Context, c *control.Client, args []string, word, ending string) (found []string, err error) {
	bucket, key, err := splitKey(args[0])
	if err != nil {
		return nil, err
	}
	tags, err := c.Tags(ctx, control.ObjectRequest{Bucket: bucket, Key: key})
	for name, value := range tags {
		if strings.HasPrefix(name, word) && !slices.Contains(args[1:], name) {
			found = append(found, name+ending+"\t"+value)
		}
	}
	slices.Sort(found)
	return found, err
}

// settingNames suggests settings, of the bucket that --bucket names if it does.
func settingNames(opts *configOptions) suggester {
	return func(ctx context.Context, c *control.Client, _ []string, word string) (found []string, err error) {
		err = c.Settings(ctx, control.SettingsRequest{Bucket: opts.bucket}, func(s control.Setting) error {
			if strings.HasPrefix(s.Name, word) {
				found = append(found, s.Name+"\t"+s.About)
			}
			return nil
		})
		return found, err
	}
}

// settingValues suggests values of the setting that was named: what can be said, or
// what is.
func settingValues(opts *configOptions) suggester {
	return func(ctx context.Context, c *control.Client, args []string, word string) ([]string, error) {
		s, err := findSetting(ctx, opts, c, args[0])
		if err != nil {
			return nil, err
		}
		values, err := settingLines(s)
		if len(args) == 1 && (string(s.Value) == "true" || string(s.Value) == "false") {
			values = []string{"on", "off"}
		} else if len(args) > 1 && string(s.Value[0]) != "[" {
			values = nil
		}
		return begun(values, word), err
	}
}
