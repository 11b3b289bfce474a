package versioning

// A State says whether a bucket keeps history. Its numbers are stored.
type State uint8

// The states of a bucket.
const (
	Unversioned State = 0 // never had versioning
	Enabled     State = 1
	Suspended   State = 2 // keeps what it has, adds only null versions
)

var stateNames = [...]string{Unversioned: "unversioned", Enabled: "enabled", Suspended: "suspended"}

// String returns the state's name as the command line shows it.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// MarshalText returns the name.
func (s State) MarshalText() ([]byte, error) {
	if int(s) >= len(stateNames) {
		return nil, violation(RuleState, "%d is not a versioning state", uint8(s))
	}
	return []byte(s.String()), nil
}

// UnmarshalText accepts what MarshalText returns.
func (s *State) UnmarshalText(text []byte) error {
	for i, name := range stateNames {
		if name == string(text) {
			*s = State(i)
			return nil
		}
	}
	return violation(RuleState, "%q is not a versioning state (unversioned, enabled or suspended)", text)
}

// Change reports whether a bucket may go from s to another state. Staying is
// allowed. A bucket that ever had versioning can only suspend it; suspending a
// bucket that never had it is allowed, as on AWS.
func (s State) Change(to State) error {
	if int(to) >= len(stateNames) {
		return violation(RuleState, "%d is not a versioning state", uint8(to))
	}
	if to == Unversioned && s != Unversioned {
		return violation(RuleState, "a bucket that has had versioning cannot become unversioned again; suspend it instead")
	}
	return nil
}
