package access

// check refuses what a statement of a resource policy says and what could never take
// effect, in S3's words. An identity policy may name what does not go together, as in AWS:
// it takes no effect there either.
func (s *Statement) check(kind Kind, o *Options) error {
	if s.principal != nil && s.principal.not && !s.Deny {
		return malformed(s.at("NotPrincipal"), "Allow with NotPrincipal is not allowed: it would allow everyone else, anonymous callers, too")
	}
	if s.principal != nil && s.principal.not && kind == TrustPolicy {
		return malformed(s.at("NotPrincipal"), "AssumeRole policy must not contain NotPrincipal field")
	}
	if s.principal != nil && s.principal.not && s.principal.everyone {
		return malformed(s.at("NotPrincipal"), "Invalid principal in policy: NotPrincipal \"*\" leaves nobody to deny")
	}
	if kind != BucketPolicy && kind != AccessPointPolicy {
		return nil
	}
	for i := range s.resources {
		if !s.resources[i].belongs(kind, o) {
			return malformed(s.at("Resource"), "Policy has invalid resource: %q is not of this %s", s.resources[i].text, kind)
		}
	}
	var types resourceType
	for i := range s.resources {
		types |= s.resources[i].types()
	}
	if s.notRes {
		types = onBucket | onObject | onAccessPoint | onPointObject
	}
	for i := range s.actions {
		if err := s.checkPair(&s.actions[i], types); err != nil {
			return err
		}
	}
	return nil
}

// checkPair refuses an action that is none of S3, that is done to nothing the statement
// names, or that never has one of the condition keys. A wildcard need only name one action
// that is right.
func (s *Statement) checkPair(a *actionPattern, types resourceType) error {
	set := matchActions([]actionPattern{*a})
	if set == (actionSet{}) {
		return malformed(s.at("Action"), "Policy has invalid action: S3 has no %q", a.text)
	}
	if s.notAction {
		return nil
	}
	var usable []int
	for i := range actions {
		if set.has(i) && actions[i].on&types != 0 {
			usable = append(usable, i)
		}
	}
	if len(usable) == 0 {
		return malformed(s.at("Action"), "Action does not apply to any resource(s) in statement: %q", a.text)
	}
	for i := range s.conditions {
		k := s.conditions[i].key
		ok := false
		for _, j := range usable {
			ok = ok || k.appliesTo(j)
		}
		if !ok {
			return malformed(s.at("Condition"), "Conditions do not apply to combination of actions and resources in statement: %s has no %s", a.text, k.Name)
		}
	}
	return nil
}
