package keyclient

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pail/integration/leak"
	"pail/store"
	"pail/store/fault"
	"pail/store/iam"
	"pail/store/kms"
	"pail/store/web"
	"pail/store/web/kmsapi"
	"pail/store/web/sigv4"
)

func TestMain(m *testing.M) { os.Exit(leak.Run(m)) }

// openStore is a store that reaches services.
func openStore(t *testing.T) (*store.Store, *store.Session) {
	t.Helper()
	o := store.Options{Dir: t.TempDir() + "/store"}
	if err := store.Create(o); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close(context.Background()) })
	c := New("test")
	t.Cleanup(c.Close)
	st.SetKeyServices(c)
	return st, st.As(store.Owner(), store.RequestContext{Door: store.DoorControl})
}

// A transitServer answers like the transit engine of Vault at the path team/transit, with the
// one key "app".
type transitServer struct {
	*httptest.Server
	sealed, slow, careless atomic.Bool // careless: it passes over associated data
	asked                  atomic.Int64
}

const token = "hvs.secret"

func newTransit(t *testing.T) *transitServer {
	t.Helper()
	ts := &transitServer{}
	secret := sha256.Sum256([]byte("key of the test"))
	block, err := aes.NewCipher(secret[:])
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	answer := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	refuse := func(w http.ResponseWriter, status int, why string) {
		answer(w, status, map[string]any{"errors": []string{why}})
	}
	ts.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ts.asked.Add(1)
		var in struct {
			Plaintext  []byte `json:"plaintext"`
			Ciphertext string `json:"ciphertext"`
			Data       []byte `json:"associated_data"`
		}
		op, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/team/transit/"), "/")
		switch {
		case ts.slow.Load():
			_, _ = io.Copy(io.Discard, r.Body) // only then the server sees who has gone
			<-r.Context().Done()
			return
		case ts.sealed.Load():
			refuse(w, 503, "Vault is sealed")
			return
		case r.Header.Get("X-Vault-Token") != token:
			refuse(w, 403, "permission denied")
			return
		case !strings.HasPrefix(r.URL.Path, "/v1/team/transit/"):
			refuse(w, 404, `no handler for route "`+r.URL.Path+`"`)
			return
		case json.NewDecoder(r.Body).Decode(&in) != nil:
			refuse(w, 400, "bad request")
			return
		case key != "app":
			refuse(w, 400, "encryption key not found")
			return
		}
		if ts.careless.Load() {
			in.Data = nil
		}
		switch op {
		case "encrypt":
			nonce := make([]byte, aead.NonceSize())
			_, _ = rand.Read(nonce)
			text := "vault:v1:" + base64.StdEncoding.EncodeToString(aead.Seal(nonce, nonce, in.Plaintext, in.Data))
			answer(w, 200, map[string]any{"data": map[string]any{"ciphertext": text, "key_version": 1}})
		case "decrypt":
			blob, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(in.Ciphertext, "vault:v1:"))
			if err != nil || len(blob) < aead.NonceSize() {
				refuse(w, 400, "invalid ciphertext: no prefix")
				return
			}
			plain, err := aead.Open(nil, blob[:aead.NonceSize()], blob[aead.NonceSize():], in.Data)
			if err != nil {
				refuse(w, 400, "cipher: message authentication failed")
				return
			}
			answer(w, 200, map[string]any{"data": map[string]any{"plaintext": plain}})
		default:
			refuse(w, 404, "no handler for route")
		}
	}))
	t.Cleanup(ts.Close)
	return ts
}

func (ts *transitServer) ca() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ts.Certificate().Raw}))
}

func is(t *testing.T, what string, err error, want fault.Kind) {
	t.Helper()
	if got := fault.KindOf(err); got != want {
		t.Errorf("%s: %v (%v), want %v", what, err, got, want)
	}
}

// uses encrypts and decrypts with a key that is kept outside, and says how that ends.
func uses(t *testing.T, se *store.Session, key string) error {
	t.Helper()
	ctx := t.Context()
	pairs := map[string]string{"a": "b"}
	plain, made, err := se.KMSGenerateDataKey(ctx, store.KMSDataKey{KMSUse: store.KMSUse{Key: key, Context: pairs}, Spec: "AES_256"})
	if err != nil {
		return err
	}
	back, err := se.KMSDecrypt(ctx, store.KMSCiphertext{KMSUse: store.KMSUse{Context: pairs}, Blob: made.Blob})
	if err != nil {
		return err
	}
	if string(back.Plaintext) != string(plain) {
		t.Error("another key came back")
	}
	_, err = se.KMSDecrypt(ctx, store.KMSCiphertext{KMSUse: store.KMSUse{Context: map[string]string{"a": "c"}}, Blob: made.Blob})
	is(t, "another context", err, fault.KMSInvalidCiphertext)
	bad := append([]byte(nil), made.Blob...)
	bad[len(bad)-1] ^= 1
	_, err = se.KMSDecrypt(ctx, store.KMSCiphertext{KMSUse: store.KMSUse{Context: pairs}, Blob: bad})
	is(t, "a changed ciphertext", err, fault.KMSInvalidCiphertext)
	return nil
}

