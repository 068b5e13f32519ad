package devissuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"ordermanagement/internal/auth"
)

const (
	typeAccess = "at+jwt" // RFC 9068, 2.1
	typeID     = "JWT"
)

// accessClaims is what an access token says (RFC 9068, 2.2).
type accessClaims struct {
	jwt.Claims
	ClientID string `json:"client_id"`
	Scope    string `json:"scope"` // separated by spaces
	Tenant   string `json:"tenant"`
	Session  string `json:"sid,omitempty"` // of a login
}

// idClaims is what an ID token says (OpenID Connect Core 1.0, 2).
type idClaims struct {
	jwt.Claims
	AuthTime        *jwt.NumericDate `json:"auth_time"`
	Nonce           string           `json:"nonce,omitempty"`
	AccessTokenHash string           `json:"at_hash"`
}

// signingKey signs tokens. The id of the key is its thumbprint (RFC 7638).
type signingKey struct {
	access, id jose.Signer
	public     jose.JSONWebKey
}

func newSigningKey(key crypto.Signer) (signingKey, error) {
	var algorithm jose.SignatureAlgorithm
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P256() {
			algorithm = jose.ES256
		}
	case *rsa.PrivateKey:
		if key.N.BitLen() >= minRSABits {
			algorithm = jose.RS256
		}
	}
	if algorithm == "" {
		return signingKey{}, errors.New("the issuer's key must be an ECDSA key on P-256 or an RSA key of at least 2048 bits")
	}
	public := jose.JSONWebKey{Key: key.Public(), Algorithm: string(algorithm), Use: "sig"}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return signingKey{}, err
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	private := jose.SigningKey{Algorithm: algorithm, Key: jose.JSONWebKey{Key: key, KeyID: public.KeyID}}
	access, err := jose.NewSigner(private, (&jose.SignerOptions{}).WithType(typeAccess))
	if err != nil {
		return signingKey{}, err
	}
	id, err := jose.NewSigner(private, (&jose.SignerOptions{}).WithType(typeID))
	return signingKey{access, id, public}, err
}

// grant is what tokens are issued for.
type grant struct {
	client          *client
	subject, tenant string
	scopes          []string
	session         string // of a login
}

// accessToken makes an access token.
func (i *Issuer) accessToken(g grant) (string, error) {
	now := i.options.Now()
	claims := accessClaims{
		Claims: jwt.Claims{
			Issuer: i.options.Issuer, Subject: g.subject, Audience: jwt.Audience{i.options.Audience}, ID: auth.NewToken(),
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(i.options.TokenTTL)),
		},
		ClientID: g.client.id, Scope: strings.Join(g.scopes, " "), Tenant: g.tenant, Session: g.session,
	}
	if !g.client.opaque {
		return jwt.Signed(i.key.access).Claims(claims).Serialize()
	}
	token := auth.NewToken()
	i.memory.mu.Lock()
	defer i.memory.mu.Unlock()
	i.memory.opaque.put(hashOf(token), claims)
	return token, nil
}

// idToken makes an ID token. It is for the client, and no access token: its audience and type are others.
func (i *Issuer) idToken(g grant, accessToken, nonce string, authTime time.Time) (string, error) {
	hash, err := oidc.ClaimHash(accessToken, jose.SignatureAlgorithm(i.key.public.Algorithm))
	if err != nil {
		return "", err
	}
	now := i.options.Now()
	return jwt.Signed(i.key.id).Claims(idClaims{
		Claims: jwt.Claims{
			Issuer: i.options.Issuer, Subject: g.subject, Audience: jwt.Audience{g.client.id},
			IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(i.options.TokenTTL)),
		},
		AuthTime: jwt.NewNumericDate(authTime), Nonce: nonce, AccessTokenHash: hash,
	}).Serialize()
}

// respond makes the answer to a grant (RFC 6749, 5.1). It names the scopes, since they may be others than was asked for.
func (i *Issuer) respond(g grant) (*oidc.AccessTokenResponse, error) {
	token, err := i.accessToken(g)
	if err != nil {
		return nil, oidc.ErrServerError().WithParent(err)
	}
	return &oidc.AccessTokenResponse{
		AccessToken: token, TokenType: oidc.BearerToken,
		ExpiresIn: uint64(i.options.TokenTTL / time.Second), Scope: g.scopes,
	}, nil
}

// verify finds out what an access token says, if it is one of ours that is valid now.
func (i *Issuer) verify(token string) (claims accessClaims, ok bool) {
	i.memory.mu.Lock()
	claims, ok = i.memory.opaque.get(hashOf(token))
	i.memory.mu.Unlock()
	if ok {
		return claims, true
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(i.key.public.Algorithm)})
	if err != nil || len(parsed.Headers) != 1 || parsed.Headers[0].ExtraHeaders[jose.HeaderType] != typeAccess {
		return claims, false
	}
	if parsed.Claims(i.key.public.Key, &claims) != nil {
		return claims, false
	}
	expected := jwt.Expected{Issuer: i.options.Issuer, AnyAudience: jwt.Audience{i.options.Audience}, Time: i.options.Now()}
	if claims.Expiry == nil || claims.ValidateWithLeeway(expected, 0) != nil {
		return claims, false
	}
	i.memory.mu.Lock()
	defer i.memory.mu.Unlock()
	_, revoked := i.memory.revoked.get(claims.ID)
	_, ended := i.memory.revoked.get(claims.Session)
	return claims, !revoked && !ended
}

const (
	scopeOpenID  = oidc.ScopeOpenID
	scopeOffline = oidc.ScopeOfflineAccess
)

// loginScopes are those that can be asked for when somebody logs in.
func loginScopes() []string { return append(auth.AllScopes(), scopeOpenID, scopeOffline) }

// scopesOf are the scopes of a request, each once; those of byDefault if it names none (RFC 6749, 3.3).
func scopesOf(requested, known, byDefault []string) ([]string, error) {
	var scopes []string
	for _, scope := range requested {
		switch {
		case scope == "": // between two spaces
		case !slices.Contains(known, scope):
			return nil, oidc.ErrInvalidScope().WithDescription("one of the scopes can't be had here; there are %s", strings.Join(known, " "))
		case !slices.Contains(scopes, scope):
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) == 0 {
		return byDefault, nil
	}
	return scopes, nil
}
