package s3api

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzObjectBodies reads documents as every operation on objects does: whatever comes is read or
// refused.
func FuzzObjectBodies(f *testing.F) {
	f.Add([]byte("<Delete>" + named("a", "&#x1;") + "</Delete>"))
	f.Add([]byte(listed("<Part><PartNumber>1</PartNumber><ETag>x</ETag><ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part>")))
	f.Add([]byte("<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var del deleteRequest
		if chars := hideChars(data); parseXML(chars.data, &del) == nil {
			for _, o := range del.Objects {
				if !utf8.ValidString(chars.show(o.Key)) {
					t.Fatalf("%q names key %q", data, o.Key)
				}
			}
		}
		var done completeRequest
		if parseXML(data, &done) == nil {
			for i := range done.Parts {
				if p, err := done.Parts[i].part(); err == nil && (p.Number < 1 || p.ETag == "" && strings.Trim(done.Parts[i].ETag, "\" \t\r\n") != "") {
					t.Fatalf("%q names part %+v", data, p)
				}
			}
		}
		_, _ = parseTags(data)
	})
}

// FuzzKeysInXML writes a key as it stands in an answer and reads it as it stands in a
// request.
func FuzzKeysInXML(f *testing.F) {
	for _, key := range []string{"a", "a\x00\x01\x1f b", "\U000f0001\x01", "&#x1;", "]]>", "\ufffd", "\ufffe\uffff", "\r\n\t"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if !utf8.ValidString(key) {
			return // it is no key
		}
		doc := "<Delete><Object><Key>" + string(appendEscaped(nil, key)) + "</Key></Object></Delete>"
		chars := hideChars([]byte(doc))
		var req deleteRequest
		if err := parseXML(chars.data, &req); err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		if got := chars.show(req.Objects[0].Key); got != key {
			t.Fatalf("%q is read as %q", key, got)
		}
	})
}

// FuzzCopySource reads sources: one that is read can be written and read again.
func FuzzCopySource(f *testing.F) {
	f.Add("photos/a%20b+c?versionId=null")
	f.Add("/photos/%ff")
	f.Add("arn%3Aaws%3As3%3Aus-east-1%3A000000000000%3Aaccesspoint%2Fway-in%2Fobject%2Fa%2Fobject%2Fb")
	f.Fuzz(func(t *testing.T, v string) {
		src, err := parseCopySource(v)
		if err != nil {
			return
		}
		again := "/" + src.Bucket + "/" + url.QueryEscape(src.Key)
		if src.AccessPoint != "" {
			again = url.QueryEscape(src.AccessPoint) + "/object/" + url.QueryEscape(src.Key)
		}
		if src.Version != "" {
			again += "?versionId=" + src.Version
		}
		if back, err := parseCopySource(again); err != nil || back != src {
			t.Fatalf("%q is %+v, %q is %+v, %v", v, src, again, back, err)
		}
	})
}