func external(service, key string) kms.NewKey {
	return kms.NewKey{Origin: kms.OriginExternal, CustomKeyStore: service, ExternalKey: key}
}

// TestTransit keeps a key in a transit engine: its outages and refusals are ours at once.
func TestTransit(t *testing.T) {
	ts := newTransit(t)
	st, root := openStore(t)
	ctx := t.Context()
	in := kms.NewService{Name: "vault", Kind: kms.Transit, URL: ts.URL + "/", Mount: "/team/transit/", CA: ts.ca(), Secret: token}
	svc, err := root.KMSCreateKeyService(ctx, in)
	is(t, "add", err, fault.None)
	_, err = root.KMSCreateKeyService(ctx, in)
	is(t, "add again", err, fault.EntityAlreadyExists)
	for name, change := range map[string]func(*kms.NewService){
		"wrong": func(in *kms.NewService) { in.Secret = "x" }, "unknown": func(in *kms.NewService) { in.CA = "" }, "elsewhere": func(in *kms.NewService) { in.Mount = "other" },
		"clear": func(in *kms.NewService) { in.URL = "http://vault.example.com" },
	} {
		other := in
		other.Name = name
		change(&other)
		_, err := root.KMSCreateKeyService(ctx, other)
		is(t, name, err, fault.None)
	}
	for name, want := range map[string]fault.Kind{"wrong": fault.AccessDenied, "unknown": fault.KMSUnavailable, "elsewhere": fault.KMSNotFound, "clear": fault.InvalidArgument, "none": fault.KMSNotFound} {
		_, err := root.KMSCreateKey(ctx, external(name, "app"))
		is(t, "a key of the service "+name, err, want)
	}
	_, err = root.KMSCreateKey(ctx, external("vault", "other"))
	is(t, "a key that there is not", err, fault.KMSNotFound)
	_, err = root.KMSCreateKey(ctx, external("vault", "../sys"))
	is(t, "no name of a key", err, fault.InvalidArgument)
	ts.careless.Store(true)
	_, err = root.KMSCreateKey(ctx, external("vault", "app"))
	is(t, "a service that binds nothing", err, fault.InvalidArgument)
	ts.careless.Store(false)

	k, err := root.KMSCreateKey(ctx, external("vault", "app"))
	is(t, "create", err, fault.None)
	if k.External.Service != svc.ID || k.Origin() != kms.OriginExternal {
		t.Fatalf("%+v", k)
	}
	is(t, "use", uses(t, root, k.ID), fault.None)
	_, err = root.KMSRotateKeyOnDemand(ctx, k.ID)
	is(t, "rotate", err, fault.NotSupported)
	is(t, "remove", root.KMSDeleteKeyService(ctx, "vault"), fault.DeleteConflict)
	is(t, "remove another", root.KMSDeleteKeyService(ctx, "clear"), fault.None)
	is(t, "remove it again", root.KMSDeleteKeyService(ctx, "clear"), fault.KMSNotFound)

	before := ts.asked.Load()
	is(t, "disable", root.KMSDisableKey(ctx, k.ID), fault.None)
	is(t, "a disabled key", uses(t, root, k.ID), fault.KMSDisabled)
	if ts.asked.Load() != before {
		t.Error("the service was asked about a disabled key")
	}
	is(t, "enable", root.KMSEnableKey(ctx, k.ID), fault.None)

	ts.sealed.Store(true)
	err = uses(t, root, k.ID)
	is(t, "sealed", err, fault.KMSUnavailable)
	if err == nil || !strings.Contains(err.Error(), "vault") || !strings.Contains(err.Error(), "Vault is sealed") || strings.Contains(err.Error(), token) {
		t.Errorf("it is told as %v", err)
	}
	ts.sealed.Store(false)
	is(t, "unsealed", uses(t, root, k.ID), fault.None)
	ts.slow.Store(true)
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	_, err = root.KMSEncrypt(short, store.KMSUse{Key: k.ID}, []byte("x"))
	is(t, "slow", err, fault.KMSUnavailable)
	if d := time.Since(begun); d > 4*time.Second {
		t.Errorf("it took %v", d)
	}
	ts.slow.Store(false)
	st.SetKeyServices(nil)
	is(t, "without a daemon", uses(t, root, k.ID), fault.KMSUnavailable)
	st.SetKeyServices(New("test"))
	ts.Server.Close()
	err = uses(t, root, k.ID)
	is(t, "gone", err, fault.KMSUnavailable)
}

