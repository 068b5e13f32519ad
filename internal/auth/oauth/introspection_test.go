package oauth_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/auth/oauth"
)

// clientFile holds the client as which tokens are introspected.
func clientFile(t testing.TB, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "client")
	must(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

// introspection asks a server; change, if there is one, may set other options.
func introspection(t testing.TB, s *server, change func(*oauth.IntrospectionOptions)) *oauth.Introspection {
	t.Helper()
	options := oauth.IntrospectionOptions{URL: s.URL + "/introspect", Peer: s.peer(), Timeout: deadline}
	if change != nil {
		change(&options)
	}
	if options.ClientFile == "" {
		options.ClientFile = clientFile(t, "orders:secret\n")
	}
	made, err := oauth.NewIntrospection(options)
	must(t, err)
	t.Cleanup(made.Close)
	return made
}

// active is what is said of a good token, with changes.
func active(changes map[string]any) string {
	all := map[string]any{"active": true}
	for name, value := range changes {
		all[name] = value
	}
	return claims(time.Now(), all)
}

func TestIntrospectionAsksAsTheClient(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		// Encoded as a form, before it becomes Basic (RFC 6749, 2.3.1).
		if id, secret, ok := r.BasicAuth(); !ok || id != "orders+%26+more" || secret != "p%3A%C3%A4%25" {
			t.Errorf("client %q, %q", id, secret)
		}
		if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.PostForm.Get("token") != "a&token=b" ||
			r.PostForm.Get("token_type_hint") != "access_token" || r.URL.RawQuery != "" || r.UserAgent() != "ordermanagement" {
			t.Errorf("asked %s %s %v", r.Method, r.URL, r.PostForm)
		}
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "x"})
		if len(r.Cookies()) != 0 {
			t.Error("a cookie came back")
		}
		io.WriteString(w, active(map[string]any{"scope": "orders.write"}))
	})
	by := introspection(t, s, func(o *oauth.IntrospectionOptions) { o.ClientFile = clientFile(t, "orders & more:p:ä%\n") })
	caller := taken(t, by, "a&token=b")
	if caller.Subject != "introspection:ann" || caller.Tenant != "acme" || caller.Kind != auth.KindIntrospect || !slices.Equal(caller.Scopes, []string{"orders.write"}) {
		t.Errorf("got %+v", caller)
	}
}

func TestIntrospection(t *testing.T) {
	now := time.Now()
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		want   auth.Cause // empty: a caller
	}{
		"active":                        {says(active(nil)), ""},
		"active, little said":           {says(`{"active":true,"sub":"ann","tenant":"acme","aud":"orders"}`), ""},
		"inactive":                      {says(`{"active":false}`), auth.Inactive},
		"inactive, more said":           {says(active(map[string]any{"active": false})), auth.Inactive},
		"expired":                       {says(active(map[string]any{"exp": now.Add(-time.Hour).Unix()})), auth.Expired},
		"not valid yet":                 {says(active(map[string]any{"nbf": now.Add(time.Hour).Unix()})), auth.NotYetValid},
		"another issuer":                {says(active(map[string]any{"iss": "https://evil.test"})), auth.WrongIssuer},
		"another audience":              {says(active(map[string]any{"aud": []string{"other"}})), auth.WrongAudience},
		"a refresh token":               {says(active(map[string]any{"token_type": "refresh_token"})), auth.Malformed},
		"no subject":                    {says(active(map[string]any{"sub": nil})), auth.NoCaller},
		"no tenant":                     {says(active(map[string]any{"tenant": nil})), auth.NoCaller},
		"bound to a key":                {says(active(map[string]any{"cnf": map[string]string{"x5t#S256": "x"}})), auth.Malformed},
		"active, says a string":         {says(active(map[string]any{"active": "true"})), auth.Unavailable},
		"active, says a number":         {says(active(map[string]any{"active": 1})), auth.Unavailable},
		"active null":                   {says(`{"active":null,"sub":"ann","tenant":"acme","aud":"orders"}`), auth.Unavailable},
		"active in capitals":            {says(`{"ACTIVE":true,"sub":"ann","tenant":"acme","aud":"orders"}`), auth.Unavailable},
		"active twice":                  {says(`{"active":false,"active":true,"sub":"ann","tenant":"acme","aud":"orders"}`), auth.Unavailable},
		"not said":                      {says(`{"sub":"ann","tenant":"acme","aud":"orders"}`), auth.Unavailable},
		"expiry that is no number":      {says(active(map[string]any{"exp": "soon"})), auth.Unavailable},
		"issuer that is no string":      {says(active(map[string]any{"iss": 7})), auth.Unavailable},
		"garbage":                       {says("<html>"), auth.Unavailable},
		"nothing":                       {says(""), auth.Unavailable},
		"null":                          {says("null"), auth.Unavailable},
		"a list":                        {says("[true]"), auth.Unavailable},
		"endless":                       {floods, auth.Unavailable},
		"server error":                  {fails(http.StatusInternalServerError), auth.Unavailable},
		"overload":                      {fails(http.StatusTooManyRequests), auth.Unavailable},
		"our client is unknown":         {fails(http.StatusUnauthorized), auth.Unavailable},
		"our client may not":            {fails(http.StatusForbidden), auth.Unavailable},
		"bad request":                   {fails(http.StatusBadRequest), auth.Unavailable},
		"no content":                    {fails(http.StatusNoContent), auth.Unavailable},
		"active, with an error's code":  {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); io.WriteString(w, active(nil)) }, auth.Unavailable},
		"active, with a code of others": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(203); io.WriteString(w, active(nil)) }, auth.Unavailable},
		"hung up":                       {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, auth.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, test.answer)
			by := introspection(t, s, func(o *oauth.IntrospectionOptions) { o.Issuer, o.Audience = issuer, audience })
			for range 2 {
				if test.want == "" {
					taken(t, by, "opaque")
				} else if got := cause(t, by, "opaque"); got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
			}
			asked := int64(1)
			if test.want == auth.Unavailable {
				asked = 2 // that nothing was found out isn't remembered
			}
			if n := s.requests.Load(); n != asked {
				t.Errorf("asked %d times, want %d", n, asked)
			}
		})
	}
	t.Run("oversized", func(t *testing.T) {
		s := serve(t, says(active(nil)))
		if got := cause(t, introspection(t, s, nil), strings.Repeat("x", oauth.MaxToken+1)); got != auth.Malformed || s.requests.Load() != 0 {
			t.Errorf("got %s, asked %d times", got, s.requests.Load())
		}
	})
	t.Run("redirect", func(t *testing.T) {
		other := serve(t, says(active(nil)))
		for _, code := range []int{http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, code) })
			if got := cause(t, introspection(t, s, nil), "opaque"); got != auth.Unavailable || other.requests.Load() != 0 {
				t.Errorf("got %s, %d requests elsewhere", got, other.requests.Load())
			}
		}
	})
	t.Run("another authority", func(t *testing.T) {
		s := serve(t, says(active(nil)))
		by := introspection(t, s, func(o *oauth.IntrospectionOptions) { o.CAFile = "" })
		if got := cause(t, by, "opaque"); got != auth.Unavailable || s.requests.Load() != 0 {
			t.Errorf("got %s, %d requests", got, s.requests.Load())
		}
	})
}

