package sigv4

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"pail/store/web/apierror"
)

// Source of this file: sigv4-HTTPPOSTConstructPolicy. A policy is a JSON object with an
// expiration and a list of conditions.

// A policy is what the owner of a key allows to whoever has a form.
type policy struct {
	expiration time.Time
	conditions []condition
}

// A condition is one that a form has to meet. Operators and names of fields are told apart
// without regard to case; values are not.
type condition struct {
	op   string // "eq", "starts-with" or "content-length-range"
	args [2]string
}

const (
	opEqual  = "eq"
	opPrefix = "starts-with"
	opLength = "content-length-range"
)

// String writes a condition as S3 does in the failure of one.
func (c condition) String() string {
	b := []byte(`["` + c.op + `"`)
	for _, arg := range c.args {
		if _, err := strconv.ParseInt(arg, 10, 64); err == nil && c.op == opLength {
			b = append(append(b, ", "...), arg...)
			continue
		}
		b = append(b, `, "`...)
		for i := 0; i < len(arg); i++ {
			if arg[i] == '"' || arg[i] == '\\' {
				b = append(b, '\\')
			}
			b = append(b, arg[i])
		}
		b = append(b, '"')
	}
	return string(append(b, ']'))
}

// parsePolicy parses a policy as a form has it, in base64.
func parsePolicy(encoded string) (p policy, err error) {
	text, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return p, badPolicy("invalid Base64 encoding.")
	}
	var members map[string]json.RawMessage
	if strictJSON(text, &members) != nil || members == nil {
		return p, badPolicy("Invalid JSON.")
	}
	for name := range members {
		if name != "expiration" && name != "conditions" {
			return p, badPolicy("Unexpected: '%s'", strings.ToLower(name))
		}
	}
	if members["expiration"] == nil {
		return p, badPolicy("Policy missing expiration.")
	}
	var expiration string
	if json.Unmarshal(members["expiration"], &expiration) != nil {
		return p, badPolicy("Invalid 'expiration' value: '%s'", members["expiration"])
	}
	if p.expiration, err = time.Parse("2006-01-02T15:04:05Z", expiration); err != nil {
		return p, badPolicy("Invalid 'expiration' value: '%s'", expiration)
	}
	if members["conditions"] == nil {
		return p, badPolicy("Policy missing conditions.")
	}
	var list []json.RawMessage
	if json.Unmarshal(members["conditions"], &list) != nil || list == nil {
		return p, badPolicy("Invalid 'conditions' value: must be a List.")
	}
	for _, raw := range list {
		c, err := parseCondition(raw)
		if err != nil {
			return p, err
		}
		p.conditions = append(p.conditions, c)
	}
	return p, nil
}

// strictJSON decodes one JSON value with nothing behind it; numbers stay as they are written.
func strictJSON(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return badPolicy("Invalid JSON.")
	}
	return nil
}

// parseCondition parses {"name": "value"} or ["operator", ...].
func parseCondition(raw json.RawMessage) (condition, error) {
	var value any
	if strictJSON(raw, &value) != nil {
		return condition{}, badPolicy("Invalid JSON.")
	}
	switch value := value.(type) {
	case map[string]any:
		return simpleCondition(value)
	case []any:
		return listCondition(value)
	}
	return condition{}, badPolicy("Invalid condition test: must be a List or Object.")
}

