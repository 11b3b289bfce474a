package versioning

import "fmt"

// A Rule is a kind of rule that input can break. It is the target for errors.Is.
type Rule uint8

// The rules. The store translates each into its kind of failure.
const (
	RuleState        Rule = iota + 1 // no such change of a bucket's versioning
	RuleVersionID                    // not a version id or number
	RuleRestore                      // this version cannot be made current
	RuleTime                         // not a time expression
	RuleBucketName                   // S3's rules for bucket names
	RuleKeyEmpty                     // a key has at least one byte
	RuleKeyLength                    // and at most 1024
	RuleKeyEncoding                  // and is UTF-8
	RuleTag                          // one tag's key or value
	RuleTagLength                    // how long they are
	RuleTagCount                     // how many tags
	RuleMetadata                     // one name or value of user metadata
	RuleMetadataSize                 // all of it together
	RuleHeader                       // one header that is kept with an object
	RuleHeaderSize                   // all of them together

	RuleLifecycle           // a value in a lifecycle
	RuleLifecycleForm       // the shape of a lifecycle
	RuleLifecycleRequest    // what a lifecycle combines
	RuleLifecycleTransition // one storage tier has no transitions

	RuleLock            // a lock keeps the version, or its retention, as it is
	RuleRetention       // the shape of a retention
	RuleRetentionPast   // its date has passed
	RuleRetentionPeriod // how long a default one is
)

var ruleNames = [...]string{
	RuleState: "versioning state", RuleVersionID: "version id", RuleRestore: "restore",
	RuleTime: "time", RuleBucketName: "bucket name", RuleKeyEmpty: "empty key",
	RuleKeyLength: "key length", RuleKeyEncoding: "key encoding", RuleTag: "tag",
	RuleTagLength: "length of a tag", RuleTagCount: "number of tags", RuleMetadata: "user metadata",
	RuleMetadataSize: "size of user metadata", RuleHeader: "header", RuleHeaderSize: "size of headers",
	RuleLifecycle: "lifecycle", RuleLifecycleForm: "shape of a lifecycle",
	RuleLifecycleRequest: "combinations in a lifecycle", RuleLifecycleTransition: "lifecycle transitions",
	RuleLock: "Object Lock", RuleRetention: "shape of a retention", RuleRetentionPast: "date of a retention",
	RuleRetentionPeriod: "period of a default retention",
}

// Error names the rule.
func (r Rule) Error() string {
	if int(r) < len(ruleNames) && ruleNames[r] != "" {
		return "rule of " + ruleNames[r]
	}
	return "unknown rule"
}

// A Violation is the one error type of this package.
type Violation struct {
	Rule     Rule
	Sentence string // says what is wrong and which rule says so
	// Key is that of the tag that breaks RuleTag or RuleTagLength. Value is the tag's value,
	// if it is that which breaks it.
	Key, Value string
	// Size is in bytes, of what breaks RuleMetadataSize or RuleHeaderSize.
	Size int
}

// Error returns the sentence.
func (v *Violation) Error() string { return v.Sentence }

// Is reports whether target is v's Rule.
func (v *Violation) Is(target error) bool {
	r, ok := target.(Rule)
	return ok && r == v.Rule
}

func violation(rule Rule, format string, args ...any) *Violation {
	return &Violation{Rule: rule, Sentence: fmt.Sprintf(format, args...)}
}

// of returns the violation with the tag that it is of.
func (v *Violation) of(key, value string) *Violation {
	v.Key, v.Value = key, value
	return v
}

// sized returns the violation with the size of what is too large.
func (v *Violation) sized(size int) *Violation {
	v.Size = size
	return v
}
