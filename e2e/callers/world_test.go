// Package callers_test calls the service in every way in which callers make themselves known, right and wrong, over both
// protocols.
package callers_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/crypto/bcrypt"

	"ordermanagement/certs"
	"ordermanagement/client"
	"ordermanagement/e2e/corpus"
	"ordermanagement/e2e/process"
)

var program = process.NewProgram()

func TestMain(m *testing.M) { program.Main(m) }

const audience = "ordermanagement"

// world is a directory of callers, and servers beside the service that vouch for some of them.
type world struct {
	dir    string
	issuer string
	key    *ecdsa.PrivateKey // of the issuer
}

const callersFile = `callers:
  - {token: writer, tenant: default, scopes: [orders.read, orders.write]}
  - {token: other, tenant: default, scopes: [products.read]}
  - {user: writer, tenant: default, scopes: [orders.read, orders.write]}
  - {user: other, tenant: default, scopes: [products.read]}
  - {certificate: CN=writer, tenant: default, scopes: [orders.read, orders.write]}
  - {certificate: "uri:spiffe://example.com/other", tenant: default, scopes: [products.read]}
`

// newWorld makes the files that an operator writes.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dir: t.TempDir(), issuer: "https://issuer.example.com", key: newKey(t)}
	w.write(t, "callers.yaml", callersFile)
	w.write(t, "tokens", tokenLine("writer", "token-of-the-writer")+tokenLine("other", "token-of-the-other"))
	w.write(t, "htpasswd", passwordLine(t, "writer", "password of the writer")+passwordLine(t, "other", "password of the other"))
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: w.key.Public(), KeyID: "one", Algorithm: "ES256", Use: "sig"}}})
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "keys.json", string(keys))
	w.write(t, "introspection-client", "orders:secret of the orders\n")
	if _, err := certs.EnsureDevelopment(w.dir, certs.DevelopmentOptions{}); err != nil {
		t.Fatal(err)
	}
	return w
}

func tokenLine(name, token string) string {
	sum := sha256.Sum256([]byte(token))
	return name + ":sha256:" + hex.EncodeToString(sum[:]) + "\n"
}

