package trail

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// A Place says where a trail keeps its files in a bucket, as "Finding your CloudTrail log
// files" has it.
type Place struct {
	Prefix  string // without a slash at its end; "": none
	Account string
	Region  string
	Trail   string // the trail's name
}

func (p Place) dir(what string) string {
	dir := "AWSLogs/" + p.Account + "/" + what + "/" + p.Region + "/"
	if p.Prefix != "" {
		dir = p.Prefix + "/" + dir
	}
	return dir
}

// Logs is the prefix of all log files.
func (p Place) Logs() string { return p.dir("CloudTrail") }

// Digests is the prefix of all digest files.
func (p Place) Digests() string { return p.dir("CloudTrail-Digest") }

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// NewLog is a key for a log file that is delivered at a time; no other has it.
func (p Place) NewLog(at time.Time) string {
	unique := make([]byte, 16)
	for i := range unique {
		unique[i] = letters[rand.IntN(len(letters))]
	}
	at = at.UTC()
	return p.Logs() + at.Format("2006/01/02/") + fmt.Sprintf("%s_CloudTrail_%s_%s_%s.json.gz", p.Account, p.Region, at.Format("20060102T1504Z"), unique)
}

// NewDigest is the key of the digest file of the time that ends at a time.
func (p Place) NewDigest(end time.Time) string {
	end = end.UTC()
	return p.Digests() + end.Format("2006/01/02/") + fmt.Sprintf("%s_CloudTrail-Digest_%s_%s_%s_%s.json.gz", p.Account, p.Region, p.Trail, p.Region, end.Format("20060102T150405Z"))
}

// CheckName says what is wrong with the name of a trail: 3 to 128 letters, digits, periods,
// underscores and dashes, which begin with a letter or a digit, end so too, and do not look
// like an address (CreateTrail in the CloudTrail API Reference).
func CheckName(name string) error {
	alnum := func(c byte) bool { return strings.IndexByte(letters, c) >= 0 }
	bad := len(name) < 3 || len(name) > 128 || !alnum(name[0]) || !alnum(name[len(name)-1])
	for i := 1; i < len(name) && !bad; i++ {
		mark := !alnum(name[i])
		bad = mark && strings.IndexByte("._-", name[i]) < 0 || mark && !alnum(name[i-1])
	}
	if bad {
		return fmt.Errorf("%q is no name of a trail: 3 to 128 letters, digits, and single periods, underscores and dashes between them", name)
	}
	return nil
}

// Compose joins records to the contents of a log file.
func Compose(records [][]byte) []byte {
	var b bytes.Buffer
	b.WriteString(`{"Records":[`)
	for i, r := range records {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(r)
	}
	b.WriteString("]}")
	return b.Bytes()
}

// Pack compresses the contents of a file.
func Pack(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
}

// maxUnpacked is more than any file of ours has: what unpacks to more is none of them.
const maxUnpacked = 1 << 30

// Unpack is the contents of a packed file.
func Unpack(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(r, maxUnpacked+1))
	if err == nil && len(out) > maxUnpacked {
		err = errors.New("it is too large")
	}
	return out, err
}

// Split takes the contents of a log file apart into the bytes of its records.
func Split(b []byte) ([][]byte, error) {
	var file struct{ Records []json.RawMessage }
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, err
	}
	out := make([][]byte, len(file.Records))
	for i, r := range file.Records {
		out[i] = r
	}
	return out, nil
}

// idOf is the eventID of a record, as far as it can be read.
func idOf(record []byte) string {
	var r struct {
		EventID   string
		EventName string
		EventTime string
	}
	if json.Unmarshal(record, &r) != nil || r.EventID == "" {
		return "a record without an id"
	}
	return fmt.Sprintf("%s (%s at %s)", r.EventID, r.EventName, r.EventTime)
}

// Compare says what was done to the records of a file whose short hashes were these: which
// were changed, are missing or were added, one sentence each. Of records that only changed
// places it says that.
func Compare(shorts string, records [][]byte) []string {
	raw, err := base64.StdEncoding.DecodeString(shorts)
	if err != nil || len(raw)%shortSize != 0 {
		return nil
	}
	var want [][shortSize]byte
	for ; len(raw) > 0; raw = raw[shortSize:] {
		want = append(want, [shortSize]byte(raw))
	}
	have := make([][shortSize]byte, len(records))
	left := map[[shortSize]byte]int{}
	for i, r := range records {
		sum := sha256.Sum256(r)
		have[i] = [shortSize]byte(sum[:])
		left[have[i]]++
	}
	there := make([]bool, len(want))
	for i, w := range want {
		if left[w] > 0 {
			left[w]--
			there[i] = true
		}
	}
	var out []string
	at := 0
	// Between records that are as they were stand those of which something is to be told.
	for i := 0; i <= len(want); {
		var gone int
		for i+gone < len(want) && !there[i+gone] {
			gone++
		}
		var strange int
		for at+strange < len(have) && (i+gone == len(want) || have[at+strange] != want[i+gone]) && left[have[at+strange]] > 0 {
			left[have[at+strange]]--
			strange++
		}
		for n := range max(gone, strange) {
			switch {
			case n < gone && n < strange:
				out = append(out, fmt.Sprintf("record %d of %d was changed: now it is %s", i+n+1, len(want), idOf(records[at+n])))
			case n < gone:
				out = append(out, fmt.Sprintf("record %d of %d is missing%s", i+n+1, len(want), between(records, at+strange)))
			default:
				out = append(out, fmt.Sprintf("%s was added before record %d of %d", idOf(records[at+n]), i+gone+1, len(want)))
			}
		}
		i, at = i+gone+1, at+strange+1
	}
	if len(out) == 0 {
		out = append(out, "its records are not as they were written, or not in their order")
	}
	return out
}

// between names the neighbours of a record that is missing.
func between(records [][]byte, at int) string {
	switch {
	case at > 0 && at < len(records):
		return fmt.Sprintf(": it stood between %s and %s", idOf(records[at-1]), idOf(records[at]))
	case at < len(records):
		return ": it stood before " + idOf(records[at])
	case at > 0 && at <= len(records):
		return ": it stood behind " + idOf(records[at-1])
	}
	return ""
}
