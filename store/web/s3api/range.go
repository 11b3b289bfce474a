package s3api

import (
	"fmt"
	"strconv"
	"strings"

	"pail/store"
	"pail/store/web/apierror"
)

// parseRange reads a Range header. ok is false if the whole object is to be answered: S3
// takes no notice of a range that it cannot read, of several at once, and of other units
// than bytes (RFC 9110, section 14.2, lets servers do so). A range behind the end is
// InvalidRange.
func parseRange(header string, size int64) (r store.Range, ok bool, err error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	if !ok {
		return r, false, nil
	}
	from, to, ok := strings.Cut(spec, "-")
	if !ok || from != "" && !digits(from) || to != "" && !digits(to) || from == "" && to == "" {
		return r, false, nil
	}
	if from == "" {
		n := number(to)
		if n == 0 || size == 0 {
			return r, false, unsatisfiable(header, size)
		}
		n = min(n, size)
		return store.Range{Off: size - n, Len: n}, true, nil
	}
	first, last := number(from), size-1
	if to != "" {
		last = min(number(to), last)
		if number(to) < first {
			return r, false, nil
		}
	}
	if first >= size {
		return r, false, unsatisfiable(header, size)
	}
	return store.Range{Off: first, Len: last - first + 1}, true, nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// maxNumber stands for every number that is not less.
const maxNumber = 1<<63 - 1

// number is the value of digits; more than an int64 holds is as much as it holds.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return maxNumber
	}
	return n
}

func unsatisfiable(header string, size int64) error {
	return apierror.New(apierror.InvalidRange, "").
		With("RangeRequested", header).With("ActualObjectSize", strconv.FormatInt(size, 10))
}

func contentRange(r store.Range, size int64) string {
	return fmt.Sprintf("bytes %d-%d/%d", r.Off, r.Off+r.Len-1, size)
}