// An endpoint that doesn't answer lets nobody in, holds nobody for longer than the timeout, and is in the log once.
func TestIntrospectionThatHangs(t *testing.T) {
	s, journal := serve(t, hangs), &journal{}
	by := introspection(t, s, func(o *oauth.IntrospectionOptions) {
		o.Timeout, o.Concurrency, o.Logger = 100*time.Millisecond, 2, journal.Logger()
	})
	var group sync.WaitGroup
	for i := range 8 { // more than have a turn
		group.Go(func() {
			if got := cause(t, by, fmt.Sprintf("opaque %d", i)); got != auth.Unavailable {
				t.Errorf("got %s", got)
			}
		})
	}
	group.Wait()
	s.set(says(active(nil)))
	eventually(t, "taken again", func() bool {
		_, err := by.VerifyToken(t.Context(), "opaque", auth.Origin{})
		return err == nil
	})
	if journal.Lines("can't be introspected") != 1 || journal.Lines("introspected again") != 1 || journal.Lines("opaque") != 0 {
		t.Errorf("log:\n%s", journal.text.String())
	}
}

func TestIntrospectionIsRemembered(t *testing.T) {
	for name, test := range map[string]struct {
		changes map[string]any
		for_    time.Duration
	}{
		"a minute":                   {nil, time.Minute},
		"until it expires":           {map[string]any{"exp": time.Now().Add(30 * time.Second).Unix()}, 30 * time.Second},
		"no longer, without expiry":  {map[string]any{"exp": nil}, time.Minute},
		"ten seconds when it is not": {map[string]any{"active": false}, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			clock := &clock{}
			s := serve(t, says(active(test.changes)))
			by := introspection(t, s, func(o *oauth.IntrospectionOptions) { o.Now = clock.Now })
			ask := func(want int64) {
				t.Helper()
				by.VerifyToken(t.Context(), "opaque", auth.Origin{})
				if n := s.requests.Load(); n != want {
					t.Errorf("asked %d times, want %d", n, want)
				}
			}
			ask(1)
			clock.Advance(test.for_ - 5*time.Second)
			ask(1)
			clock.Advance(10 * time.Second)
			ask(2)
		})
	}
}

