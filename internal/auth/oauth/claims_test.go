package oauth_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/auth/oauth"
)

func TestClaims(t *testing.T) {
	key := newSigner(t, "k", "EdDSA")
	named := oauth.Claims{Subject: "client_id", Tenant: "https://claims.test/tenant", Scopes: "scp"}
	fixed := oauth.Claims{FixedTenant: "house"}
	none := []string{}
	for name, test := range map[string]struct {
		claims  oauth.Claims
		changes map[string]any
		subject string // empty: there is no caller
		tenant  string
		scopes  []string
	}{
		"by default":                  {oauth.Claims{}, nil, "jwt:ann", "acme", []string{"orders.read", "products.read"}},
		"other names":                 {named, map[string]any{"client_id": "batch", "https://claims.test/tenant": "umbrella", "scp": []string{"orders.write"}}, "jwt:batch", "umbrella", []string{"orders.write"}},
		"other names, none there":     {named, nil, "", "", nil},
		"fixed tenant":                {fixed, map[string]any{"tenant": nil}, "jwt:ann", "house", []string{"orders.read", "products.read"}},
		"fixed tenant, token differs": {fixed, map[string]any{"tenant": "acme"}, "jwt:ann", "house", []string{"orders.read", "products.read"}},

		"subject with spaces and signs": {oauth.Claims{}, map[string]any{"sub": "Zoë O'Hara|7"}, "jwt:Zoë O'Hara|7", "acme", []string{"orders.read", "products.read"}},
		"longest subject":               {oauth.Claims{}, map[string]any{"sub": strings.Repeat("a", oauth.MaxSubject)}, "jwt:" + strings.Repeat("a", oauth.MaxSubject), "acme", []string{"orders.read", "products.read"}},
		"subject too long":              {oauth.Claims{}, map[string]any{"sub": strings.Repeat("a", oauth.MaxSubject+1)}, "", "", nil},
		"no subject":                    {oauth.Claims{}, map[string]any{"sub": nil}, "", "", nil},
		"empty subject":                 {oauth.Claims{}, map[string]any{"sub": ""}, "", "", nil},
		"subject that is a number":      {oauth.Claims{}, map[string]any{"sub": 7}, "", "", nil},
		"subject that is a list":        {oauth.Claims{}, map[string]any{"sub": []string{"ann"}}, "", "", nil},
		"subject of two lines":          {oauth.Claims{}, map[string]any{"sub": "ann\nroot"}, "", "", nil},
		"subject with a zero":           {oauth.Claims{}, map[string]any{"sub": "ann\x00"}, "", "", nil},
		"subject that turns around":     {oauth.Claims{}, map[string]any{"sub": "ann\u202eroot"}, "", "", nil},

		"no tenant":               {oauth.Claims{}, map[string]any{"tenant": nil}, "", "", nil},
		"empty tenant":            {oauth.Claims{}, map[string]any{"tenant": ""}, "", "", nil},
		"tenant in capitals":      {oauth.Claims{}, map[string]any{"tenant": "Acme"}, "", "", nil},
		"tenant that is a path":   {oauth.Claims{}, map[string]any{"tenant": "acme/../other"}, "", "", nil},
		"tenant with a line end":  {oauth.Claims{}, map[string]any{"tenant": "acme\n"}, "", "", nil},
		"tenant that is a number": {oauth.Claims{}, map[string]any{"tenant": 7}, "", "", nil},
		"several tenants":         {oauth.Claims{}, map[string]any{"tenant": []string{"acme"}}, "", "", nil},

		"no scopes":                    {oauth.Claims{}, map[string]any{"scope": nil}, "jwt:ann", "acme", none},
		"empty scopes":                 {oauth.Claims{}, map[string]any{"scope": ""}, "jwt:ann", "acme", none},
		"scopes as a list":             {oauth.Claims{}, map[string]any{"scope": []string{"orders.write", "orders.read"}}, "jwt:ann", "acme", []string{"orders.read", "orders.write"}},
		"scopes nobody knows":          {oauth.Claims{}, map[string]any{"scope": "openid orders.* orders.readx ORDERS.READ admin"}, "jwt:ann", "acme", none},
		"a scope twice":                {oauth.Claims{}, map[string]any{"scope": "orders.read orders.read"}, "jwt:ann", "acme", []string{"orders.read"}},
		"a scope within another":       {oauth.Claims{}, map[string]any{"scope": []string{"friends of orders.write"}}, "jwt:ann", "acme", none},
		"scopes between other blanks":  {oauth.Claims{}, map[string]any{"scope": "orders.read\u00a0orders.write\u0085products.read\nproducts.write"}, "jwt:ann", "acme", none},
		"scopes that are a number":     {oauth.Claims{}, map[string]any{"scope": 7}, "", "", nil},
		"scopes that are a truth":      {oauth.Claims{}, map[string]any{"scope": map[string]bool{"orders.read": true}}, "", "", nil},
		"scopes, one of them a number": {oauth.Claims{}, map[string]any{"scope": []any{"orders.read", 7}}, "", "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			jwt := verifier(t, oauth.StaticKeys(parse(t, set(key))), func(o *oauth.JWTOptions) { o.Claims = test.claims })
			token := key.sign(t, key.header(), claims(time.Now(), test.changes))
			if test.subject == "" {
				if got := cause(t, jwt, token); got != auth.NoCaller {
					t.Errorf("got %s", got)
				}
				return
			}
			if got := taken(t, jwt, token); got.Subject != test.subject || got.Tenant != test.tenant || !slices.Equal(got.Scopes, test.scopes) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// sound asserts what holds of every caller.
func sound(t *testing.T, caller auth.Caller) {
	_, subject, _ := strings.Cut(caller.Subject, ":")
	if subject == "" || len(subject) > oauth.MaxSubject || !utf8.ValidString(subject) || strings.ContainsFunc(subject, unicode.IsControl) {
		t.Errorf("subject %q", caller.Subject)
	}
	if !auth.ValidTenant(caller.Tenant) {
		t.Errorf("tenant %q", caller.Tenant)
	}
	for _, scope := range caller.Scopes {
		if !slices.Contains(auth.AllScopes(), scope) {
			t.Errorf("scope %q", scope)
		}
	}
}

// FuzzClaims: whatever an issuer signs, who is made of it is sound.
func FuzzClaims(f *testing.F) {
	key := newSigner(f, "k", "EdDSA")
	jwt := verifier(f, oauth.StaticKeys(parse(f, set(key))), nil)
	now := time.Now()
	for _, changes := range []map[string]any{nil, {"sub": 7}, {"tenant": "A"}, {"scope": []string{"orders.read"}}, {"exp": 1e300}, {"aud": []string{audience}}} {
		f.Add(claims(now, changes))
	}
	f.Add(`{"iss":"` + issuer + `","exp":null}`)
	f.Fuzz(func(t *testing.T, payload string) {
		if caller, err := jwt.VerifyToken(t.Context(), key.sign(t, key.header(), payload), auth.Origin{}); err == nil {
			sound(t, caller)
		}
	})
}

// FuzzToken: nobody but the holder of the key makes a token.
func FuzzToken(f *testing.F) {
	key, other := newSigner(f, "k", "EdDSA"), newSigner(f, "o", "EdDSA")
	jwt := verifier(f, oauth.StaticKeys(parse(f, set(key))), nil)
	payload := claims(time.Now(), nil)
	good := key.sign(f, key.header(), payload)
	want := taken(f, jwt, good)
	f.Add(good)
	f.Add(good[:len(good)-3])
	f.Add(other.sign(f, `{"alg":"none"}`, payload))
	f.Add(other.sign(f, `{"alg":"HS256","crit":["b64"],"b64":false}`, payload))
	f.Fuzz(func(t *testing.T, token string) {
		caller, err := jwt.VerifyToken(t.Context(), token, auth.Origin{})
		if err == nil && (caller.Subject != want.Subject || caller.Tenant != want.Tenant || !slices.Equal(caller.Scopes, want.Scopes)) {
			t.Errorf("%q makes %+v", token, caller)
		}
	})
}
