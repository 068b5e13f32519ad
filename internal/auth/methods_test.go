package auth_test

import (
	"crypto/x509"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"ordermanagement/internal/auth"
)

func basic(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }

const knownCallers = `callers:
  - {token: ci, tenant: acme, scopes: [orders.read]}
  - {user: ann, tenant: acme, scopes: [orders.write]}
  - {certificate: "CN=batch,O=Acme", tenant: acme, scopes: [products.read]}`

// known lets in a token, a user with the password "correct:horse" and a certificate.
func known(t *testing.T) (token string, methods *auth.Methods, o *operator) {
	t.Helper()
	token, o = auth.NewToken(), newOperator(t)
	o.writeAll(knownCallers, tokenLine(t, "ci", token), "ann:"+hash(t, "correct:hörse"))
	_, methods = o.open()
	return token, methods, o
}

func TestAuthorization(t *testing.T) {
	token, methods, _ := known(t)
	certificate := certificate(t, subject("batch"))
	for name, test := range map[string]struct {
		authorization []string
		certificate   *x509.Certificate
		want          string // the subject, or how it is refused
	}{
		"token":                  {[]string{"Bearer " + token}, nil, "token:ci"},
		"token, other case":      {[]string{"bEARER " + token}, nil, "token:ci"},
		"password":               {[]string{basic("ann:correct:hörse")}, nil, "user:ann"},
		"password, other case":   {[]string{"bASIC" + basic("ann:correct:hörse")[5:]}, nil, "user:ann"},
		"password, decomposed":   {[]string{basic("ann:correct:ho\u0308rse")}, nil, "user:ann"},
		"certificate":            {nil, certificate, "certificate:CN=batch,O=Acme"},
		"token first":            {[]string{"Bearer " + token}, certificate, "token:ci"},
		"a wrong token counts":   {[]string{"Bearer x"}, certificate, "bearer unknown"},
		"nothing":                {nil, nil, "none missing"},
		"two":                    {[]string{"Bearer " + token, "Bearer " + token}, nil, "other repeated"},
		"empty value":            {[]string{""}, certificate, "other malformed"},
		"a space":                {[]string{" "}, nil, "other malformed"},
		"unknown scheme":         {[]string{"Digest " + token}, nil, "other malformed"},
		"bare token":             {[]string{token}, nil, "other malformed"},
		"scheme alone":           {[]string{"Bearer"}, nil, "bearer malformed"},
		"empty token":            {[]string{"Bearer "}, nil, "bearer malformed"},
		"space before":           {[]string{" Bearer " + token}, nil, "other malformed"},
		"two spaces":             {[]string{"Bearer  " + token}, nil, "bearer malformed"},
		"space behind":           {[]string{"Bearer " + token + " "}, nil, "bearer malformed"},
		"tab":                    {[]string{"Bearer\t" + token}, nil, "other malformed"},
		"two tokens in one":      {[]string{"Bearer " + token + ", Bearer " + token}, nil, "bearer malformed"},
		"not ASCII":              {[]string{"Bearer tökén"}, nil, "bearer malformed"},
		"padding only":           {[]string{"Bearer =="}, nil, "bearer malformed"},
		"longest token":          {[]string{"Bearer " + strings.Repeat("a", auth.MaxTokenBytes)}, nil, "bearer unknown"},
		"oversized token":        {[]string{"Bearer " + strings.Repeat("a", auth.MaxTokenBytes+1)}, nil, "bearer malformed"},
		"part of the token":      {[]string{"Bearer " + token[:len(token)-1]}, nil, "bearer unknown"},
		"name of the token":      {[]string{"Bearer ci"}, nil, "bearer unknown"},
		"hash of the token":      {[]string{"Bearer " + strings.Split(tokenLine(t, "ci", token), ":")[2]}, nil, "bearer unknown"},
		"password as token":      {[]string{"Bearer " + basic("ann:correct:hörse")[6:]}, nil, "bearer unknown"},
		"token as password":      {[]string{basic("ci:" + token)}, nil, "basic unknown"},
		"wrong password":         {[]string{basic("ann:wrong")}, nil, "basic unknown"},
		"password, other letter": {[]string{basic("ann:Correct:hörse")}, nil, "basic unknown"},
		"user, other letter":     {[]string{basic("Ann:correct:hörse")}, nil, "basic unknown"},
		"unknown user":           {[]string{basic("bob:correct:hörse")}, nil, "basic unknown"},
		"impossible user":        {[]string{basic("a b:correct:hörse")}, nil, "basic unknown"},
		"no user":                {[]string{basic(":correct:hörse")}, nil, "basic malformed"},
		"no password":            {[]string{basic("ann:")}, nil, "basic malformed"},
		"no colon":               {[]string{basic("ann")}, nil, "basic malformed"},
		"nothing behind Basic":   {[]string{"Basic "}, nil, "basic malformed"},
		"not base64":             {[]string{"Basic ann:correct"}, nil, "basic malformed"},
		"base64 without padding": {[]string{strings.TrimRight(basic("ann:correct:horse!"), "=") + "A"}, nil, "basic malformed"},
		"base64 of URLs":         {[]string{"Basic " + base64.URLEncoding.EncodeToString([]byte("ann:\u00ff\u00fe?>"))}, nil, "basic malformed"},
		"base64 with a line end": {[]string{basic("ann:correct:hörse") + "\n"}, nil, "basic malformed"},
		"base64 with more bits":  {[]string{"Basic YTpiYy=="}, nil, "basic malformed"},
		"two spaces, Basic":      {[]string{"Basic  " + basic("ann:correct:hörse")[6:]}, nil, "basic malformed"},
		"NUL in the password":    {[]string{basic("ann:correct:hörse\x00correct:hörse")}, nil, "basic malformed"},
		"Latin-1":                {[]string{basic("ann:correct:h\xf6rse")}, nil, "basic malformed"},
		"password of 73 bytes":   {[]string{basic("ann:" + strings.Repeat("x", 73))}, nil, "basic malformed"},
		"oversized Basic":        {[]string{basic(strings.Repeat("x", 1<<10) + ":x")}, nil, "basic malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			caller, err := methods.Authenticate(t.Context(), auth.Credentials{Authorization: test.authorization, Certificate: test.certificate})
			got := caller.Subject
			if err != nil {
				got = refusal(t, err)
				for _, secret := range []string{token, "correct", "wrong"} {
					if strings.Contains(err.Error(), secret) && err.Error() != "basic unknown: the password of ann is wrong" {
						t.Errorf("the error holds the credential: %v", err)
					}
				}
			}
			if got != test.want {
				t.Errorf("got %q, want %q (%v)", got, test.want, err)
			}
		})
	}
}

