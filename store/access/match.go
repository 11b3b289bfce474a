package access

// match tells whether a statement applies to the request, for whoever it names, and to the
// resource named by arn.
func (s *Statement) match(e *eval, arn string) tri {
	if !s.names(e) {
		return no
	}
	t := s.covers(e, arn)
	for i := range s.conditions {
		if t == no {
			break
		}
		c, void := s.conditions[i].holds(e)
		if void {
			return no
		}
		t = t.and(c)
	}
	return t
}

// names tells whether the statement's Action or NotAction names the action.
func (s *Statement) names(e *eval) bool {
	if e.act >= 0 {
		return s.s3.has(e.act)
	}
	for i := range s.actions {
		if s.actions[i].glob.match(e.name) {
			return !s.notAction
		}
	}
	return s.notAction
}

// covers tells whether the statement's Resource or NotResource covers an ARN.
func (s *Statement) covers(e *eval, arn string) tri {
	if s.resources == nil {
		return yes
	}
	t, void := no, false
	for i := range s.resources {
		m := s.resources[i].match(e, arn)
		void = void || m == no && s.notRes && s.resources[i].unset(e)
		if t = t.or(m); t == yes {
			break
		}
	}
	if s.notRes {
		if void {
			return no
		}
		return t.not()
	}
	return t
}

// unset tells whether a variable of the pattern has no value: what a NotResource leaves out
// is then not known, and its statement applies to nothing.
func (r *resourcePattern) unset(e *eval) bool {
	if !r.rest.variable() {
		return false
	}
	_, known := r.rest.fill(e, nil)
	return known == no
}

// A found is a statement that applies, and the policy that has it.
type found struct {
	policy    *Policy
	statement *Statement
}

// denied returns a Deny of the policy that applies to the caller.
func (p *Policy) denied(e *eval, arn string) (found, bool) {
	if p == nil || e.act >= 0 && !p.denies.has(e.act) {
		return found{}, false
	}
	for i := range p.statements {
		s := &p.statements[i]
		if !s.Deny || !s.denies(&e.r.Principal) {
			continue
		}
		if t := s.match(e, arn); t == yes || t == maybe && !e.hopeful {
			return found{p, s}, true
		}
	}
	return found{}, false
}

// denies tells whether a Deny is meant for the caller. One that names an account or a role
// is meant for everyone in or behind it.
func (s *Statement) denies(p *Principal) bool {
	switch {
	case s.principal == nil:
		return true
	case s.principal.not:
		return !s.principal.excepts(p)
	}
	return s.principal.match(p) != nobody
}

// allowed returns an Allow of the policy that applies, the one that names the caller most
// closely; of an identity policy that is always direct.
func (p *Policy) allowed(e *eval, arn string) (f found, best who) {
	if p == nil || e.act >= 0 && !p.allows.has(e.act) {
		return f, nobody
	}
	for i := range p.statements {
		s := &p.statements[i]
		if s.Deny {
			continue
		}
		w := direct
		if s.principal != nil {
			w = s.principal.match(&e.r.Principal)
		}
		if w <= best {
			continue
		}
		if t := s.match(e, arn); t == yes || t == maybe && e.hopeful {
			f, best = found{p, s}, w
		}
	}
	return f, best
}

// allowedByAny returns the first Allow among policies that are attached to the caller.
func allowedByAny(ps []*Policy, e *eval, arn string) (found, bool) {
	for _, p := range ps {
		if f, w := p.allowed(e, arn); w != nobody {
			return f, true
		}
	}
	return found{}, false
}
