package s3ec

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// counting is the key 00 01 02 .. 1f.
func counting() *[32]byte {
	k := new([32]byte)
	for i := range k {
		k[i] = byte(i)
	}
	return k
}

// seal encrypts as a client would put it.
func seal(t testing.TB, s Suite, key *[32]byte, plain []byte) (*Envelope, []byte) {
	t.Helper()
	e, c := Seal(s, key, WrapKMS, []byte("wrapped"), Context(s))
	sealed, err := io.ReadAll(c.Encrypt(bytes.NewReader(plain)))
	if err != nil {
		t.Fatal(err)
	}
	return e, sealed
}

// open verifies and decrypts a whole object.
func open(e *Envelope, key *[32]byte, sealed []byte) ([]byte, error) {
	c, err := e.Open(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < TagSize {
		return nil, ErrOpen
	}
	text, tag := sealed[:len(sealed)-TagSize], sealed[len(sealed)-TagSize:]
	k := c.Check()
	_, _ = k.Write(text)
	if err := k.Verify(tag); err != nil {
		return nil, err
	}
	plain := make([]byte, len(text))
	c.XORAt(plain, text, 0)
	return plain, nil
}

// TestDerivedKeys has the known answers that the official clients' tests have.
func TestDerivedKeys(t *testing.T) {
	for _, v := range []struct{ key, id, derived, commitment string }{
		{
			"80d90dc4cc7e77d8a6332efa44eba56230a7fe7b89af37d1e501ab2e07c0a163",
			"b8ea76bed24c7b85382a148cb9dcd1cfdfb765f55ded4dfa6e0c4c79",
			"6dd14f546cc006e639126e83f5d4d1b118576bb5df97f38c6fb3a1db87bbc338",
			"f89818bc0a346d3a3426b68e9509b6b2ae5fe1f904aa329fb73625db",
		}, {
			"501afb8227d22e75e68010414b8abdaf3064c081e8e922dafef4992036394d60",
			"61a00b4981a5aacfd136c55cb726e32d2a547dc7600a7d4675c69127",
			"e14786a714748d1d2c3a4a6816dec56ddf1881bbeabb4f39420ffb9f63700b2f",
			"5c1e73e47f6fe3a70d6d094283aceaa76d2975feb829212d88f0afc1",
		},
	} {
		derived, commitment := derive(unhex(t, v.key), unhex(t, v.id))
		if hex.EncodeToString(derived) != v.derived || hex.EncodeToString(commitment) != v.commitment {
			t.Errorf("%s: %x, %x", v.key, derived, commitment)
		}
	}
}

// official is what amazon-s3-encryption-client-go 3.2.0 put, whose KMS gave the key counting.
var official = map[string]string{
	"x-amz-tag-len": "128", "x-amz-matdesc": `{"aws:x-amz-cek-alg":"AES/GCM/NoPadding"}`,
	"mine": "1", "x-amz-cek-alg": "AES/GCM/NoPadding", "x-amz-unencrypted-content-length": "33",
	"x-amz-wrap-alg": "kms+context", "x-amz-iv": "1Vil7k8csBWj9pdN", "x-amz-key-v2": "d3JhcHBlZA==",
}

const (
	officialPlain  = "what the official client encrypts"
	officialSealed = "3d4659f27628bd463451c1822698cf1ffc9bfb514c6830bf2c193d4d600deb436a88d35fdf828ecde6a036642194928a1e"
)

func TestWhatTheOfficialClientWrote(t *testing.T) {
	e, err := Parse(official)
	if err != nil {
		t.Fatal(err)
	}
	if string(e.Key) != "wrapped" || e.Wrap != WrapKMS || !maps.Equal(e.Context, Context(Plain)) || !Encrypted(official) {
		t.Errorf("it reads as %v %q", e, e.Key)
	}
	plain, err := open(e, counting(), unhex(t, officialSealed))
	if err != nil || string(plain) != officialPlain {
		t.Errorf("%q, %v", plain, err)
	}
	want := maps.Clone(official)
	delete(want, "mine")
	if got := e.Metadata(int64(len(plain))); !maps.Equal(got, want) {
		t.Errorf("written again it is\n%q\nand not\n%q", got, want)
	}
}

// TestAgainstCryptoCipher seals texts of many lengths in pieces of many lengths, and compares each
// with what crypto/cipher makes of the whole.
func TestAgainstCryptoCipher(t *testing.T) {
	r := mathrand.New(mathrand.NewPCG(1, 2))
	for _, s := range []Suite{Plain, Committing} {
		for i := range 300 {
			n := r.IntN(100)
			if i%3 == 0 {
				n = r.IntN(200_000)
			}
			plain := make([]byte, n)
			_, _ = rand.Read(plain)
			key := new([32]byte)
			_, _ = rand.Read(key[:])
			e, c := Seal(s, key, WrapKMS, []byte("w"), Context(s))
			var in io.Reader = bytes.NewReader(plain)
			if i%2 == 0 {
				in = iotest.HalfReader(iotest.DataErrReader(in))
			}
			sealed, err := io.ReadAll(io.LimitReader(c.Encrypt(in), 1<<40))
			if err != nil {
				t.Fatal(err)
			}

			real, nonce, data := key[:], e.salt, []byte(nil)
			if s == Committing {
				real, _ = derive(key[:], e.salt)
				nonce, data = committingNonce, committingData
			}
			block, err := aes.NewCipher(real)
			if err != nil {
				t.Fatal(err)
			}
			gcm, err := cipher.NewGCM(block)
			if err != nil {
				t.Fatal(err)
			}
			if want := gcm.Seal(nil, nonce, plain, data); !bytes.Equal(sealed, want) {
				t.Fatalf("%v, %d bytes: another ciphertext or tag", s, n)
			}
			got, err := open(e, key, sealed)
			if err != nil || !bytes.Equal(got, plain) {
				t.Fatalf("%v, %d bytes: %v", s, n, err)
			}
			if n > 0 {
				off := r.IntN(n)
				part := make([]byte, r.IntN(n-off)+1)
				c.XORAt(part, sealed[off:off+len(part)], int64(off))
				if !bytes.Equal(part, plain[off:off+len(part)]) {
					t.Fatalf("%v: %d bytes at %d are others", s, len(part), off)
				}
			}
		}
	}
}

func TestFieldOfHashing(t *testing.T) {
	h := elementOf(unhex(t, "66e94bd4ef8a2c3b884cfa59ca342b2e")) // SP 800-38D's H of the zero key
	if got := h.times(h.inverse()); got != one {
		t.Errorf("h times its inverse is %x", got)
	}
	if got := h.times(h).times(h); got != h.power(3) {
		t.Errorf("h^3 is %x", got)
	}
	// McGrew and Viega, The Galois/Counter Mode of Operation, test case 2.
	x := elementOf(unhex(t, "0388dace60b6a392f328c2b971b2fe78"))
	if got, want := x.times(h), elementOf(unhex(t, "5e2ec746917062882c85b0685353deb7")); got != want {
		t.Errorf("x times h is %x, not %x", got, want)
	}
}

func TestNothingIsMalleable(t *testing.T) {
	key := counting()
	for _, s := range []Suite{Plain, Committing} {
		e, sealed := seal(t, s, key, []byte("some forty bytes of text, or a few less"))
		for i := range sealed {
			bad := bytes.Clone(sealed)
			bad[i] ^= 0x10
			if _, err := open(e, key, bad); !errors.Is(err, ErrOpen) {
				t.Fatalf("%v: byte %d changed: %v", s, i, err)
			}
		}
		for n := range sealed {
			if _, err := open(e, key, sealed[:n]); !errors.Is(err, ErrOpen) {
				t.Fatalf("%v: cut to %d: %v", s, n, err)
			}
		}
		other := *key
		other[31] ^= 1
		if _, err := open(e, &other, sealed); !errors.Is(err, ErrOpen) {
			t.Errorf("%v: under another key: %v", s, err)
		}
	}
	e, _ := seal(t, Committing, key, nil)
	e.commitment[3] ^= 1
	if _, err := e.Open(key); !errors.Is(err, ErrOpen) {
		t.Errorf("another commitment: %v", err)
	}
}

// TestNoncesDiffer: a data key that is used twice by mistake still does not have one key and
// nonce twice.
func TestNoncesDiffer(t *testing.T) {
	for _, s := range []Suite{Plain, Committing} {
		seen := map[string]bool{}
		for range 1000 {
			_, sealed := seal(t, s, counting(), make([]byte, 16))
			seen[string(sealed[:16])] = true
		}
		if len(seen) != 1000 {
			t.Errorf("%v: %d key streams in 1000 objects", s, len(seen))
		}
	}
}

func TestRawKeys(t *testing.T) {
	wrapping, key := counting(), new([32]byte)
	_, _ = rand.Read(key[:])
	for _, s := range []Suite{Plain, Committing} {
		e := &Envelope{Suite: s, Wrap: WrapAES, Key: WrapKey(wrapping, key, s)}
		if got, err := e.UnwrapKey(wrapping); err != nil || *got != *key {
			t.Errorf("%v: %v", s, err)
		}
		e.Key[20] ^= 1
		if _, err := e.UnwrapKey(wrapping); !errors.Is(err, ErrOpen) {
			t.Errorf("%v, changed: %v", s, err)
		}
		e.Key[20] ^= 1
		other := *wrapping
		other[0] ^= 1
		if _, err := e.UnwrapKey(&other); !errors.Is(err, ErrOpen) {
			t.Errorf("%v, another key: %v", s, err)
		}
	}
	// The layout that the clients for Java and Ruby have: nonce, AES-GCM with the suite's name as
	// associated data. Of message format 3 Java binds the name of suite Plain.
	gcm := rawKey(wrapping)
	nonce := []byte("twelve bytes")
	for _, v := range []struct {
		s    Suite
		name string
	}{{Plain, "AES/GCM/NoPadding"}, {Committing, "115"}, {Committing, "AES/GCM/NoPadding"}} {
		e := &Envelope{Suite: v.s, Wrap: WrapAES, Key: gcm.Seal(bytes.Clone(nonce), nonce, key[:], []byte(v.name))}
		if got, err := e.UnwrapKey(wrapping); err != nil || *got != *key {
			t.Errorf("%v with %s: %v", v.s, v.name, err)
		}
	}
	e := &Envelope{Suite: Plain, Wrap: WrapAES, Key: gcm.Seal(bytes.Clone(nonce), nonce, key[:], []byte("115"))}
	if _, err := e.UnwrapKey(wrapping); err == nil {
		t.Error("a key for a committing suite opened one that does not commit")
	}
}

func TestWhatIsRefused(t *testing.T) {
	with := func(m map[string]string, change ...string) map[string]string {
		m = maps.Clone(m)
		for i := 0; i < len(change); i += 2 {
			if m[change[i]] = change[i+1]; change[i+1] == "" {
				delete(m, change[i])
			}
		}
		return m
	}
	e3, _ := seal(t, Committing, counting(), nil)
	three := e3.Metadata(0)
	for name, v := range map[string]struct {
		m    map[string]string
		want error
	}{
		"nothing":              {nil, ErrNone},
		"metadata of others":   {map[string]string{"mine": "1"}, ErrNone},
		"format 1":             {map[string]string{"x-amz-key": "a", "x-amz-iv": "b"}, ErrUnsupported},
		"CBC":                  {with(official, "x-amz-cek-alg", "AES/CBC/PKCS5Padding"), ErrUnsupported},
		"kms without context":  {with(official, "x-amz-wrap-alg", "kms"), ErrUnsupported},
		"AESWrap":              {with(official, "x-amz-wrap-alg", "AESWrap"), ErrUnsupported},
		"RSA":                  {with(three, "x-amz-w", "22"), ErrUnsupported},
		"another suite":        {with(three, "x-amz-c", "116"), ErrUnsupported},
		"instruction file":     {with(three, "x-amz-3", "", "x-amz-w", ""), ErrUnsupported},
		"two formats":          {with(three, "x-amz-key-v2", "d3JhcHBlZA=="), ErrMalformed},
		"a short nonce":        {with(official, "x-amz-iv", "AAAA"), ErrMalformed},
		"a long message id":    {with(three, "x-amz-i", strings.Repeat("AAAA", 10)), ErrMalformed},
		"no commitment":        {with(three, "x-amz-d", ""), ErrMalformed},
		"no base64":            {with(three, "x-amz-3", "%"), ErrMalformed},
		"a short tag":          {with(official, "x-amz-tag-len", "96"), ErrMalformed},
		"no JSON":              {with(three, "x-amz-t", "{"), ErrMalformed},
		"no context":           {with(three, "x-amz-t", ""), ErrMalformed},
		"a context of another": {with(three, "x-amz-t", `{"aws:x-amz-cek-alg":"AES/GCM/NoPadding"}`), ErrMalformed},
	} {
		if _, err := Parse(v.m); !errors.Is(err, v.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name := range three {
		if !IsName(name) {
			t.Errorf("%s is not known to be of the format", name)
		}
	}
	if IsName("mine") {
		t.Error("mine is said to be of the format")
	}
}

// FuzzParse: what is read as an envelope is written as one that reads the same.
func FuzzParse(f *testing.F) {
	add := func(m map[string]string) {
		var b strings.Builder
		for k, v := range m {
			b.WriteString(k + "\x00" + v + "\x01")
		}
		f.Add(b.String())
	}
	add(official)
	for _, wrap := range []string{WrapKMS, WrapAES} {
		e, _ := Seal(Committing, counting(), wrap, []byte("w"), Context(Committing))
		add(e.Metadata(3))
	}
	f.Fuzz(func(t *testing.T, s string) {
		m := map[string]string{}
		for pair := range strings.SplitSeq(s, "\x01") {
			k, v, _ := strings.Cut(pair, "\x00")
			m[k] = v
		}
		e, err := Parse(m)
		if err != nil {
			if !errors.Is(err, ErrNone) && !errors.Is(err, ErrUnsupported) && !errors.Is(err, ErrMalformed) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if !Encrypted(m) {
			t.Fatal("an envelope, and its size is that of a plain object")
		}
		again, err := Parse(e.Metadata(5))
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		if !bytes.Equal(again.Key, e.Key) || again.Wrap != e.Wrap || again.Suite != e.Suite || !bytes.Equal(again.salt, e.salt) ||
			!bytes.Equal(again.commitment, e.commitment) || !maps.Equal(again.Context, e.Context) {
			t.Fatalf("%v read again is %v", e, again)
		}
	})
}

// FuzzOpen: nothing opens but what was sealed.
func FuzzOpen(f *testing.F) {
	key := counting()
	e2, sealed2 := seal(f, Plain, key, []byte("a text"))
	e3, sealed3 := seal(f, Committing, key, []byte("a text"))
	f.Add(sealed2, false)
	f.Add(sealed3, true)
	f.Fuzz(func(t *testing.T, sealed []byte, committing bool) {
		e, real := e2, sealed2
		if committing {
			e, real = e3, sealed3
		}
		if _, err := open(e, key, sealed); (err == nil) != bytes.Equal(sealed, real) {
			t.Fatalf("%x opens: %v", sealed, err)
		}
		raw := &Envelope{Suite: e.Suite, Wrap: WrapAES, Key: sealed}
		if _, err := raw.UnwrapKey(key); err == nil {
			t.Fatalf("%x unwraps", sealed)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	_, c := Seal(Committing, counting(), WrapKMS, nil, nil)
	buf := make([]byte, 64<<10)
	b.SetBytes(int64(len(buf)))
	k := c.Check()
	for b.Loop() {
		c.XORAt(buf, buf, 0)
		_, _ = k.Write(buf)
	}
}
