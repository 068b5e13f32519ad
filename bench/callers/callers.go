// Package callers makes callers known to the service: the files that an operator writes, and credentials that fit them.
package callers

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/crypto/bcrypt"

	"ordermanagement/certs"
)

// Name is what the caller of each kind is called, and the user name of the one with a password.
const Name = "bench"

// What the service shows to the introspection endpoint.
const (
	ClientID     = "orders"
	ClientSecret = "orders-at-introspection"
)

// ActivePrefix is what the tokens begin with that the introspection endpoint says are active.
const ActivePrefix = "active-"

const callersFile = `callers:
  - {token: ` + Name + `, tenant: default, scopes: [orders.read]}
  - {user: ` + Name + `, tenant: default, scopes: [orders.read]}
  - {certificate: CN=` + Name + `, tenant: default, scopes: [orders.read]}
`

// World is a directory with the files of callers of every kind, and what fits them.
type World struct {
	*Issuer
	Token       string // an opaque token
	Password    string // of the user [Name]
	Certificate tls.Certificate
	dir         string
}

// New writes the files into a directory, which has the authority of the service's certificates.
func New(dir string) (*World, error) {
	w := &World{dir: dir, Token: newSecret(), Password: newSecret()}
	hash, err := bcrypt.GenerateFromPassword([]byte(w.Password), bcrypt.DefaultCost)
	if err != nil {
		return nil, err
	}
	var keys []byte
	if w.Issuer, keys, err = newIssuer(); err != nil {
		return nil, err
	}
	if w.Certificate, err = newCertificate(dir); err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(w.Token))
	return w, errors.Join(
		w.write("callers.yaml", callersFile),
		w.write("tokens", Name+":sha256:"+hex.EncodeToString(sum[:])+"\n"),
		w.write("htpasswd", Name+":"+string(hash)+"\n"),
		w.write("keys.json", string(keys)),
		w.write("introspection-client", ClientID+":"+ClientSecret+"\n"),
	)
}

func (w *World) path(name string) string { return filepath.Join(w.dir, name) }

func (w *World) write(name, text string) error {
	return os.WriteFile(w.path(name), []byte(text), 0o600)
}

// Flags let the service know callers of every kind but certificates, with introspection at a URL.
func (w *World) Flags(introspection string) []string {
	return []string{
		"--callers-file=" + w.path("callers.yaml"), "--tokens-file=" + w.path("tokens"), "--htpasswd-file=" + w.path("htpasswd"),
		"--jwt-issuer=" + issuerURL, "--jwt-audience=" + audience, "--jwt-jwks-file=" + w.path("keys.json"),
		"--introspection-url=" + introspection, "--introspection-client=" + w.path("introspection-client"), "--oauth-ca=" + w.path("ca.crt"),
	}
}

// CertificateFlags let the service take callers with certificates, and nobody else.
func (w *World) CertificateFlags() []string {
	return []string{"--client-ca=" + w.path("ca.crt"), "--client-auth=required"}
}

func newCertificate(dir string) (tls.Certificate, error) {
	authority, err := certs.LoadAuthority(filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key"), nil)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := authority.Issue(certs.LeafRequest{CommonName: Name, Client: true})
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(pair.Certificate, pair.Key)
}

// Bearer is the header Authorization with a token (RFC 6750).
func Bearer(token string) string { return "Bearer " + token }

// Basic is the header Authorization with a password (RFC 7617).
func Basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}
