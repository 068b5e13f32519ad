package oauth_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/auth/oauth"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	issuer   = "https://issuer.test/"
	audience = "orders"
	// deadline ends what hangs; nothing takes that long.
	deadline = 20 * time.Second
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// signer signs as one of an issuer's keys.
type signer struct {
	id, algorithm string
	private       crypto.Signer
}

// newSigner makes a key of the kind of the algorithm.
func newSigner(t testing.TB, id, algorithm string) signer {
	t.Helper()
	var private crypto.Signer
	var err error
	switch algorithm {
	case "RS256", "PS256":
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "ES384":
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "EdDSA":
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	must(t, err)
	return signer{id, algorithm, private}
}

// sign makes a token of a header and a payload as they are: what they say needn't make sense.
func (s signer) sign(t testing.TB, header, payload string) string {
	t.Helper()
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	hash := sha256.Sum256([]byte(input))
	var signature []byte
	var err error
	switch private := s.private.(type) {
	case *rsa.PrivateKey:
		if s.algorithm == "PS256" {
			signature, err = rsa.SignPSS(rand.Reader, private, crypto.SHA256, hash[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
			break
		}
		signature, err = rsa.SignPKCS1v15(nil, private, crypto.SHA256, hash[:])
	case ed25519.PrivateKey:
		signature = ed25519.Sign(private, []byte(input))
	case *ecdsa.PrivateKey:
		digest := hash[:]
		if s.algorithm == "ES384" {
			hasher := crypto.SHA384.New()
			hasher.Write([]byte(input))
			digest = hasher.Sum(nil)
		}
		r, v, signErr := ecdsa.Sign(rand.Reader, private, digest)
		must(t, signErr)
		size := (private.Params().BitSize + 7) / 8
		signature = append(r.FillBytes(make([]byte, size)), v.FillBytes(make([]byte, size))...)
	}
	must(t, err)
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func (s signer) header() string {
	return `{"alg":"` + s.algorithm + `","kid":"` + s.id + `"}`
}

func (s signer) jwk() jose.JSONWebKey {
	return jose.JSONWebKey{Key: s.private.Public(), KeyID: s.id, Algorithm: s.algorithm, Use: "sig"}
}

// claims are those of a good token, with changes: nil takes one away.
func claims(now time.Time, changes map[string]any) string {
	all := map[string]any{
		"iss": issuer, "aud": audience, "sub": "ann", "tenant": "acme", "scope": "orders.read products.read",
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
	for name, value := range changes {
		all[name] = value
		if value == nil {
			delete(all, name)
		}
	}
	return text(all)
}

func text(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

// set is the document of a key set.
func set(signers ...signer) string {
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, s := range signers {
		keys.Keys = append(keys.Keys, s.jwk())
	}
	return text(keys)
}

func parse(t testing.TB, document string) *oauth.KeySet {
	t.Helper()
	keys, err := oauth.ParseKeySet([]byte(document))
	must(t, err)
	return keys
}

// verifier takes the JWTs of keys; change, if there is one, may set other options.
func verifier(t testing.TB, keys oauth.Keys, change func(*oauth.JWTOptions)) *oauth.JWT {
	t.Helper()
	options := oauth.JWTOptions{Issuer: issuer, Audience: audience, Keys: keys}
	if change != nil {
		change(&options)
	}
	made, err := oauth.NewJWT(options)
	must(t, err)
	return made
}

// taken asserts that a token makes a caller.
func taken(t testing.TB, by auth.TokenVerifier, token string) auth.Caller {
	t.Helper()
	caller, err := by.VerifyToken(t.Context(), token, auth.Origin{})
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return caller
}

// cause asserts that a token is refused, by a refusal that doesn't hold it, and answers why.
func cause(t testing.TB, by auth.TokenVerifier, token string) auth.Cause {
	t.Helper()
	caller, err := by.VerifyToken(t.Context(), token, auth.Origin{})
	if err == nil || caller.Subject != "" || caller.Tenant != "" || caller.Scopes != nil {
		t.Fatalf("makes %+v, %v", caller, err)
	}
	if errors.Is(err, auth.ErrNotMine) {
		return notMine
	}
	var refusal *auth.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a refusal", err)
	}
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 8 && strings.Contains(refusal.Error(), part) {
			t.Errorf("the refusal holds the credential: %v", refusal)
		}
	}
	return refusal.Cause
}

// notMine stands for auth.ErrNotMine.
const notMine auth.Cause = "not mine"

// clock is moved by hand.
type clock struct{ offset atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *clock) Advance(d time.Duration) { c.offset.Add(int64(d)) }

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// Lines counts the lines that contain a text.
func (j *journal) Lines(part string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), part)
}

// server is another server, whose answer can be changed while it runs.
type server struct {
	*httptest.Server
	caFile   string
	requests atomic.Int64
	answer   atomic.Pointer[http.HandlerFunc]
}

func serve(t testing.TB, answer http.HandlerFunc) *server {
	t.Helper()
	s := &server{caFile: filepath.Join(t.TempDir(), "ca.crt")}
	s.answer.Store(&answer)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		(*s.answer.Load())(w, r)
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	t.Cleanup(s.Close)
	must(t, os.WriteFile(s.caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600))
	return s
}

func (s *server) peer() oauth.Peer { return oauth.Peer{CAFile: s.caFile} }

func (s *server) set(answer http.HandlerFunc) { s.answer.Store(&answer) }

// says answers a body.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }
}

func fails(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// hangs answers when the client has given up.
func hangs(_ http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body) // or the server wouldn't see that the client is gone
	<-r.Context().Done()
}

// floods answers without an end.
func floods(w http.ResponseWriter, _ *http.Request) {
	for {
		if _, err := io.WriteString(w, strings.Repeat(" ", 64<<10)); err != nil {
			return
		}
	}
}

func redirects(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) }
}

// eventually waits until something is so.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// forger is a key that is in no set.
func forger(t testing.TB) crypto.Signer {
	t.Helper()
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
}