func TestCallers(t *testing.T) {
	token, methods, _ := known(t)
	for want, credentials := range map[*auth.Caller]auth.Credentials{
		{Subject: "token:ci", Tenant: "acme", Scopes: []string{"orders.read"}, Kind: auth.KindToken}:                            {Authorization: []string{"Bearer " + token}},
		{Subject: "user:ann", Tenant: "acme", Scopes: []string{"orders.write"}, Kind: auth.KindBasic}:                           {Authorization: []string{basic("ann:correct:hörse")}},
		{Subject: "certificate:CN=batch,O=Acme", Tenant: "acme", Scopes: []string{"products.read"}, Kind: auth.KindCertificate}: {Certificate: certificate(t, subject("batch"))},
	} {
		got, err := methods.Authenticate(t.Context(), credentials)
		if err != nil || got.Subject != want.Subject || got.Tenant != want.Tenant || got.Kind != want.Kind || !slices.Equal(got.Scopes, want.Scopes) {
			t.Errorf("got %+v, %v, want %+v", got, err, *want)
		}
	}
}

func TestChallenges(t *testing.T) {
	_, all, o := known(t)
	o.write(o.files.Htpasswd)
	_, withoutUsers := o.open()
	const bearer, invalid, password = `Bearer realm="ordermanagement"`, `Bearer realm="ordermanagement", error="invalid_token"`, `Basic realm="ordermanagement", charset="UTF-8"`
	for name, test := range map[string]struct {
		methods *auth.Methods
		refused *auth.Refusal
		want    []string
	}{
		"nothing came":         {all, auth.Refuse(auth.KindNone, auth.Missing, ""), []string{bearer, password}},
		"a wrong token":        {all, auth.Refuse(auth.KindBearer, auth.Unknown, ""), []string{invalid, password}},
		"an expired JWT":       {all, auth.Refuse(auth.KindJWT, auth.Expired, ""), []string{invalid + `, error_description="the token has expired"`, password}},
		"a JWT of another key": {all, auth.Refuse(auth.KindJWT, auth.BadSignature, ""), []string{invalid, password}},
		"an inactive token":    {all, auth.Refuse(auth.KindIntrospect, auth.Inactive, ""), []string{invalid, password}},
		"an unclear token":     {all, auth.Refuse(auth.KindIntrospect, auth.Unavailable, ""), []string{bearer, password}},
		"a wrong password":     {all, auth.Refuse(auth.KindBasic, auth.Unknown, ""), []string{bearer, password}},
		"an unknown scheme":    {all, auth.Refuse(auth.KindOther, auth.Malformed, ""), []string{bearer, password}},
		"a wrong certificate":  {all, auth.Refuse(auth.KindCertificate, auth.Unknown, ""), []string{bearer, password}},
		"nobody has passwords": {withoutUsers, auth.Refuse(auth.KindNone, auth.Missing, ""), []string{bearer}},
		"certificates only":    {&auth.Methods{}, auth.Refuse(auth.KindNone, auth.Missing, ""), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := test.methods.Challenges(test.refused); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	if _, err := withoutUsers.Authenticate(t.Context(), auth.Credentials{Authorization: []string{basic("ann:correct:hörse")}}); refusal(t, err) != "other malformed" {
		t.Errorf("Basic where nobody has a password: %v", err)
	}
}

// Without authentication only this machine may call; a gateway on it must not open the service to others.
func TestAnonymousTakesNobodyFromElsewhere(t *testing.T) {
	for name, test := range map[string]struct {
		forwardedFor []string
		admitted     bool
	}{
		"direct":                   {nil, true},
		"from this machine":        {[]string{"127.0.0.1"}, true},
		"by IPv6":                  {[]string{"::1, 127.0.0.1"}, true},
		"from another":             {[]string{"192.0.2.1"}, false},
		"from another, in between": {[]string{"127.0.0.1, 192.0.2.1, 127.0.0.1"}, false},
		"from who knows where":     {[]string{"unknown"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			caller, err := auth.Anonymous{}.Authenticate(t.Context(), auth.Credentials{ForwardedFor: test.forwardedFor})
			if (err == nil) != test.admitted || (err == nil) != caller.Has("orders.write") {
				t.Errorf("got %+v, %v", caller, err)
			}
		})
	}
}

func FuzzAuthorization(f *testing.F) {
	for _, seed := range []string{"", "Bearer abc", "Basic YW5uOng=", "basic ====", "Bearer \x00", "Basic YTpiYy=="} {
		f.Add(seed)
	}
	o := newOperator(f)
	o.writeAll("callers: [{user: ann, tenant: acme}]", "", "ann:"+fixedHash)
	_, methods := o.open()
	f.Fuzz(func(t *testing.T, authorization string) {
		caller, err := methods.Authenticate(t.Context(), auth.Credentials{Authorization: []string{authorization}})
		if err == nil {
			t.Fatalf("%q is %+v", authorization, caller)
		}
		refusal(t, err)
	})
}

// fixedHash is a bcrypt hash of what nobody knows.
const fixedHash = "$2a$04$CcDlfvYvJ3VVSkHqpV2gSOSq0QTvpcIW.c7fQfTtL2hWvJtRxkW6q"
