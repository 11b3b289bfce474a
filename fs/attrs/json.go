package attrs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"
)

// maxValue is the most bytes that the value of an attribute may have (XATTR_SIZE_MAX).
const maxValue = 64 << 10

// FormatMap writes names and values as AllMeta and AllTags hold them.
func FormatMap(m map[string]string) []byte {
	if m == nil {
		m = map[string]string{}
	}
	return marshal(m)
}

// marshal writes JSON without the escapes that HTML would want.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // strings, numbers and times can be written
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// ParseMap reads what FormatMap writes.
func ParseMap(b []byte) (map[string]string, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("the value must be UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New(`the value must be a JSON object of strings, like {"a":"b"}`)
	}
	m := map[string]string{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		value, err := d.Token()
		if err != nil {
			return nil, err
		}
		text, ok := value.(string)
		if !ok {
			return nil, fmt.Errorf("the value of %q must be a string", name)
		}
		if _, twice := m[name.(string)]; twice {
			return nil, fmt.Errorf("%q comes twice", name)
		}
		m[name.(string)] = text
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return m, nil
}

// A Version is one element of Versions.
type Version struct {
	Number uint64    `json:"number"`
	ID     string    `json:"id"`
	Size   int64     `json:"size"`
	Time   time.Time `json:"time"`
	Who    Who       `json:"who"`
	Marker bool      `json:"marker"` // a delete marker
}

// Who says who made a version.
type Who struct {
	Principal string `json:"principal"`
	UID       uint32 `json:"uid"`
	Door      string `json:"door"`
}

// MostVersions is how many versions FormatVersions may find room for: the least that one
// takes is over 100 bytes.
const MostVersions = maxValue / 100

// older is the last element where there are more versions than fit.
const older = `,{"more":true}`

// FormatVersions writes the newest versions, newest first, as many as fit. more says that
// there are others besides those that were given.
func FormatVersions(newest []Version, more bool) []byte {
	const room = maxValue - len(older) - len("]")
	out := []byte{'['}
	n := 0
	for ; n < len(newest); n++ {
		e := marshal(newest[n])
		if len(out)+len(e)+1 > room {
			break
		}
		if n > 0 {
			out = append(out, ',')
		}
		out = append(out, e...)
	}
	if more || n < len(newest) {
		out = append(out, older...)
	}
	return append(out, ']')
}
