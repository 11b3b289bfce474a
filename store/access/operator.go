package access

import (
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A family is what an operator compares.
type family uint8

const (
	compareString family = iota
	compareFold          // without case
	compareLike
	compareNumber
	compareDate
	compareBool
	compareBinary
	compareIP
	compareARN
	compareNull
)

// A relation is what must hold between a request's value and a policy's.
type relation uint8

const (
	equal relation = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

func (r relation) holds(cmp int) bool {
	switch r {
	case less:
		return cmp < 0
	case lessOrEqual:
		return cmp <= 0
	case greater:
		return cmp > 0
	case greaterOrEqual:
		return cmp >= 0
	}
	return cmp == 0
}

// An operator is a row of the table of "IAM JSON policy elements: Condition operators".
type operator struct {
	name    string
	family  family
	negated bool
	rel     relation
}

var operators = []operator{
	{"StringEquals", compareString, false, equal},
	{"StringNotEquals", compareString, true, equal},
	{"StringEqualsIgnoreCase", compareFold, false, equal},
	{"StringNotEqualsIgnoreCase", compareFold, true, equal},
	{"StringLike", compareLike, false, equal},
	{"StringNotLike", compareLike, true, equal},
	{"NumericEquals", compareNumber, false, equal},
	{"NumericNotEquals", compareNumber, true, equal},
	{"NumericLessThan", compareNumber, false, less},
	{"NumericLessThanEquals", compareNumber, false, lessOrEqual},
	{"NumericGreaterThan", compareNumber, false, greater},
	{"NumericGreaterThanEquals", compareNumber, false, greaterOrEqual},
	{"DateEquals", compareDate, false, equal},
	{"DateNotEquals", compareDate, true, equal},
	{"DateLessThan", compareDate, false, less},
	{"DateLessThanEquals", compareDate, false, lessOrEqual},
	{"DateGreaterThan", compareDate, false, greater},
	{"DateGreaterThanEquals", compareDate, false, greaterOrEqual},
	{"Bool", compareBool, false, equal},
	{"BinaryEquals", compareBinary, false, equal},
	{"IpAddress", compareIP, false, equal},
	{"NotIpAddress", compareIP, true, equal},
	{"ArnEquals", compareARN, false, equal},
	{"ArnLike", compareARN, false, equal},
	{"ArnNotEquals", compareARN, true, equal},
	{"ArnNotLike", compareARN, true, equal},
	{"Null", compareNull, false, equal},
}

func findOperator(name string) *operator {
	for i := range operators {
		if operators[i].name == name {
			return &operators[i]
		}
	}
	return nil
}

// fits tells whether an operator can compare values of a type. Every value has a text, so
// the string operators and BinaryEquals fit all; a date may be given in seconds.
func (op *operator) fits(t KeyType) bool {
	switch op.family {
	case compareNumber:
		return t == Numeric || t == Date
	case compareDate:
		return t == Date
	case compareBool:
		return t == Bool
	case compareIP:
		return t == IPAddress
	case compareARN:
		return t == ARN || t == String
	}
	return true
}

// variables tells whether the operator's values may have variables. For others "$" is no
// number, date, address and so on.
func (op *operator) variables() bool {
	switch op.family {
	case compareString, compareFold, compareLike, compareARN:
		return true
	}
	return false
}

// A value is one of a condition's, in the form that its operator compares.
type value struct {
	text   string // as written
	like   template
	number number
	date   time.Time
	prefix netip.Prefix
	plain  string // of a binary value its bytes, of a bool "true" or "false"
}

func (op *operator) parseValue(text string, variables bool, at string) (v value, err error) {
	v.text = text
	ok := true
	switch op.family {
	case compareString, compareFold:
		v.like, err = parseTemplate(text, variables, false, at)
	case compareLike:
		v.like, err = parseTemplate(text, variables, true, at)
	case compareARN:
		if v.like, err = parseTemplate(text, variables, true, at); err == nil {
			ok = text == "*" || strings.HasPrefix(text, "arn:") && strings.Count(text, ":") >= 5 || strings.HasPrefix(text, "${")
		}
	case compareNumber:
		v.number, ok = parseNumber(text)
	case compareDate:
		v.date, ok = parseDate(text)
	case compareBool, compareNull:
		v.plain = strings.ToLower(text)
		ok = v.plain == "true" || v.plain == "false"
	case compareBinary:
		var b []byte
		b, err := base64.StdEncoding.DecodeString(text)
		v.plain, ok = string(b), err == nil
	case compareIP:
		v.prefix, ok = parsePrefix(text)
	}
	if err == nil && !ok {
		err = malformed(at, "Invalid value for operator %s: %q", op.name, text)
	}
	return v, err
}

// match tells whether a value of the request stands in the operator's relation to one of
// the policy, before negation. It is maybe if that depends on the object, and no with
// void set if a variable of the policy's value has no value.
func (op *operator) match(e *eval, v *value, have string) (t tri, void bool) {
	switch op.family {
	case compareString, compareFold, compareLike, compareARN:
		var buf [256]byte
		g, known := v.like.fill(e, buf[:])
		if known != yes {
			return known, known == no
		}
		return triOf(op.matchText(g, have)), false
	case compareNumber:
		n, ok := parseNumber(have)
		return triOf(ok && op.rel.holds(n.compare(v.number))), false
	case compareDate:
		d, ok := parseDate(have)
		return triOf(ok && op.rel.holds(d.Compare(v.date))), false
	case compareBool:
		return triOf(strings.EqualFold(have, v.plain)), false
	case compareBinary:
		return triOf(have == v.plain), false
	case compareIP:
		a, err := netip.ParseAddr(have)
		return triOf(err == nil && v.prefix.Contains(a.Unmap().WithZone(""))), false
	}
	return no, false
}

func (op *operator) matchText(g glob, have string) bool {
	switch op.family {
	case compareFold:
		return strings.EqualFold(g.plain(), have)
	case compareARN:
		return matchARN(g, have)
	}
	return g.match(have)
}

// matchARN compares the six parts of an ARN one by one.
func matchARN(g glob, have string) bool {
	if g == globMany {
		return true
	}
	for range 5 {
		gp, gr, gok := strings.Cut(string(g), ":")
		hp, hr, hok := strings.Cut(have, ":")
		if !gok || !hok || !glob(gp).match(hp) {
			return false
		}
		g, have = glob(gr), hr
	}
	return g.match(have)
}

// A number is an integer where it is one, so that large ones are compared exactly.
type number struct {
	whole   int64
	float   float64
	integer bool
}

func parseNumber(s string) (n number, ok bool) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return number{i, float64(i), true}, true
	}
	for _, c := range s {
		switch {
		case '0' <= c && c <= '9', c == '.', c == '-', c == '+', c == 'e', c == 'E':
		default:
			return n, false // ParseFloat also takes "inf", "0x1p2" and "1_0"
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	return number{float: f}, err == nil
}

func (n number) compare(m number) int {
	switch {
	case n.integer && m.integer && n.whole < m.whole, !(n.integer && m.integer) && n.float < m.float:
		return -1
	case n.integer && m.integer && n.whole > m.whole, !(n.integer && m.integer) && n.float > m.float:
		return 1
	}
	return 0
}

// dateForms are those of "Date and Time Formats" of the W3C.
var dateForms = [...]string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", "2006-01-02", "2006-01", "2006"}

// parseDate reads a date of ISO 8601 or seconds since 1970. Four digits are a year.
func parseDate(s string) (time.Time, bool) {
	if len(s) != 4 {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return time.Unix(n, 0), true
		}
	}
	for _, form := range dateForms {
		if t, err := time.Parse(form, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// parsePrefix reads an address or a CIDR. An address alone is that address.
func parsePrefix(s string) (netip.Prefix, bool) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return p, false
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, err == nil
}
