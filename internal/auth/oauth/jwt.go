package oauth

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"ordermanagement/internal/auth"

	"ordermanagement/internal/keyed"
)

// JWTOptions say which JWTs are taken.
type JWTOptions struct {
	Issuer   string // exactly what the claim iss has to be
	Audience string // one that the claim aud has to name
	// Algorithms of signatures; RS256, ES256 and EdDSA if empty. Only asymmetric ones can be.
	Algorithms []string
	Skew       time.Duration // how far the issuer's clock may be off; DefaultSkew if zero
	Claims     Claims
	Keys       Keys
	Now        func() time.Time // time.Now if nil
	// CacheEntries is how many verified tokens are remembered; DefaultCacheEntries if zero.
	CacheEntries int
}

// JWT knows callers by the JWTs of one issuer (RFC 7519), access tokens of RFC 9068 among them. A token that was verified is
// remembered until it expires or the issuer's keys change.
//
// An ID token (OpenID Connect) says who has logged in to a client and is no access token. It is refused where it can be
// told: by its at_hash or c_hash, and by its audience, a client. So this service should have an audience of its own.
type JWT struct {
	options    JWTOptions
	hasher     *keyed.Hasher
	remembered *cache[verified]
}

// verified is what was made of a token with the keys.
type verified struct {
	caller auth.Caller
	keys   *KeySet
}

var _ auth.TokenVerifier = (*JWT)(nil)

func asymmetric() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}

