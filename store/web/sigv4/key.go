package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"strings"
	"sync"
)

// A signingKey is what one secret signs with on one day, in one region, for one service.
type signingKey struct {
	secret string    // of which it was derived; a key may get another
	macs   sync.Pool // of hash.Hash: HMACs under the key, whose first blocks are computed
}

// newSigningKey derives a key by the four HMACs of the documentation.
func newSigningKey(secret, day, region, service string) *signingKey {
	sum := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	key := sum([]byte("AWS4"+secret), day)
	key = sum(key, region)
	key = sum(key, service)
	key = sum(key, terminator)
	k := &signingKey{secret: strings.Clone(secret)}
	k.macs.New = func() any { return hmac.New(sha256.New, key) }
	return k
}

// sign appends the signature of text to dst, in hexadecimal.
func (k *signingKey) sign(dst, text []byte) []byte {
	h := k.macs.Get().(hash.Hash)
	h.Reset()
	h.Write(text)
	var sum [sha256.Size]byte
	dst = appendHex(dst, h.Sum(sum[:0]))
	k.macs.Put(h)
	return dst
}

const lowerHex = "0123456789abcdef"

func appendHex(dst, b []byte) []byte {
	for _, c := range b {
		dst = append(dst, lowerHex[c>>4], lowerHex[c&15])
	}
	return dst
}

// maxKeys is how many derived keys are kept. A key is good for a day, and presigned URLs
// reach seven days back, so this is more than a hundred access keys in use at once.
const maxKeys = 1024

// keyCache keeps derived keys. The zero value is ready.
type keyCache struct {
	mu   sync.RWMutex // guards keys
	keys map[keyName]*signingKey
}

type keyName struct{ accessKey, day, region, service string }

// get returns the key of a secret on a day. Only names that a lookup has found may be asked
// for, so that strangers cannot fill the cache.
func (c *keyCache) get(accessKey, secret, day, region, service string) *signingKey {
	name := keyName{accessKey, day, region, service}
	c.mu.RLock()
	k := c.keys[name]
	c.mu.RUnlock()
	if k != nil && k.secret == secret {
		return k
	}
	k = newSigningKey(secret, day, region, service)
	// The strings belong to a request; a copy lets its memory go.
	name = keyName{strings.Clone(accessKey), strings.Clone(day), strings.Clone(region), service}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys == nil || len(c.keys) >= maxKeys {
		c.keys = make(map[keyName]*signingKey)
	}
	c.keys[name] = k
	return k
}
