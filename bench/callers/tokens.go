package callers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	issuerURL = "https://issuer.example.com"
	audience  = "ordermanagement"
	keyID     = "one"
	// tokenLife is longer than any run.
	tokenLife = 24 * time.Hour
	// signatureBytes is the length of an ES256 signature (RFC 7518, 3.4).
	signatureBytes = 64
)

// Issuer signs JWTs that the service takes.
type Issuer struct{ signer jose.Signer }

// newIssuer makes an issuer and its JWK set (RFC 7517).
func newIssuer() (*Issuer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	options := (&jose.SignerOptions{}).WithType("at+jwt").WithHeader("kid", keyID)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		return nil, nil, err
	}
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: key.Public(), KeyID: keyID, Algorithm: string(jose.ES256), Use: "sig"},
	}})
	return &Issuer{signer: signer}, keys, err
}

// Claims is what the tokens of callers say of them, an access token (RFC 9068) as well as introspection (RFC 7662).
type Claims struct {
	jwt.Claims
	Tenant string `json:"tenant"`
	Scope  string `json:"scope"`
}

// NewClaims are those of a caller that may read orders.
func NewClaims() Claims {
	return Claims{
		Claims: jwt.Claims{
			Issuer: issuerURL, Audience: jwt.Audience{audience}, Subject: Name, ID: newSecret(),
			Expiry: jwt.NewNumericDate(time.Now().Add(tokenLife)),
		},
		Tenant: "default", Scope: "orders.read",
	}
}

// JWT is one that is taken, and that nobody has seen before.
func (i *Issuer) JWT() (string, error) { return jwt.Signed(i.signer).Claims(NewClaims()).Serialize() }

// Forged is a JWT with another signature, which is wrong.
func Forged(token string) string {
	signature := make([]byte, signatureBytes)
	rand.Read(signature) // never fails (crypto/rand)
	return token[:strings.LastIndexByte(token, '.')+1] + base64.RawURLEncoding.EncodeToString(signature)
}

// Active is an opaque token that the introspection endpoint knows.
func Active() string { return ActivePrefix + newSecret() }

// Unknown is an opaque token, or a password, that nobody knows.
func Unknown() string { return newSecret() }

func newSecret() string { return rand.Text() }