// NewJWT makes a verifier; what is wrong with the options is an error.
func NewJWT(options JWTOptions) (*JWT, error) {
	switch {
	case options.Issuer == "":
		return nil, errors.New("JWTs need an issuer; set the one whose tokens are to be taken")
	case options.Audience == "":
		return nil, errors.New("JWTs need an audience; set what the issuer calls this service")
	case options.Keys == nil:
		return nil, errors.New("JWTs need the keys of their issuer")
	case options.Skew < 0:
		return nil, errors.New("the clock skew of JWTs can't be negative")
	}
	if len(options.Algorithms) == 0 {
		options.Algorithms = []string{"RS256", "ES256", "EdDSA"}
	}
	for _, algorithm := range options.Algorithms {
		if !slices.Contains(asymmetric(), algorithm) {
			return nil, fmt.Errorf("JWTs can't be signed with %q here; the algorithms are %v", algorithm, asymmetric())
		}
	}
	var err error
	if options.Claims, err = options.Claims.complete(); err != nil {
		return nil, err
	}
	if options.Skew == 0 {
		options.Skew = DefaultSkew
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.CacheEntries == 0 {
		options.CacheEntries = DefaultCacheEntries
	}
	remembered, err := newCache[verified](options.CacheEntries)
	if err != nil {
		return nil, fmt.Errorf("the cache of JWTs: %w", err)
	}
	return &JWT{options: options, hasher: keyed.New(), remembered: remembered}, nil
}

// VerifyToken finds the caller of a JWT. What is not a JWT, or one of another issuer, is not of this kind: others may know
// it, and whoever claims that only reaches verifiers that it could reach anyway. So are encrypted tokens: nobody can tell
// whose they are.
func (v *JWT) VerifyToken(ctx context.Context, token string, _ auth.Origin) (auth.Caller, error) {
	if len(token) > MaxToken {
		return auth.Caller{}, tooLong()
	}
	if strings.Count(token, ".") != 2 {
		return auth.Caller{}, auth.ErrNotMine
	}
	now, keys := v.options.Now(), v.options.Keys.Current()
	d := v.hasher.Of(token)
	if found, ok := v.remembered.get(d, now); ok && found.keys == keys {
		return found.caller, nil
	}
	head, err := v.mine(token)
	if err != nil {
		return auth.Caller{}, err
	}
	payload, keys, err := v.verify(ctx, token, head)
	if err != nil {
		return auth.Caller{}, err
	}
	caller, expiry, err := v.accept(payload, now)
	if err != nil {
		return auth.Caller{}, err
	}
	v.remembered.put(d, verified{caller, keys}, now, expiry)
	return caller, nil
}

func tooLong() error {
	return auth.Refuse(auth.KindBearer, auth.Malformed, fmt.Sprintf("longer than %d bytes", MaxToken))
}

func malformed(detail string) error { return auth.Refuse(auth.KindJWT, auth.Malformed, detail) }

// header is what the JOSE header says that counts. What it says of keys, jwk, jku, x5c and x5u, doesn't: a caller has
// written it.
type header struct{ algorithm, keyID string }

// mine reads the header of a token that says it is one of our issuer.
func (v *JWT) mine(token string) (header, error) {
	first, rest, _ := strings.Cut(token, ".")
	second, _, _ := strings.Cut(rest, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil || !bytes.HasPrefix(decoded, []byte("{")) {
		return header{}, auth.ErrNotMine
	}
	head, err := parseObject(decoded)
	if err != nil {
		return header{}, malformed("the header is " + err.Error())
	}
	if !head.has("alg") {
		return header{}, auth.ErrNotMine
	}
	decoded, err = base64.RawURLEncoding.DecodeString(second)
	if err != nil {
		return header{}, malformed("the payload is not base64url")
	}
	payload, err := parseObject(decoded)
	if err != nil {
		return header{}, malformed("the payload is " + err.Error())
	}
	if issuer, ok := payload.text("iss"); !ok || issuer != v.options.Issuer {
		return header{}, auth.NotMine(auth.KindJWT, auth.WrongIssuer, fmt.Sprintf("issued by %.200q, not by %q", issuer, v.options.Issuer))
	}
	return v.readHeader(head)
}

func (v *JWT) readHeader(head object) (header, error) {
	algorithm, ok := head.text("alg")
	if !ok || !slices.Contains(v.options.Algorithms, algorithm) {
		return header{}, auth.Refuse(auth.KindJWT, auth.BadAlgorithm, fmt.Sprintf("signed with %.16q, not one of %v", algorithm, v.options.Algorithms))
	}
	// No extension is understood (RFC 7515, 4.1.11); an unencoded payload is none for JWTs (RFC 7797, 7).
	if _, ok := head["crit"]; ok || head.has("b64") {
		return header{}, malformed("needs an extension that is not understood")
	}
	kind, ok := head.text("typ")
	kind = strings.TrimPrefix(strings.ToLower(kind), "application/")
	if !ok || kind != "" && kind != "jwt" && kind != "at+jwt" {
		return header{}, malformed("typ says that it is no access token")
	}
	keyID, ok := head.text("kid")
	if !ok {
		return header{}, malformed("kid is not a string")
	}
	return header{algorithm, keyID}, nil
}

// verify answers the payload that the issuer has signed and the keys that it was verified with.
func (v *JWT) verify(ctx context.Context, token string, head header) ([]byte, *KeySet, error) {
	keys := v.options.Keys.Current()
	if keys == nil {
		return nil, nil, auth.Refuse(auth.KindJWT, auth.Unavailable, "the keys of the issuer are not known yet")
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(head.algorithm)})
	if err != nil {
		return nil, nil, malformed("not a signed token")
	}
	fitting, err := keys.find(head.algorithm, head.keyID)
	if refusal := (*auth.Refusal)(nil); errors.As(err, &refusal) && refusal.Cause == auth.UnknownKey {
		// Whether it could be refreshed is told by what is there then; why not stands in the log.
		_ = v.options.Keys.Refresh(ctx)
		keys = v.options.Keys.Current()
		fitting, err = keys.find(head.algorithm, head.keyID)
	}
	if err != nil {
		return nil, nil, err
	}
	for _, key := range fitting {
		if payload, err := signed.Verify(key); err == nil {
			return payload, keys, nil
		}
	}
	return nil, nil, auth.Refuse(auth.KindJWT, auth.BadSignature, "not signed by the issuer")
}

// accept makes a caller of what the issuer has signed.
func (v *JWT) accept(payload []byte, now time.Time) (caller auth.Caller, expiry time.Time, err error) {
	claims, err := parseObject(payload)
	if err != nil {
		return auth.Caller{}, time.Time{}, malformed("the payload is " + err.Error())
	}
	registered, err := claims.registered()
	switch {
	case err != nil:
		return auth.Caller{}, time.Time{}, malformed(err.Error())
	case registered.Expiry == nil:
		return auth.Caller{}, time.Time{}, malformed("does not expire: there is no exp")
	case claims.has("at_hash") || claims.has("c_hash"):
		return auth.Caller{}, time.Time{}, malformed("an ID token, not an access token")
	}
	expected := jwt.Expected{Issuer: v.options.Issuer, AnyAudience: jwt.Audience{v.options.Audience}, Time: now}
	if err := check(auth.KindJWT, registered, expected, v.options.Skew); err != nil {
		return auth.Caller{}, time.Time{}, err
	}
	caller, err = v.options.Claims.caller(auth.KindJWT, claims)
	return caller, registered.Expiry.Time(), err
}