func simpleCondition(members map[string]any) (condition, error) {
	if len(members) != 1 {
		return condition{}, badPolicy("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
	}
	c := condition{op: opEqual}
	for name, value := range members {
		text, ok := value.(string)
		if value == nil {
			return c, badPolicy("Invalid JSON.")
		}
		if !ok {
			return c, badPolicy("Invalid Simple-Condition: value must be a string.")
		}
		c.args = [2]string{"$" + name, text}
	}
	return c, nil
}

func listCondition(list []any) (condition, error) {
	if len(list) == 0 {
		return condition{}, badPolicy("Invalid Condition: missing operation identifier.")
	}
	op, ok := list[0].(string)
	if !ok {
		return condition{}, badPolicy("Invalid JSON.")
	}
	c := condition{op: strings.ToLower(op)}
	switch c.op {
	case opEqual, opPrefix, opLength:
	default:
		return c, badPolicy("Invalid Condition: unknown operation '%s'.", op)
	}
	if len(list) != 3 {
		return c, badPolicy("Invalid %s: wrong number of arguments.", op)
	}
	for i, arg := range list[1:] {
		switch arg := arg.(type) {
		case string:
			c.args[i] = arg
		case json.Number:
			n, err := strconv.ParseInt(arg.String(), 10, 64)
			if c.op != opLength || err != nil {
				return c, badPolicy("Invalid JSON.")
			}
			if n < 0 {
				return c, badPolicy("Invalid %s: the arguments must not be negative.", op)
			}
			c.args[i] = arg.String()
		default:
			return c, badPolicy("Invalid JSON.")
		}
	}
	return c, nil
}

// check holds a form against the policy, and says how many bytes its file may have; most is
// -1 if the policy does not say it. The names of fields are in lower case.
func (p *policy) check(now time.Time, fields map[string]string, sent []Field) (least, most int64, err error) {
	if !now.Before(p.expiration) {
		return 0, 0, notAllowed("Policy expired.")
	}
	most = -1
	covered := make(map[string]bool)
	for _, c := range p.conditions {
		if c.op == opLength {
			low, err1 := strconv.ParseUint(c.args[0], 10, 63)
			high, err2 := strconv.ParseUint(c.args[1], 10, 63)
			if err1 != nil || err2 != nil {
				return 0, 0, notAllowed("Policy Condition failed: %s", c)
			}
			least = max(least, int64(low))
			if most < 0 || int64(high) < most {
				most = int64(high)
			}
			continue
		}
		name, ok := strings.CutPrefix(strings.ToLower(c.args[0]), "$")
		value, present := fields[name]
		if !ok || !present || !c.holds(name, value) {
			return 0, 0, notAllowed("Policy Condition failed: %s", c)
		}
		covered[name] = true
	}
	var extra []string
	for _, f := range sent {
		if name := strings.ToLower(f.Name); !covered[name] && !exempt(name) && !slices.Contains(extra, f.Name) {
			extra = append(extra, f.Name)
		}
	}
	if !covered["bucket"] && !slices.ContainsFunc(extra, func(s string) bool { return strings.EqualFold(s, "bucket") }) {
		extra = append(extra, "bucket") // the URL's is a field of every form
	}
	if extra != nil {
		return 0, 0, notAllowed("Extra input fields: %s", strings.Join(extra, ", "))
	}
	return least, most, nil
}

// holds says whether a field's value meets the condition. In a Content-Type, a comma
// separates values that each have to begin as the condition says.
func (c condition) holds(name, value string) bool {
	if c.op == opEqual {
		return value == c.args[1]
	}
	if name != "content-type" {
		return strings.HasPrefix(value, c.args[1])
	}
	for part := range strings.SplitSeq(value, ",") {
		if !strings.HasPrefix(strings.TrimSpace(part), c.args[1]) {
			return false
		}
	}
	return true
}

// exempt says whether a field needs no condition. AWS does not name checksums among these;
// they can only make an upload fail, and s3-tests sends one so.
func exempt(name string) bool {
	switch name {
	case "x-amz-signature", "file", "policy", "awsaccesskeyid", "signature":
		return true
	}
	return strings.HasPrefix(name, "x-ignore-") || strings.HasPrefix(name, "x-amz-checksum-")
}

func badPolicy(format string, args ...any) *apierror.Error {
	return apierror.New(apierror.InvalidPolicyDocument, "Invalid Policy: "+format, args...)
}

func notAllowed(format string, args ...any) *apierror.Error {
	return apierror.New(apierror.AccessDenied, "Invalid according to Policy: "+format, args...)
}