// TestSecondPail keeps a key in the key management service of another store.
func TestSecondPail(t *testing.T) {
	there, owner := openStore(t)
	ctx := t.Context()
	kept, err := owner.KMSCreateKey(ctx, kms.NewKey{})
	is(t, "create there", err, fault.None)
	if _, err := owner.CreateUser(ctx, iam.NewUser{Name: "pail"}); err != nil {
		t.Fatal(err)
	}
	allow := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:Encrypt","kms:Decrypt"],"Resource":"` + kept.ARN() + `"}]}`
	is(t, "allow", owner.PutUserPolicy(ctx, "pail", "kms", allow), fault.None)
	key, err := owner.CreateAccessKey(ctx, "pail", iam.Given{})
	is(t, "key", err, fault.None)
	i := &web.Identifier{Store: there, Verifier: &sigv4.Verifier{Region: store.DefaultRegion, Lookup: web.LookupIn(there), Temporary: web.TemporaryIn(there)}}
	srv, err := web.Listen(web.Options{Addresses: []web.Address{{Host: "127.0.0.1"}}, Identify: i.For("kms"), Protocol: kmsapi.New()})
	if err != nil {
		t.Fatal(err)
	}
	down := func() {
		now, cancel := context.WithCancel(context.Background())
		cancel()
		_ = srv.Shutdown(now)
	}
	t.Cleanup(down)

	_, root := openStore(t)
	_, err = root.KMSCreateKeyService(ctx, kms.NewService{Name: "other", Kind: kms.Compatible, URL: srv.Addresses()[0].Endpoint(), Region: store.DefaultRegion, AccessKey: key.ID, Secret: key.Secret})
	is(t, "add", err, fault.None)
	_, err = root.KMSCreateKey(ctx, external("other", "alias/none"))
	is(t, "a key that there is not", err, fault.AccessDenied) // its policy does not say that there is none
	k, err := root.KMSCreateKey(ctx, external("other", kept.ARN()))
	is(t, "create", err, fault.None)
	is(t, "use", uses(t, root, k.ID), fault.None)
	_, err = root.KMSEncrypt(ctx, store.KMSUse{Key: k.ID, Context: map[string]string{kms.KeyPair: "x"}}, []byte("x"))
	is(t, "a context that says whose it is", err, fault.InvalidArgument)

	is(t, "disable there", owner.KMSDisableKey(ctx, kept.ID), fault.None)
	is(t, "a key that is disabled there", uses(t, root, k.ID), fault.KMSDisabled)
	is(t, "enable there", owner.KMSEnableKey(ctx, kept.ID), fault.None)
	only := strings.Replace(allow, `"Resource"`, `"Condition":{"StringEquals":{"kms:EncryptionContext:pail:key":"`+k.ID+`"}},"Resource"`, 1)
	is(t, "allow one key of ours", owner.PutUserPolicy(ctx, "pail", "kms", only), fault.None)
	is(t, "use by that", uses(t, root, k.ID), fault.None)
	is(t, "deny there", owner.DeleteUserPolicy(ctx, "pail", "kms"), fault.None)
	err = uses(t, root, k.ID)
	is(t, "a key that is denied there", err, fault.AccessDenied)
	if err == nil || !strings.Contains(err.Error(), "other") {
		t.Errorf("it is told as %v", err)
	}
	down()
	is(t, "gone", uses(t, root, k.ID), fault.KMSUnavailable)
}

func TestCheckURL(t *testing.T) {
	for _, ok := range []string{"https://vault.example.com:8200", "https://h/prefix", "http://127.0.0.1:8200", "http://localhost", "http://[::1]:1"} {
		if err := CheckURL(ok); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{"", "vault", "http://vault.example.com", "http://10.0.0.1", "ftp://x", "https://u:p@h", "https://h?x=1", "https://h#x", "https://", "http://localhost.example.com"} {
		if CheckURL(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// FuzzAnswers: whatever a service answers is an answer or a failure with a kind.
func FuzzAnswers(f *testing.F) {
	f.Add(200, []byte(`{"data":{"ciphertext":"vault:v1:x","plaintext":"eA=="}}`))
	f.Add(400, []byte(`{"errors":["encryption key not found"]}`))
	f.Add(400, []byte(`{"__type":"com.amazonaws.kms#NotFoundException","message":"x"}`))
	f.Add(503, []byte(`<html>`))
	s := &kms.Service{Name: "s", URL: "https://h"}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for _, op := range []string{"encrypt", "decrypt"} {
			out, err := readTransit(s, op, status, body)
			if (out == nil) == (err == nil) || err != nil && fault.KindOf(err) == fault.Internal {
				t.Fatalf("%+v, %v", out, err)
			}
		}
		out, err := readKMS(s, status, body)
		if (out == nil) == (err == nil) || err != nil && fault.KindOf(err) == fault.Internal {
			t.Fatalf("%+v, %v", out, err)
		}
	})
}