func passwordLine(t *testing.T, user, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return user + ":" + string(hash) + "\n"
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// sign makes a JWT.
func (w *world) sign(t *testing.T, key *ecdsa.PrivateKey, claims map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", "one")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// unsigned is a JWT of the algorithm none.
func unsigned(t *testing.T, issuer string) string {
	t.Helper()
	payload := fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"jane","tenant":"default","scope":"orders.write","exp":99999999999}`, issuer, audience)
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + encode([]byte(payload)) + "."
}

// certificate issues one of the authority that the service trusts.
func (w *world) certificate(t *testing.T, name string) *tls.Certificate {
	t.Helper()
	authority, err := certs.LoadAuthority(w.path("ca.crt"), w.path("ca.key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return issue(t, authority, name)
}

func issue(t *testing.T, authority *certs.Authority, name string) *tls.Certificate {
	t.Helper()
	pair, err := authority.Issue(certs.LeafRequest{CommonName: name, URIs: uris(t, "spiffe://example.com/"+name), Client: true})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	return &certificate
}

// introspection is a server that knows opaque tokens (RFC 7662).
func (w *world) introspection(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "orders" || password != "secret+of+the+orders" { // form-encoded (RFC 6749, 2.3.1)
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer := map[string]string{
			"opaque-writer":    `{"active":true,"sub":"jane","tenant":"default","scope":"orders.read orders.write"}`,
			"opaque-other":     `{"active":true,"sub":"jane","tenant":"default","scope":"products.read"}`,
			"opaque-elsewhere": `{"active":true,"sub":"jane","tenant":"default","scope":"orders.read orders.write","aud":"another"}`,
			"opaque-foreign":   `{"active":true,"sub":"jane","tenant":"default","scope":"orders.read orders.write","iss":"https://issuer.example.net"}`,
			"opaque-refresh":   `{"active":true,"sub":"jane","tenant":"default","scope":"orders.read orders.write","token_type":"refresh_token"}`,
			"opaque-stray":     `{"active":true,"sub":"jane","scope":"orders.read orders.write"}`,
		}[r.PostFormValue("token")]
		if answer == "" {
			answer = `{"active":false}`
		}
		rw.Header().Set("Content-Type", "application/json")
		_, _ = rw.Write([]byte(answer))
	}))
	pair, err := tls.LoadX509KeyPair(w.path("server.crt"), w.path("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL
}

// args are the flags of a process with a server.
func (w *world) args(t *testing.T) []string {
	t.Helper()
	return []string{
		"--tokens-file=" + w.path("tokens"), "--callers-file=" + w.path("callers.yaml"), "--htpasswd-file=" + w.path("htpasswd"),
		"--jwt-issuer=" + w.issuer, "--jwt-audience=" + audience, "--jwt-jwks-file=" + w.path("keys.json"),
		"--introspection-url=" + w.introspection(t), "--introspection-client=" + w.path("introspection-client"), "--oauth-ca=" + w.path("ca.crt"),
		"--client-ca=" + w.path("ca.crt"), "--client-auth=optional",
	}
}

// way is a transport into the service, of a caller who shows a certificate or none.
type way struct {
	name string
	open func(t *testing.T, certificate *tls.Certificate) corpus.Transport
}

// services are the processes of every set-up.
type services struct{ server, gateway, serve *process.Service }

func (w *world) start(t *testing.T) services {
	t.Helper()
	start := func(command, data string, args ...string) *process.Service {
		return program.Start(t, process.Config{Command: command, DataDir: data, Args: args})
	}
	server := start("server", w.dir, w.args(t)...)
	return services{
		server:  server,
		gateway: start("gateway", w.dir, "--server-address="+server.GRPC, "--client-ca="+w.path("ca.crt"), "--client-auth=optional"),
		serve:   start("serve", t.TempDir(), append(w.args(t), "--tls-cert="+w.path("server.crt"), "--tls-key="+w.path("server.key"))...),
	}
}

// ways are all ways into the service.
func (w *world) ways(t *testing.T) []way {
	t.Helper()
	return w.waysOf(w.start(t))
}

func (w *world) waysOf(s services) []way {
	return []way{
		{"gRPC", func(t *testing.T, c *tls.Certificate) corpus.Transport { return w.grpc(t, s.server, c) }},
		{"REST in serve", func(t *testing.T, c *tls.Certificate) corpus.Transport { return w.rest(t, s.serve, c, true) }},
		{"REST through a gateway", func(t *testing.T, c *tls.Certificate) corpus.Transport { return w.rest(t, s.gateway, c, false) }},
	}
}

// fronts are the processes that answer HTTP.
func (w *world) fronts(t *testing.T) map[string]*process.Service {
	t.Helper()
	s := w.start(t)
	return map[string]*process.Service{"serve": s.serve, "gateway": s.gateway}
}

// tls is the configuration of a client that trusts the service.
func (w *world) tls(t *testing.T, certificate *tls.Certificate) *tls.Config {
	t.Helper()
	data, err := os.ReadFile(w.path("ca.crt"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	authority, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	config.RootCAs.AddCert(authority)
	if certificate != nil {
		config.Certificates = []tls.Certificate{*certificate}
	}
	return config
}

func (w *world) grpc(t *testing.T, s *process.Service, certificate *tls.Certificate) corpus.Transport {
	t.Helper()
	conn, err := client.New(s.GRPC, client.TLS(w.tls(t, certificate)))
	if err != nil {
		t.Fatal(err)
	}
	return corpus.GRPC("gRPC", conn, false)
}

func (w *world) rest(t *testing.T, s *process.Service, certificate *tls.Certificate, http2 bool) corpus.Transport {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	transport := &http.Transport{Protocols: protocols, TLSClientConfig: w.tls(t, certificate)}
	return corpus.REST("REST", s.URL(""), &http.Client{Transport: transport})
}
