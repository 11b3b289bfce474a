package web

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"pail/store/web/apierror"
)

// Limits say how much one client may ask for. The zero Limits are none.
type Limits struct {
	// PerAddress and PerKey are how many requests a second an address, and an access key, may
	// send, as many at once; 0: any number. Of IPv6 an address is a network of 64 bits,
	// which is what one subscriber has. Clients by sockets in the filesystem have no limit.
	PerAddress, PerKey float64
}

// maxMeters is how many clients are told apart. Should there be more at one time, those that
// come share one meter.
const maxMeters = 1 << 16

// meters are the rates of clients. What has asked for nothing for so long that it might ask
// for all it may again is forgotten.
type meters[K comparable] struct {
	limit rate.Limit
	most  int // told apart; 0: maxMeters

	mu     sync.Mutex // guards what follows
	of     map[K]*rate.Limiter
	rest   *rate.Limiter
	pruned time.Time
}

func newMeters[K comparable](perSecond float64) *meters[K] {
	m := &meters[K]{limit: rate.Limit(perSecond), most: maxMeters, of: map[K]*rate.Limiter{}}
	m.rest = m.meter()
	return m
}

// meter lets as many requests pass at once as pass in a second, and at least one.
func (m *meters[K]) meter() *rate.Limiter { return rate.NewLimiter(m.limit, max(1, int(m.limit))) }

// allow counts a request of k and says whether it is within the limit.
func (m *meters[K]) allow(k K, now time.Time) bool {
	if m.limit == 0 {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.of[k]
	if l == nil {
		m.prune(now)
		if l = m.rest; len(m.of) < m.most {
			l = m.meter()
			m.of[k] = l
		}
	}
	return l.AllowN(now, 1)
}

// prune forgets full meters, once a second at most. mu is held.
func (m *meters[K]) prune(now time.Time) {
	if now.Sub(m.pruned) < time.Second {
		return
	}
	m.pruned = now
	for k, l := range m.of {
		if l.TokensAt(now) >= float64(l.Burst()) {
			delete(m.of, k)
		}
	}
}

// meteredIP is what counts as one address.
func meteredIP(a netip.Addr) netip.Addr {
	if a.Is6() {
		n, _ := a.Prefix(64) // of an address without a zone it is known
		return n.Addr()
	}
	return a
}

// Failed signatures.
const (
	// freeFailures is how many signatures in a row may fail of one address for one key.
	freeFailures = 10
	// leastBackOff is how long the next one is refused whatever it is; each further failure
	// doubles it, up to mostBackOff.
	leastBackOff, mostBackOff = time.Second, time.Minute
	// forgiven is after how long without a failure all is well again.
	forgiven = 10 * time.Minute
)

// A suspect is an address and the access key as whose holder it signs. Neither others at the
// address nor the holder elsewhere are held up by its guesses.
type suspect struct {
	ip  netip.Addr
	key string
}

type failures struct {
	n           int
	until, last time.Time
}

// A backOff makes guessing of signatures slow.
type backOff struct {
	mu     sync.Mutex // guards what follows
	of     map[suspect]*failures
	pruned time.Time
}

// admits says whether a suspect whose signature fits does not have to wait. What failed before
// is forgotten then.
func (b *backOff) admits(s suspect, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.of[s]
	if f != nil && now.Before(f.until) {
		return false
	}
	if f != nil {
		delete(b.of, s)
	}
	return true
}

// failed counts a signature that does not fit, and says whether the suspect had to wait even
// before it.
func (b *backOff) failed(s suspect, now time.Time) (held bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.of[s]
	if f != nil && now.Sub(f.last) > forgiven {
		f = nil
	}
	if f == nil {
		b.prune(now)
		if b.of == nil {
			b.of = map[suspect]*failures{}
		}
		f = &failures{}
		b.of[s] = f
	}
	if now.Before(f.until) {
		return true
	}
	f.n++
	f.last = now
	if over := f.n - freeFailures; over >= 0 {
		wait := mostBackOff
		if over < 6 {
			wait = leastBackOff << over
		}
		f.until = now.Add(wait)
	}
	return false
}

// prune forgets what is forgiven and, should there be too many left, some of the others: who
// commands so many addresses has as many guesses as that. mu is held.
func (b *backOff) prune(now time.Time) {
	if full := len(b.of) >= maxMeters; !full && now.Sub(b.pruned) < time.Minute {
		return
	}
	b.pruned = now
	for s, f := range b.of {
		if now.Sub(f.last) > forgiven {
			delete(b.of, s)
		}
	}
	for s := range b.of {
		if len(b.of) < maxMeters {
			return
		}
		delete(b.of, s)
	}
}

// guards keep clients within limits.
type guards struct {
	addresses *meters[netip.Addr]
	keys      *meters[string]
	backOff   backOff
}

func newGuards(l Limits) *guards {
	return &guards{addresses: newMeters[netip.Addr](l.PerAddress), keys: newMeters[string](l.PerKey)}
}

var errSlowDown = apierror.New(apierror.SlowDown, "")

// enter refuses a request of an address that sends too many.
func (g *guards) enter(c Client, now time.Time) error {
	if c.IP.IsValid() && !g.addresses.allow(meteredIP(c.IP), now) {
		return errSlowDown
	}
	return nil
}

// known refuses a request whose signature fits: of a key that sends too many, or from where
// too many of its signatures did not fit.
func (g *guards) known(c Client, accessKey string, now time.Time) error {
	if accessKey == "" {
		return nil
	}
	if !g.backOff.admits(suspect{meteredIP(c.IP), accessKey}, now) || !g.keys.allow(accessKey, now) {
		return errSlowDown
	}
	return nil
}

// unknown counts what failed because of its signature. It returns the failure to tell, which
// says nothing of the signature if the sender has to wait.
func (g *guards) unknown(c Client, err error, now time.Time) error {
	var e *apierror.Error
	if !errors.As(err, &e) {
		return err
	}
	if e.Code != apierror.SignatureDoesNotMatch { // of a key that there is not nothing can be guessed
		return err
	}
	s := suspect{ip: meteredIP(c.IP)}
	for _, d := range e.Details {
		if d.Name == "AWSAccessKeyId" {
			s.key = d.Value
		}
	}
	if g.backOff.failed(s, now) {
		return errSlowDown
	}
	return err
}
