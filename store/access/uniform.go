package access

// A Uniformity says whether the decision is the same for all objects below a prefix.
type Uniformity uint8

// The answers.
const (
	AskEach    Uniformity = iota // it differs, or cannot be shown not to
	AllAllowed                   // it is allowed for each
	AllDenied                    // it is denied for each
)

// Uniform says whether Decide would give one answer to all requests that are r but for the
// key behind r.Resource.ARN, which is a prefix here: ObjectARN(bucket, "photos/"). The
// values of keys that are PerObject are not asked for; ObjectACL is not looked at. An
// answer other than AskEach is true of every key with the prefix, of the prefix itself,
// too, and whatever tags, versions and ACLs the objects have.
func Uniform(r *Request) Uniformity {
	low := newEval(r)
	low.below = true
	high := low
	high.hopeful = true
	// What is allowed when every doubt is resolved against the caller is allowed always, and
	// the other way round: Allow statements only ever add to an answer, Deny statements only
	// ever take away.
	if e := high; aclMatters(&e) {
		if _, denied := e.explicitDeny(); denied {
			return AllDenied
		}
		return AskEach
	}
	switch {
	case low.decide().Allowed:
		return AllAllowed
	case !high.decide().Allowed:
		return AllDenied
	}
	return AskEach
}

// aclMatters tells whether the answer may depend on who owns an object and on its ACL.
func aclMatters(e *eval) bool {
	return !e.r.Resource.ACLsDisabled && NeedsObjectACL(e.r.Action)
}
