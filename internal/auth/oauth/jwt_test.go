package oauth_test

import (
	"context"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/auth/oauth"
)

func TestJWTOfEachAlgorithm(t *testing.T) {
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA", "PS256", "ES384"} {
		t.Run(algorithm, func(t *testing.T) {
			key := newSigner(t, "k", algorithm)
			jwt := verifier(t, oauth.StaticKeys(parse(t, set(key))), func(o *oauth.JWTOptions) {
				if algorithm == "PS256" || algorithm == "ES384" {
					o.Algorithms = []string{algorithm}
				}
			})
			token := key.sign(t, key.header(), claims(time.Now(), nil))
			for range 2 { // the second is remembered
				caller := taken(t, jwt, token)
				if caller.Subject != "jwt:ann" || caller.Tenant != "acme" || caller.Kind != auth.KindJWT ||
					!slices.Equal(caller.Scopes, []string{"orders.read", "products.read"}) {
					t.Errorf("got %+v", caller)
				}
			}
		})
	}
}

func TestJWTThatIsNotTaken(t *testing.T) {
	now := time.Now()
	rs, es, ed := newSigner(t, "rs", "RS256"), newSigner(t, "es", "ES256"), newSigner(t, "ed", "EdDSA")
	other := newSigner(t, "ed", "EdDSA") // with the id of a key that is known
	jwt := verifier(t, oauth.StaticKeys(parse(t, set(rs, es, ed))), nil)
	payload := claims(now, nil)
	good := ed.sign(t, ed.header(), payload)
	parts := strings.Split(good, ".")
	with := func(changes map[string]any) string { return ed.sign(t, ed.header(), claims(now, changes)) }
	head := func(header string) string { return ed.sign(t, header, payload) }
	encode := base64.RawURLEncoding.EncodeToString

	// HS256 with what is public of the RSA key as the secret.
	public, err := x509.MarshalPKIXPublicKey(rs.private.(*rsa.PrivateKey).Public())
	must(t, err)
	confused := encode([]byte(`{"alg":"HS256","kid":"rs"}`)) + "." + parts[1]
	mac := hmac.New(sha256.New, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	mac.Write([]byte(confused))
	confused += "." + encode(mac.Sum(nil))

	embedded := text(map[string]any{"alg": "EdDSA", "kid": "ed", "jwk": other.jwk(), "jku": "https://evil.test/keys", "x5u": "https://evil.test/x5u"})

	for name, test := range map[string]struct {
		token string
		want  auth.Cause
	}{
		"empty":                      {"", notMine},
		"opaque":                     {"c29tZS1zZWNyZXQtdG9rZW4", notMine},
		"three parts that aren't it": {"a.b.c", notMine},
		"no alg":                     {head(`{"typ":"JWT"}`), notMine},
		"another issuer":             {with(map[string]any{"iss": "https://issuer.test"}), notMine},
		"no issuer":                  {with(map[string]any{"iss": nil}), notMine},
		"issuer that is no string":   {with(map[string]any{"iss": []string{issuer}}), notMine},
		"non-ASCII":                  {parts[0] + ".é." + parts[2], auth.Malformed},
		"oversized":                  {with(map[string]any{"more": strings.Repeat("x", oauth.MaxToken)}), auth.Malformed},
		"five parts, as encrypted":   {encode([]byte(`{"alg":"RSA-OAEP","enc":"A128GCM"}`)) + ".a.b.c.d", notMine},
		"more after it":              {good + ".x", notMine},

		"expired":                        {with(map[string]any{"exp": now.Add(-2 * time.Minute).Unix()}), auth.Expired},
		"expired, as a fraction":         {with(map[string]any{"exp": 1.5}), auth.Expired},
		"without expiry":                 {with(map[string]any{"exp": nil}), auth.Malformed},
		"expiry that is no number":       {with(map[string]any{"exp": "4102444800"}), auth.Malformed},
		"expiry past all time":           {with(map[string]any{"exp": 1e300}), auth.Malformed},
		"not valid yet":                  {with(map[string]any{"nbf": now.Add(2 * time.Minute).Unix()}), auth.NotYetValid},
		"issued in the future":           {with(map[string]any{"iat": now.Add(2 * time.Minute).Unix()}), auth.NotYetValid},
		"another audience":               {with(map[string]any{"aud": "other"}), auth.WrongAudience},
		"other audiences":                {with(map[string]any{"aud": []string{"other", "orders2"}}), auth.WrongAudience},
		"no audience":                    {with(map[string]any{"aud": nil}), auth.WrongAudience},
		"no audience at all":             {with(map[string]any{"aud": []string{}}), auth.WrongAudience},
		"audience that is no string":     {with(map[string]any{"aud": 7}), auth.Malformed},
		"ID token":                       {with(map[string]any{"at_hash": "x"}), auth.Malformed},
		"bound to a key":                 {with(map[string]any{"cnf": map[string]string{"jkt": "x"}}), auth.Malformed},
		"payload that is no object":      {ed.sign(t, ed.header(), `"x"`), auth.Malformed},
		"payload with the issuer twice":  {ed.sign(t, ed.header(), `{"iss":"x",`+payload[1:]), auth.Malformed},
		"payload with the subject twice": {ed.sign(t, ed.header(), `{"sub":"root",`+payload[1:]), auth.Malformed},

		"wrong key":                    {other.sign(t, other.header(), payload), auth.BadSignature},
		"truncated":                    {good[:len(good)-4], auth.BadSignature},
		"truncated within a byte":      {good[:len(good)-1], auth.Malformed},
		"without signature":            {parts[0] + "." + parts[1] + ".", auth.BadSignature},
		"signature of another payload": {parts[0] + "." + encode([]byte(claims(now, map[string]any{"sub": "root"}))) + "." + parts[2], auth.BadSignature},
		"signature of another header":  {encode([]byte(`{"kid":"ed","alg":"EdDSA"}`)) + "." + parts[1] + "." + parts[2], auth.BadSignature},
		"key in the header":            {other.sign(t, embedded, payload), auth.BadSignature},

		"alg none":                      {encode([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", auth.BadAlgorithm},
		"alg None":                      {encode([]byte(`{"alg":"None","kid":"rs"}`)) + "." + parts[1] + ".", auth.BadAlgorithm},
		"HS256 with the RSA key":        {confused, auth.BadAlgorithm},
		"asymmetric, not allowed":       {rs.sign(t, `{"alg":"PS256","kid":"rs"}`, payload), auth.BadAlgorithm},
		"alg that is no string":         {head(`{"alg":1}`), auth.BadAlgorithm},
		"alg of another key":            {head(`{"alg":"RS256","kid":"ed"}`), auth.BadAlgorithm},
		"key of another alg":            {es.sign(t, `{"alg":"ES256","kid":"rs"}`, payload), auth.BadAlgorithm},
		"two algs":                      {head(`{"alg":"EdDSA","kid":"ed","alg":"RS256"}`), auth.Malformed},
		"two algs, one in capitals":     {head(`{"ALG":"EdDSA","alg":"none","kid":"ed"}`), auth.BadAlgorithm},
		"unknown kid":                   {head(`{"alg":"EdDSA","kid":"ed2"}`), auth.UnknownKey},
		"kid that is a path":            {head(`{"alg":"EdDSA","kid":"../../etc/passwd"}`), auth.UnknownKey},
		"kid that is no string":         {head(`{"alg":"EdDSA","kid":["ed"]}`), auth.Malformed},
		"crit":                          {head(`{"alg":"EdDSA","kid":"ed","crit":["exp"],"exp":1}`), auth.Malformed},
		"empty crit":                    {head(`{"alg":"EdDSA","kid":"ed","crit":[]}`), auth.Malformed},
		"unencoded payload":             {head(`{"alg":"EdDSA","kid":"ed","crit":["b64"],"b64":false}`), auth.Malformed},
		"unencoded payload, in secret":  {head(`{"alg":"EdDSA","kid":"ed","b64":false}`), auth.Malformed},
		"token of another type":         {head(`{"alg":"EdDSA","kid":"ed","typ":"logout+jwt"}`), auth.Malformed},
		"type that is no string":        {head(`{"alg":"EdDSA","kid":"ed","typ":7}`), auth.Malformed},
		"header that is not quite JSON": {encode([]byte(`{"alg":"EdDSA",}`)) + "." + parts[1] + "." + parts[2], auth.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			if got := cause(t, jwt, test.token); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	taken(t, jwt, good)
	for name, header := range map[string]string{
		"JWT":                       `{"alg":"EdDSA","kid":"ed","typ":"JWT"}`,
		"access token":              `{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}`,
		"access token, in full":     `{"alg":"EdDSA","kid":"ed","typ":"application/AT+JWT"}`,
		"no kid, one key fits":      `{"alg":"EdDSA"}`,
		"address of others' keys":   `{"alg":"EdDSA","kid":"ed","jku":"https://evil.test/","x5u":"https://evil.test/"}`,
		"an extension not critical": `{"alg":"EdDSA","kid":"ed","whatever":{}}`,
	} {
		t.Run(name, func(t *testing.T) { taken(t, jwt, head(header)) })
	}
	for name, changes := range map[string]map[string]any{
		"expired within the skew":       {"exp": now.Add(-30 * time.Second).Unix()},
		"not valid yet within the skew": {"nbf": now.Add(30 * time.Second).Unix(), "iat": now.Add(30 * time.Second).Unix()},
		"one of several audiences":      {"aud": []string{"other", audience}},
		"expiry as a fraction":          {"exp": float64(now.Unix()) + 100.5},
	} {
		t.Run(name, func(t *testing.T) { taken(t, jwt, with(changes)) })
	}
}

func TestJWTWithoutKeyIDThatSeveralKeysFit(t *testing.T) {
	a, b := newSigner(t, "a", "EdDSA"), newSigner(t, "b", "EdDSA")
	jwt := verifier(t, oauth.StaticKeys(parse(t, set(a, b))), nil)
	if got := cause(t, jwt, a.sign(t, `{"alg":"EdDSA"}`, claims(time.Now(), nil))); got != auth.UnknownKey {
		t.Errorf("got %s", got)
	}
}

// Keys that share an id, as they may while they are replaced, are all tried.
func TestJWTOfKeysWithTheSameID(t *testing.T) {
	a, b := newSigner(t, "k", "EdDSA"), newSigner(t, "k", "EdDSA")
	jwt := verifier(t, oauth.StaticKeys(parse(t, set(a, b))), nil)
	taken(t, jwt, a.sign(t, a.header(), claims(time.Now(), nil)))
	taken(t, jwt, b.sign(t, b.header(), claims(time.Now(), nil)))
}

// keys change when the test says so.
type keys struct {
	current   atomic.Pointer[oauth.KeySet]
	refreshed atomic.Int64
	next      *oauth.KeySet // what Refresh makes current
}

func (k *keys) Current() *oauth.KeySet { return k.current.Load() }

func (k *keys) Refresh(context.Context) error {
	k.refreshed.Add(1)
	if k.next != nil {
		k.current.Store(k.next)
	}
	return nil
}

func TestKeysThatChange(t *testing.T) {
	old, young := newSigner(t, "old", "ES256"), newSigner(t, "young", "EdDSA")
	ofOld, ofYoung := old.sign(t, old.header(), claims(time.Now(), nil)), young.sign(t, young.header(), claims(time.Now(), nil))
	k := &keys{}
	jwt := verifier(t, k, nil)
	if got := cause(t, jwt, ofOld); got != auth.Unavailable || k.refreshed.Load() != 0 {
		t.Errorf("before any key is known: %s", got)
	}
	if got := cause(t, jwt, strings.Replace(ofOld, ".", "", 1)); got != notMine {
		t.Errorf("not a JWT, before any key is known: %s", got)
	}
	k.current.Store(parse(t, set(old)))
	taken(t, jwt, ofOld)
	taken(t, jwt, ofOld)
	if k.refreshed.Load() != 0 {
		t.Error("known keys were refreshed")
	}
	if got := cause(t, jwt, ofYoung); got != auth.UnknownKey || k.refreshed.Load() != 1 {
		t.Errorf("an unknown key: %s, %d refreshes", got, k.refreshed.Load())
	}
	k.next = parse(t, set(old, young))
	taken(t, jwt, ofYoung)
	taken(t, jwt, ofOld)
	k.next = nil
	k.current.Store(parse(t, set(young)))
	if got := cause(t, jwt, ofOld); got != auth.UnknownKey {
		t.Errorf("a token that was taken, of a key that is withdrawn: %s", got)
	}
	taken(t, jwt, ofYoung)
}

func TestTokenThatWasTakenExpires(t *testing.T) {
	clock := &clock{}
	key := newSigner(t, "k", "EdDSA")
	jwt := verifier(t, oauth.StaticKeys(parse(t, set(key))), func(o *oauth.JWTOptions) { o.Now = clock.Now })
	token := key.sign(t, key.header(), claims(clock.Now(), nil))
	taken(t, jwt, token)
	clock.Advance(time.Hour + 2*oauth.DefaultSkew)
	if got := cause(t, jwt, token); got != auth.Expired {
		t.Errorf("got %s", got)
	}
}

// A token that was taken before isn't verified again, which makes more than a hundred allocations. It makes none, but under
// the race detector pools drop some of what they are given.
func TestTokenThatWasTakenIsRemembered(t *testing.T) {
	key := newSigner(t, "k", "RS256")
	jwt := verifier(t, oauth.StaticKeys(parse(t, set(key))), nil)
	token := key.sign(t, key.header(), claims(time.Now(), nil))
	taken(t, jwt, token)
	ctx := t.Context()
	if allocations := testing.AllocsPerRun(100, func() {
		if _, err := jwt.VerifyToken(ctx, token, auth.Origin{}); err != nil {
			t.Fatal(err)
		}
	}); allocations > 10 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestJWTOptions(t *testing.T) {
	fine := oauth.JWTOptions{Issuer: issuer, Audience: audience, Keys: &keys{}}
	for want, change := range map[string]func(*oauth.JWTOptions){
		"an issuer":    func(o *oauth.JWTOptions) { o.Issuer = "" },
		"an audience":  func(o *oauth.JWTOptions) { o.Audience = "" },
		"the keys":     func(o *oauth.JWTOptions) { o.Keys = nil },
		"skew":         func(o *oauth.JWTOptions) { o.Skew = -1 },
		`"HS256"`:      func(o *oauth.JWTOptions) { o.Algorithms = []string{"RS256", "HS256"} },
		`"none"`:       func(o *oauth.JWTOptions) { o.Algorithms = []string{"none"} },
		`"ML-DSA-44"`:  func(o *oauth.JWTOptions) { o.Algorithms = []string{"ML-DSA-44"} },
		"exclude":      func(o *oauth.JWTOptions) { o.Claims = oauth.Claims{Tenant: "t", FixedTenant: "acme"} },
		`tenant "A c"`: func(o *oauth.JWTOptions) { o.Claims = oauth.Claims{FixedTenant: "A c"} },
		"cache":        func(o *oauth.JWTOptions) { o.CacheEntries = -1 },
	} {
		t.Run(want, func(t *testing.T) {
			options := fine
			change(&options)
			if _, err := oauth.NewJWT(options); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func BenchmarkTokenThatWasTaken(b *testing.B) {
	key := newSigner(b, "k", "RS256")
	jwt := verifier(b, oauth.StaticKeys(parse(b, set(key))), nil)
	token := key.sign(b, key.header(), claims(time.Now(), nil))
	taken(b, jwt, token)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := jwt.VerifyToken(b.Context(), token, auth.Origin{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkTokenThatIsNew(b *testing.B) {
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
		b.Run(algorithm, func(b *testing.B) {
			key := newSigner(b, "k", algorithm)
			k := &keys{}
			documents := []*oauth.KeySet{parse(b, set(key)), parse(b, set(key))}
			jwt := verifier(b, k, nil)
			token := key.sign(b, key.header(), claims(time.Now(), nil))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				k.current.Store(documents[i%2])
				taken(b, jwt, token)
			}
		})
	}
}
