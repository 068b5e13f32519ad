package callers

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"golang.org/x/crypto/bcrypt"

	"ordermanagement/certs"
)

func newWorld(t *testing.T) *World {
	t.Helper()
	dir := t.TempDir()
	if _, err := certs.EnsureDevelopment(dir, certs.DevelopmentOptions{}); err != nil {
		t.Fatal(err)
	}
	w, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *World) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(w.path(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFilesFitCredentials(t *testing.T) {
	w := newWorld(t)
	sum := sha256.Sum256([]byte(w.Token))
	if got, want := w.read(t, "tokens"), Name+":sha256:"+hex.EncodeToString(sum[:])+"\n"; got != want {
		t.Errorf("tokens: %q, want %q", got, want)
	}
	user, hash, _ := strings.Cut(strings.TrimSpace(w.read(t, "htpasswd")), ":")
	if err := bcrypt.CompareHashAndPassword([]byte(hash), []byte(w.Password)); err != nil || user != Name {
		t.Errorf("the password of %q: %v", user, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(w.read(t, "ca.crt"))) {
		t.Fatal("no authority")
	}
	options := x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if _, err := w.Certificate.Leaf.Verify(options); err != nil || w.Certificate.Leaf.Subject.String() != "CN="+Name {
		t.Errorf("certificate of %v: %v", w.Certificate.Leaf.Subject, err)
	}
	for _, flag := range append(w.Flags("https://127.0.0.1:1"), w.CertificateFlags()...) {
		if _, value, _ := strings.Cut(flag, "="); strings.HasPrefix(value, w.dir) {
			if _, err := os.Stat(value); err != nil {
				t.Errorf("%s: %v", flag, err)
			}
		}
	}
}

func TestJWTs(t *testing.T) {
	w := newWorld(t)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(w.read(t, "keys.json")), &set); err != nil {
		t.Fatal(err)
	}
	key := set.Key(keyID)[0]
	if _, ok := key.Key.(*ecdsa.PublicKey); !ok || !key.IsPublic() {
		t.Fatalf("%T", key.Key)
	}
	claims := func(token string) (c Claims, err error) {
		parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			return c, err
		}
		return c, parsed.Claims(key.Key, &c)
	}
	tokens := make(map[string]bool)
	for range 3 {
		token, err := w.JWT()
		if err != nil {
			t.Fatal(err)
		}
		c, err := claims(token)
		if err != nil || c.Issuer != issuerURL || !c.Audience.Contains(audience) || c.Subject != Name || c.Tenant != "default" || c.Scope != "orders.read" {
			t.Errorf("%+v, %v", c, err)
		}
		forged := Forged(token)
		if again := Forged(token); again == forged {
			t.Errorf("forged twice: %s", again)
		}
		if _, err := claims(forged); err == nil || len(forged) != len(token) {
			t.Errorf("forged: %s of %s, %v", forged, token, err)
		}
		tokens[token], tokens[forged] = true, true
	}
	if len(tokens) != 6 {
		t.Errorf("%d different tokens", len(tokens))
	}
}

func TestBasic(t *testing.T) {
	request := http.Request{Header: http.Header{"Authorization": {Basic(Name, "a:b")}}}
	if user, password, ok := request.BasicAuth(); !ok || user != Name || password != "a:b" {
		t.Errorf("%q, %q", user, password)
	}
}