// Those who show the same token at the same time wait for one answer, whoever of them goes away.
func TestIntrospectionOfOneTokenByMany(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		<-release
		io.WriteString(w, active(nil))
	})
	by := introspection(t, s, nil)
	first, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		if _, err := by.VerifyToken(first, "opaque", auth.Origin{}); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "asked", func() bool { return s.requests.Load() == 1 })
	for range 20 {
		group.Go(func() { taken(t, by, "opaque") })
	}
	cancel()
	close(release)
	group.Wait()
	if n := s.requests.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestIntrospectionClientChanges(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, secret, _ := r.BasicAuth(); secret != "new" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		io.WriteString(w, active(nil))
	})
	clock, file := &clock{}, clientFile(t, "orders:old")
	by := introspection(t, s, func(o *oauth.IntrospectionOptions) { o.ClientFile, o.Now = file, clock.Now })
	if got := cause(t, by, "opaque"); got != auth.Unavailable {
		t.Errorf("got %s", got)
	}
	must(t, os.WriteFile(file, []byte("orders:new"), 0o600))
	clock.Advance(2 * time.Second)
	taken(t, by, "opaque")
}

// A JWT of another issuer reaches the introspection, which is asked last.
func TestBothKinds(t *testing.T) {
	key := newSigner(t, "k", "EdDSA")
	s := serve(t, says(active(nil)))
	methods := &auth.Methods{Tokens: []auth.TokenVerifier{
		verifier(t, oauth.StaticKeys(parse(t, set(key))), nil), introspection(t, s, nil),
	}}
	for token, want := range map[string]string{
		key.sign(t, key.header(), claims(time.Now(), nil)):                                                               "jwt:ann",
		newSigner(t, "k", "EdDSA").sign(t, key.header(), claims(time.Now(), nil)):                                        "",
		newSigner(t, "k", "EdDSA").sign(t, key.header(), claims(time.Now(), map[string]any{"iss": "https://else.test"})): "introspection:ann",
		"opaque": "introspection:ann",
	} {
		asked := s.requests.Load()
		caller, err := methods.Authenticate(t.Context(), auth.Credentials{Authorization: []string{"Bearer " + token}})
		if caller.Subject != want || (err == nil) != (want != "") {
			t.Errorf("got %+v, %v, want %s", caller, err, want)
		}
		if strings.HasPrefix(want, "introspection") != (s.requests.Load() > asked) {
			t.Errorf("%s: asked %d times", want, s.requests.Load()-asked)
		}
	}
}

func TestIntrospectionOptions(t *testing.T) {
	for name, change := range map[string]func(*oauth.IntrospectionOptions){
		"no address":           func(o *oauth.IntrospectionOptions) { o.URL = "" },
		"plaintext":            func(o *oauth.IntrospectionOptions) { o.URL = "http://a.test" },
		"no client":            func(o *oauth.IntrospectionOptions) { o.ClientFile = "" },
		"client without colon": func(o *oauth.IntrospectionOptions) { o.ClientFile = clientFile(t, "orders") },
		"client of two lines":  func(o *oauth.IntrospectionOptions) { o.ClientFile = clientFile(t, "a:b\nc:d") },
		"no secret":            func(o *oauth.IntrospectionOptions) { o.ClientFile = clientFile(t, "orders:\n") },
		"negative":             func(o *oauth.IntrospectionOptions) { o.Timeout = -1 },
		"negative number":      func(o *oauth.IntrospectionOptions) { o.Concurrency = -1 },
		"two tenants":          func(o *oauth.IntrospectionOptions) { o.Claims = oauth.Claims{Tenant: "a", FixedTenant: "b"} },
	} {
		t.Run(name, func(t *testing.T) {
			options := oauth.IntrospectionOptions{URL: "https://a.test", ClientFile: clientFile(t, "orders:hidden")}
			change(&options)
			if _, err := oauth.NewIntrospection(options); err == nil || strings.Contains(err.Error(), "hidden") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// FuzzIntrospection: whatever the endpoint answers, who is made of it is sound, and the token is active.
func FuzzIntrospection(f *testing.F) {
	var answer atomic.Pointer[string]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, *answer.Load()) }))
	f.Cleanup(s.Close)
	by, err := oauth.NewIntrospection(oauth.IntrospectionOptions{URL: s.URL, Peer: oauth.Peer{AllowLoopbackHTTP: true}, ClientFile: clientFile(f, "orders:secret")})
	must(f, err)
	f.Cleanup(by.Close)
	for _, changes := range []map[string]any{nil, {"active": false}, {"active": "true"}, {"sub": 7}, {"exp": -1e300}, {"scope": []any{1}}} {
		f.Add(active(changes))
	}
	n := 0
	f.Fuzz(func(t *testing.T, said string) {
		n++
		answer.Store(&said)
		caller, err := by.VerifyToken(t.Context(), fmt.Sprintf("opaque %d", n), auth.Origin{}) // none is remembered
		if err == nil {
			sound(t, caller)
			if !strings.Contains(said, "true") {
				t.Errorf("%s makes %+v", said, caller)
			}
		}
	})
}
