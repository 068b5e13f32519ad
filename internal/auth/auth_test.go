package auth_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ordermanagement/internal/auth"
)

const callers = `callers:
  - token: ci
    tenant: acme
    scopes: [orders.read]
`

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTokens(t *testing.T) {
	token := auth.NewToken()
	line, err := auth.TokenLine("ci", token)
	if err != nil {
		t.Fatal(err)
	}
	known, err := auth.LoadTokens(write(t, "tokens", "# comment\n\n"+line+"\n"), write(t, "callers.yaml", callers))
	if err != nil {
		t.Fatal(err)
	}
	tokens := &auth.Methods{Tokens: []auth.TokenVerifier{known}}
	for name, test := range map[string]struct {
		authorization []string
		want          error
	}{
		"right":              {[]string{"Bearer " + token}, nil},
		"scheme in any case": {[]string{"bEARER " + token}, nil},
		"none":               {nil, auth.ErrMissing},
		"two":                {[]string{"Bearer " + token, "Bearer " + token}, auth.ErrInvalid},
		"empty value":        {[]string{""}, auth.ErrInvalid},
		"empty token":        {[]string{"Bearer "}, auth.ErrInvalid},
		"another scheme":     {[]string{"Basic " + token}, auth.ErrInvalid},
		"bare token":         {[]string{token}, auth.ErrInvalid},
		"token with more":    {[]string{"Bearer " + token + " x"}, auth.ErrInvalid},
		"part of the token":  {[]string{"Bearer " + token[:len(token)-1]}, auth.ErrInvalid},
		"the hash itself":    {[]string{"Bearer " + strings.Split(line, ":")[2]}, auth.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			caller, err := tokens.Authenticate(t.Context(), auth.Credentials{Authorization: test.authorization})
			if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
				t.Fatalf("got %v, want %v", err, test.want)
			}
			if err != nil {
				if strings.Contains(err.Error(), token) {
					t.Error("the error holds the credential")
				}
				return
			}
			if caller.Subject != "token:ci" || caller.Tenant != "acme" || !caller.Has("orders.read") || caller.Has("orders.write") {
				t.Errorf("got %+v", caller)
			}
		})
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

func TestFilesThatDoNotLoad(t *testing.T) {
	good, err := auth.TokenLine("ci", "secret")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ tokens, callers, want string }{
		"not a line":           {"ci", callers, "line 1"},
		"another hash":         {"ci:md5:00", callers, "NAME:sha256:HEX"},
		"short hash":           {"ci:sha256:00", callers, "64 hexadecimal"},
		"no such caller":       {strings.Replace(good, "ci", "cd", 1), callers, "no caller"},
		"twice":                {good + "\n" + good, callers, "line 2"},
		"bad name":             {"a b" + good, callers, "name"},
		"unknown key":          {good, callers + "    admin: true\n", "admin"},
		"unknown scope":        {good, strings.Replace(callers, "orders.read", "orders.raed", 1), "orders.raed"},
		"no tenant":            {good, strings.Replace(callers, "acme", `""`, 1), "tenant"},
		"caller twice":         {good, callers + "  - {token: ci, tenant: acme}\n", "already"},
		"callers are not YAML": {good, "\t", "callers.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := auth.LoadTokens(write(t, "tokens", test.tokens), write(t, "callers.yaml", test.callers))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
	if _, err := auth.LoadTokens(filepath.Join(t.TempDir(), "none"), write(t, "callers.yaml", callers)); err == nil {
		t.Error("a token file that is not there loads")
	}
}

func FuzzTokenFile(f *testing.F) {
	f.Add("ci:sha256:" + strings.Repeat("0", 64))
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := auth.LoadTokens(write(t, "tokens", text), write(t, "callers.yaml", callers))
		if err == nil {
			if _, err := tokens.VerifyToken(t.Context(), ""); !errors.Is(err, auth.ErrNotMine) {
				t.Errorf("no token: %v", err)
			}
		}
	})
}
