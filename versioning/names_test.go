package versioning_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pail/versioning"
)

func TestCheckBucketName(t *testing.T) {
	for _, name := range []string{"abc", "a.b", "my-bucket.2026", "1.2.3", "1.2.3.4.5", "123", strings.Repeat("a", 63), "a-.-b", "team-an"} {
		if err := versioning.CheckBucketName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	tests := map[string]string{ // name -> what the sentence must say
		"":                      "3 to 63",
		"ab":                    "3 to 63",
		strings.Repeat("a", 64): "3 to 63",
		"Abc":                   "lower-case",
		"a_b":                   "lower-case",
		"a/b":                   "lower-case",
		"bücket":                "lower-case",
		"-abc":                  "begin and end",
		"abc.":                  "begin and end",
		".versions":             "begin and end",
		"a..b":                  "two dots",
		"192.168.5.4":           "IP address",
		"999.999.1.1":           "IP address",
		"xn--abc":               `"xn--"`,
		"sthree-abc":            `"sthree-"`,
		"amzn-s3-demo-bucket":   `"amzn-s3-demo-"`,
		"abc-s3alias":           `"-s3alias"`,
		"abc--ol-s3":            `"--ol-s3"`,
		"abc.mrap":              `".mrap"`,
		"abc--x-s3":             `"--x-s3"`,
		"abc--table-s3":         `"--table-s3"`,
	}
	for name, says := range tests {
		err := versioning.CheckBucketName(name)
		if !errors.Is(err, versioning.RuleBucketName) || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want a sentence with %q", name, err, says)
		}
	}
}

func TestCheckKey(t *testing.T) {
	tests := []struct {
		key  string
		want error
	}{
		{"a", nil}, {"\x00", nil}, {"//", nil}, {"..", nil}, {"ключ/😀", nil}, {strings.Repeat("x", 1024), nil},
		{"", versioning.RuleKeyEmpty},
		{strings.Repeat("x", 1025), versioning.RuleKeyLength},
		{strings.Repeat("é", 513), versioning.RuleKeyLength},
		{"a\xff", versioning.RuleKeyEncoding},
		{"\xed\xa0\x80", versioning.RuleKeyEncoding}, // a surrogate
	}
	for _, tt := range tests {
		if err := versioning.CheckKey(tt.key); !errors.Is(err, tt.want) {
			t.Errorf("%.20q: %v, want %v", tt.key, err, tt.want)
		}
	}
}

func TestCheckTags(t *testing.T) {
	tests := []struct {
		key, value string
		ok         bool
	}{
		{"a", "", true}, {"Projekt Ä 1", "x+-=._:/@ y", true}, {"名前", "値", true},
		{strings.Repeat("k", 128), strings.Repeat("v", 256), true},
		{strings.Repeat("é", 128), strings.Repeat("é", 256), true},
		{"awsome:", "aws:x", true},
		{"", "v", false}, {"aws:x", "v", false}, {"AwS:x", "v", false},
		{strings.Repeat("k", 129), "", false}, {"k", strings.Repeat("v", 257), false},
		{strings.Repeat("𝒳", 65), "", false}, // 130 UTF-16 units
		{"a&b", "", false}, {"k", "a\nb", false}, {"k", "😀", false}, {"k", "\xff", false}, {"k*", "", false},
	}
	for _, tt := range tests {
		err := versioning.CheckTag(tt.key, tt.value)
		long := errors.Is(err, versioning.RuleTagLength)
		if (err == nil) != tt.ok || err != nil && !long && !errors.Is(err, versioning.RuleTag) || long != (len(tt.key)+len(tt.value) > 128 && !tt.ok) {
			t.Errorf("%.20q=%.20q: %v", tt.key, tt.value, err)
		}
	}
	tags := map[string]string{}
	for n := 1; n <= 51; n++ {
		tags[fmt.Sprint("k", n)] = "v"
		if err := versioning.CheckObjectTags(tags); (err == nil) != (n <= 10) || err != nil && !errors.Is(err, versioning.RuleTagCount) {
			t.Errorf("object with %d tags: %v", n, err)
		}
		if err := versioning.CheckBucketTags(tags); (err == nil) != (n <= 50) {
			t.Errorf("bucket with %d tags: %v", n, err)
		}
	}
}

func TestCheckMetadata(t *testing.T) {
	tests := []struct {
		metadata map[string]string
		want     error
	}{
		{nil, nil},
		{map[string]string{"author": "Zoë", "x-1.a_b": ""}, nil},
		{map[string]string{"n": strings.Repeat("v", 2047)}, nil},
		{map[string]string{"n": strings.Repeat("v", 2048)}, versioning.RuleMetadataSize},
		{map[string]string{"": "v"}, versioning.RuleMetadata},
		{map[string]string{"Upper": "v"}, versioning.RuleMetadata},
		{map[string]string{"a b": "v"}, versioning.RuleMetadata},
		{map[string]string{"ä": "v"}, versioning.RuleMetadata},
		{map[string]string{"n": "a\r\nb"}, versioning.RuleMetadata},
		{map[string]string{"n": "\xff"}, versioning.RuleMetadata},
	}
	for _, tt := range tests {
		if err := versioning.CheckMetadata(tt.metadata); !errors.Is(err, tt.want) {
			t.Errorf("%.40v: %v, want %v", tt.metadata, err, tt.want)
		}
	}
}

func TestCheckHeaders(t *testing.T) {
	tests := []struct {
		headers map[string]string
		want    error
	}{
		{nil, nil},
		{map[string]string{"content-type": "text/plain; charset=utf-8", "content-disposition": `attachment; filename="Zoë"`}, nil},
		{map[string]string{"cache-control": strings.Repeat("v", 2048-len("cache-control"))}, nil},
		{map[string]string{"cache-control": strings.Repeat("v", 2049-len("cache-control"))}, versioning.RuleHeaderSize},
		{map[string]string{"content-type": strings.Repeat("v", 1030), "expires": strings.Repeat("v", 1030)}, versioning.RuleHeaderSize},
		{map[string]string{"content-type": "text/plain\r\nx: y"}, versioning.RuleHeader},
		{map[string]string{"content-type": "\xff"}, versioning.RuleHeader},
		{map[string]string{"content-type": "a\x00"}, versioning.RuleHeader},
	}
	for _, tt := range tests {
		if err := versioning.CheckHeaders(tt.headers); !errors.Is(err, tt.want) {
			t.Errorf("%.40v: %v, want %v", tt.headers, err, tt.want)
		}
	}
}
