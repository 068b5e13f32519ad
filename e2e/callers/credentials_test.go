package callers_test

import (
	"crypto/tls"
	"encoding/base64"
	"testing"
	"time"
)

// credential is what a caller shows.
type credential struct {
	authorization string           // the header or metadata; "" for none
	certificate   *tls.Certificate // nil for none
}

// kind is a kind of credential, and what can be wrong with one. Callers that are right may do everything with orders; the
// other one is known, but may only read products.
type kind struct {
	name         string
	right        credential
	insufficient credential
	wrong        map[string]credential
}

func basic(user, password string) credential {
	return credential{authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))}
}

func bearer(token string) credential { return credential{authorization: "Bearer " + token} }

// kinds are all kinds of credentials that the world takes.
func (w *world) kinds(t *testing.T) []kind {
	t.Helper()
	claims := func(change func(map[string]any)) credential {
		claims := map[string]any{
			"iss": w.issuer, "aud": audience, "sub": "jane", "tenant": "default", "scope": "orders.read orders.write openid",
			"exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
		}
		if change != nil {
			change(claims)
		}
		return bearer(w.sign(t, w.key, claims))
	}
	valid := w.sign(t, w.key, map[string]any{"iss": w.issuer, "aud": audience, "sub": "jane", "tenant": "default", "scope": "orders.write", "exp": time.Now().Add(time.Hour).Unix()})
	return []kind{
		{
			name: "token", right: bearer("token-of-the-writer"), insufficient: bearer("token-of-the-other"),
			wrong: map[string]credential{
				"unknown":                    bearer("token-of-nobody"),
				"truncated":                  bearer("token-of-the-write"),
				"not ASCII":                  bearer("token-of-the-wrïter"),
				"no token":                   {authorization: "Bearer "},
				"only scheme":                {authorization: "Bearer"},
				"a scheme that nobody knows": {authorization: "Digest token-of-the-writer"},
			},
		},
		{
			name: "basic", right: basic("writer", "password of the writer"), insufficient: basic("other", "password of the other"),
			wrong: map[string]credential{
				"another's password": basic("writer", "password of the other"),
				"unknown user":       basic("nobody", "password of the writer"),
				"no password":        basic("writer", ""),
				"no colon":           {authorization: "Basic " + base64.StdEncoding.EncodeToString([]byte("writer"))},
				"bad base64":         {authorization: "Basic %%%"},
				"nothing":            {authorization: "Basic "},
			},
		},
		{
			name: "jwt", right: claims(nil), insufficient: claims(func(c map[string]any) { c["scope"] = "products.read" }),
			wrong: map[string]credential{
				"expired":         claims(func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() }),
				"without expiry":  claims(func(c map[string]any) { delete(c, "exp") }),
				"not yet valid":   claims(func(c map[string]any) { c["nbf"] = time.Now().Add(time.Hour).Unix() }),
				"wrong audience":  claims(func(c map[string]any) { c["aud"] = "somebody else" }),
				"wrong issuer":    claims(func(c map[string]any) { c["iss"] = "https://issuer.example.net" }),
				"without tenant":  claims(func(c map[string]any) { delete(c, "tenant") }),
				"without subject": claims(func(c map[string]any) { delete(c, "sub") }),
				"wrong key":       bearer(w.sign(t, newKey(t), map[string]any{"iss": w.issuer, "aud": audience, "sub": "jane", "tenant": "default", "exp": time.Now().Add(time.Hour).Unix()})),
				"truncated":       bearer(valid[:len(valid)-4]),
				"no signature":    bearer(unsigned(t, w.issuer)),
			},
		},
		{
			name: "introspection", right: bearer("opaque-writer"), insufficient: bearer("opaque-other"),
			wrong: map[string]credential{
				"inactive":        bearer("opaque-inactive"),
				"without tenant":  bearer("opaque-stray"),
				"for others":      bearer("opaque-elsewhere"),
				"by others":       bearer("opaque-foreign"),
				"a refresh token": bearer("opaque-refresh"),
			},
		},
		{
			name: "certificate", right: credential{certificate: w.certificate(t, "writer")}, insufficient: credential{certificate: w.certificate(t, "other")},
			wrong: map[string]credential{"of nobody": {certificate: w.certificate(t, "stranger")}},
		},
	}
}
