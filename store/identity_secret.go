package store

import (
	"context"
	"strings"
	"sync"

	"pail/store/fault"
	"pail/store/iam"
	"pail/store/internal/meta/record"
	"pail/store/internal/meta/table"
)

// tokens are the secrets that session tokens are sealed with, and the tokens that were
// opened lately: each request with temporary credentials brings its own.
type tokens struct {
	mu      sync.Mutex // guards what follows
	secrets map[string]iam.Secret
	current string // id of the secret that new tokens are sealed with; "": there is none yet
	opened  map[string]*iam.Temporary
}

// tokensKept is how many opened tokens are remembered; opening one again costs some tens of
// microseconds.
const tokensKept = 4096

// loadSecrets takes what of the identities is no item.
func (s *Store) loadSecrets(records []*record.Identity) {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	s.tokens.secrets, s.tokens.current, s.tokens.opened = map[string]iam.Secret{}, "", map[string]*iam.Temporary{}
	newest := int64(0)
	for _, r := range records {
		switch {
		case r.GetSecret() != nil:
			sec := r.GetSecret()
			s.tokens.secrets[sec.Id] = iam.Secret{ID: sec.Id, Key: sec.Key}
			if s.tokens.current == "" || sec.CreatedNs > newest {
				s.tokens.current, newest = sec.Id, sec.CreatedNs
			}
		case r.GetLastUse() != nil:
			s.uses.load(r.GetLastUse())
		}
	}
}

// checkIdentityRest says what is wrong with an identity that is no item, "" if nothing is.
func checkIdentityRest(id string, r *record.Identity) string {
	own := ""
	switch {
	case r.GetSecret() != nil:
		own = r.GetSecret().Id
		if bad := (iam.Secret{ID: own, Key: r.GetSecret().Key}).Check(); bad != "" {
			return bad
		}
	case r.GetLastUse() != nil:
		own = r.GetLastUse().Id
	}
	if own != id {
		return "it says that it is another one"
	}
	return ""
}

// secret is what new tokens are sealed with. It is made when it is first needed.
func (s *Store) secret(ctx context.Context, who author) (iam.Secret, error) {
	now := func() (iam.Secret, bool) {
		s.tokens.mu.Lock()
		defer s.tokens.mu.Unlock()
		sec, ok := s.tokens.secrets[s.tokens.current]
		return sec, ok
	}
	if sec, ok := now(); ok {
		return sec, nil
	}
	var out iam.Secret
	_, err := s.update(ctx, who, durable, func(t *txn) error {
		if sec, ok := now(); ok {
			out = sec
			return nil // somebody else was faster
		}
		sec := iam.NewSecret()
		out = sec
		t.onMerged(func() {
			s.tokens.mu.Lock()
			defer s.tokens.mu.Unlock()
			s.tokens.secrets[sec.ID], s.tokens.current = sec, sec.ID
		})
		return t.put(table.Identity(table.IdentitySecret, sec.ID), &record.Identity{Schema: record.Schema, What: &record.Identity_Secret{
			Secret: &record.IdentitySecret{Id: sec.ID, Key: sec.Key, CreatedNs: t.now().UnixNano()},
		}})
	})
	return out, err
}

// Temporary returns the temporary credentials that a session token carries. It reads memory
// only. It is for who checks signatures: that the sender knows the secret is yet to be
// proved. The kinds of failure: InvalidToken, ExpiredToken.
func (s *Store) Temporary(token string) (*iam.Temporary, error) {
	s.tokens.mu.Lock()
	t := s.tokens.opened[token]
	s.tokens.mu.Unlock()
	if t == nil {
		opened, err := iam.OpenToken(token, func(id string) (iam.Secret, bool) {
			s.tokens.mu.Lock()
			defer s.tokens.mu.Unlock()
			sec, ok := s.tokens.secrets[id]
			return sec, ok
		})
		if err != nil {
			return nil, fault.New(fault.InvalidToken, "%v", err)
		}
		t = opened
		s.tokens.mu.Lock()
		if len(s.tokens.opened) >= tokensKept {
			clear(s.tokens.opened)
		}
		s.tokens.opened[strings.Clone(token)] = t // the header of a request must not be held by it
		s.tokens.mu.Unlock()
	}
	if !s.now().Before(t.Expires) {
		return nil, fault.New(fault.ExpiredToken, "")
	}
	return t, nil
}

// PrincipalOfTemporary is for whom temporary credentials act.
func (s *Store) PrincipalOfTemporary(t *iam.Temporary) Principal {
	return Principal{Account: t.Account, ARN: t.ARN(s.identities()), ID: t.Of, Temporary: t}
}
