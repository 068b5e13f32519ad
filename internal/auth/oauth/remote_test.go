package oauth_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/auth/oauth"
)

// remote makes keys that are fetched often, and runs them; change, if there is one, may set other options.
func remote(t *testing.T, options oauth.RemoteOptions, change func(*oauth.RemoteOptions)) *oauth.RemoteKeys {
	t.Helper()
	options.Interval, options.RefreshInterval, options.RetryDelay = 10*time.Millisecond, time.Millisecond, time.Millisecond
	if change != nil {
		change(&options)
	}
	keys, err := oauth.NewRemoteKeys(options)
	must(t, err)
	run(t, keys)
	return keys
}

func run(t *testing.T, keys *oauth.RemoteKeys) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- keys.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func ready(t *testing.T, keys *oauth.RemoteKeys) {
	t.Helper()
	eventually(t, "ready", func() bool { return keys.Ready(t.Context()) == nil })
}

// rarely fetches keys once, and then only because a token asks for it.
func rarely(o *oauth.RemoteOptions) { o.Interval, o.RefreshInterval = time.Hour, time.Nanosecond }

func TestRemoteKeys(t *testing.T) {
	old, young := newSigner(t, "old", "RS256"), newSigner(t, "young", "ES256")
	ofOld, ofYoung := old.sign(t, old.header(), claims(time.Now(), nil)), young.sign(t, young.header(), claims(time.Now(), nil))
	s := serve(t, says(set(old)))
	journal, registry := &journal{}, prometheus.NewRegistry()
	keys := remote(t, oauth.RemoteOptions{URL: s.URL + "/jwks", Peer: s.peer(), Logger: journal.Logger(), Registerer: registry}, nil)
	jwt := verifier(t, keys, nil)
	ready(t, keys)
	taken(t, jwt, ofOld)
	first := keys.Current()

	requests := s.requests.Load()
	eventually(t, "fetched again", func() bool { return s.requests.Load() > requests+2 })
	if keys.Current() != first || journal.Lines("changed") != 1 {
		t.Error("the same keys are taken for others")
	}

	s.set(says(set(young, old)))
	eventually(t, "the key that was added", func() bool { return keys.Current().Len() == 2 })
	taken(t, jwt, ofYoung)
	taken(t, jwt, ofOld)
	both := keys.Current()
	s.set(says(set(old, young)))
	requests = s.requests.Load()
	eventually(t, "fetched again", func() bool { return s.requests.Load() > requests+2 })
	if keys.Current() != both {
		t.Error("the same keys in another order are taken for others")
	}

	s.set(says(set(young)))
	eventually(t, "the key that was withdrawn is gone", func() bool { return keys.Current().Len() == 1 })
	if got := cause(t, jwt, ofOld); got != auth.UnknownKey {
		t.Errorf("a token of a key that was withdrawn: %s", got)
	}
	s.set(says(set()))
	eventually(t, "the last one is gone", func() bool { return keys.Current().Len() == 0 })
	if err := keys.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("ready without a key: %v", err)
	}
	if got := cause(t, jwt, ofYoung); got != auth.UnknownKey {
		t.Errorf("a token of the last key: %s", got)
	}
	if n, err := testutil.GatherAndCount(registry, "auth_key_set_fetches_total"); err != nil || n != 2 {
		t.Errorf("%d counters, %v", n, err)
	}
}

// An issuer that fails, in whatever way, doesn't end the keys that are known, and the log says once when it begins and
// once when it ends.
func TestIssuerThatFails(t *testing.T) {
	key := newSigner(t, "k", "EdDSA")
	token := func() string {
		return key.sign(t, key.header(), claims(time.Now(), map[string]any{"jti": time.Now().UnixNano()}))
	}
	plain := httptest.NewServer(says(set(newSigner(t, "evil", "EdDSA"))))
	t.Cleanup(plain.Close)
	other := serve(t, says(set(newSigner(t, "evil", "EdDSA"))))
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"error":                    {fails(http.StatusInternalServerError), "500"},
		"not found":                {fails(http.StatusNotFound), "404"},
		"no content":               {fails(http.StatusNoContent), "204"},
		"garbage":                  {says("<html>"), "JWK set"},
		"nothing":                  {says(""), "JWK set"},
		"cut off":                  {says(set(key)[:20]), "JWK set"},
		"endless":                  {floods, "more than"},
		"hanging":                  {hangs, "deadline"},
		"slow":                     {drips, "deadline"},
		"redirect to plaintext":    {redirects(plain.URL), "302"},
		"redirect to another host": {redirects(other.URL), "302"},
		"hung up":                  {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			// At start there is no key, and it is said why.
			s, journal := serve(t, test.answer), &journal{}
			registry := prometheus.NewRegistry()
			keys := remote(t, oauth.RemoteOptions{URL: s.URL, Peer: s.peer(), Logger: journal.Logger(), Registerer: registry},
				func(o *oauth.RemoteOptions) { o.Timeout = 100 * time.Millisecond })
			jwt := verifier(t, keys, nil)
			eventually(t, "why it is not ready", func() bool {
				err := keys.Ready(t.Context())
				return err != nil && strings.Contains(err.Error(), test.says)
			})
			if got := cause(t, jwt, token()); got != auth.Unavailable {
				t.Errorf("before any key is known: %s", got)
			}
			s.set(says(set(key)))
			ready(t, keys)
			taken(t, jwt, token())

			s.set(test.answer)
			failures := journal.Lines("can't be fetched")
			eventually(t, "fails again", func() bool { return journal.Lines("can't be fetched") > failures })
			requests := s.requests.Load()
			eventually(t, "is tried again", func() bool { return s.requests.Load() > requests+2 })
			taken(t, jwt, token())
			if got := cause(t, jwt, key.sign(t, `{"alg":"EdDSA","kid":"new"}`, claims(time.Now(), nil))); got != auth.UnknownKey {
				t.Errorf("an unknown key meanwhile: %s", got)
			}
			if keys.Ready(t.Context()) != nil || journal.Lines("can't be fetched") != 2 || journal.Lines("fetched again") != 1 || journal.Lines("changed") != 1 {
				t.Errorf("log:\n%s", journal.text.String())
			}
		})
	}
}

// drips answers byte by byte, never the whole.
func drips(w http.ResponseWriter, r *http.Request) {
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
			io.WriteString(w, " ")
			http.NewResponseController(w).Flush()
		}
	}
}

func TestIssuerThatIsDown(t *testing.T) {
	key := newSigner(t, "k", "EdDSA")
	s := serve(t, says(set(key)))
	keys := remote(t, oauth.RemoteOptions{URL: s.URL, Peer: s.peer()}, rarely)
	ready(t, keys)
	s.Close()
	jwt := verifier(t, keys, nil)
	taken(t, jwt, key.sign(t, key.header(), claims(time.Now(), nil)))
	if got := cause(t, jwt, key.sign(t, `{"alg":"EdDSA","kid":"new"}`, claims(time.Now(), nil))); got != auth.UnknownKey {
		t.Errorf("got %s", got)
	}
	taken(t, jwt, key.sign(t, key.header(), claims(time.Now(), nil)))
}

func TestIssuerThatIsNotTrusted(t *testing.T) {
	s := serve(t, says(set(newSigner(t, "k", "EdDSA"))))
	keys := remote(t, oauth.RemoteOptions{URL: s.URL}, nil) // by the system's authorities
	eventually(t, "why it is not ready", func() bool {
		return strings.Contains(keys.Ready(t.Context()).Error(), "certificate")
	})
	if s.requests.Load() != 0 || keys.Current() != nil {
		t.Error("it was asked")
	}
}

// A token of a key that was published a moment ago is taken, without waiting for the next fetch; invented keys cost the
// issuer one request an interval.
func TestTokenOfANewKey(t *testing.T) {
	old, young := newSigner(t, "old", "EdDSA"), newSigner(t, "young", "EdDSA")
	s := serve(t, says(set(old)))
	keys := remote(t, oauth.RemoteOptions{URL: s.URL, Peer: s.peer()}, rarely)
	jwt := verifier(t, keys, nil)
	ready(t, keys)
	// The key set is there before the fetch is over, and whoever asks until then waits for it.
	eventually(t, "not refreshing", func() bool { return keys.Refresh(t.Context()) == nil && keys.Refresh(t.Context()) == nil })
	s.set(says(set(old, young)))
	taken(t, jwt, young.sign(t, young.header(), claims(time.Now(), nil)))
}

func TestFloodOfUnknownKeys(t *testing.T) {
	const interval = 100 * time.Millisecond
	key := newSigner(t, "k", "EdDSA")
	s, release := serve(t, says(set(key))), make(chan struct{})
	keys := remote(t, oauth.RemoteOptions{URL: s.URL, Peer: s.peer()}, func(o *oauth.RemoteOptions) { o.Interval, o.RefreshInterval = time.Hour, interval })
	jwt := verifier(t, keys, nil)
	ready(t, keys)
	s.set(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		io.WriteString(w, set(key))
	})
	forged := key.sign(t, `{"alg":"EdDSA","kid":"new"}`, claims(time.Now(), nil))
	start := time.Now()
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for asked := false; !asked; {
				asked = s.requests.Load() > 1
				if got := cause(t, jwt, forged); got != auth.UnknownKey {
					t.Errorf("got %s", got)
				}
			}
		})
	}
	eventually(t, "asked", func() bool { return s.requests.Load() > 1 })
	taken(t, jwt, key.sign(t, key.header(), claims(time.Now(), nil))) // nobody else waits
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := keys.Refresh(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("waits for longer than its context: %v", err)
	}
	close(release)
	group.Wait()
	if n, limit := s.requests.Load(), int64(time.Since(start)/interval)+2; n > limit {
		t.Errorf("%d requests, want at most %d", n, limit)
	}
}

func TestUnknownKeysWithinTheInterval(t *testing.T) {
	key := newSigner(t, "k", "EdDSA")
	s := serve(t, says(set(key)))
	keys := remote(t, oauth.RemoteOptions{URL: s.URL, Peer: s.peer()}, func(o *oauth.RemoteOptions) { o.Interval, o.RefreshInterval = time.Hour, time.Hour })
	jwt := verifier(t, keys, nil)
	ready(t, keys)
	for range 20 {
		cause(t, jwt, key.sign(t, `{"alg":"EdDSA","kid":"new"}`, claims(time.Now(), nil)))
	}
	if n := s.requests.Load(); n != 1 {
		t.Errorf("%d requests", n)
	}
}

// Whoever waits for keys that nobody fetches doesn't wait for ever.
func TestRefreshOfKeysThatDoNotRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, err := oauth.NewRemoteKeys(oauth.RemoteOptions{URL: "https://a.test"})
		must(t, err)
		start := time.Now()
		if err := keys.Refresh(t.Context()); err == nil || time.Since(start) > 2*time.Second {
			t.Errorf("%v after %s", err, time.Since(start))
		}
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	s, journal := serve(t, hangs), &journal{}
	keys, err := oauth.NewRemoteKeys(oauth.RemoteOptions{URL: s.URL, Peer: s.peer(), Logger: journal.Logger(), Timeout: deadline})
	must(t, err)
	t.Run("while it fetches", func(t *testing.T) { // it ends with this part
		run(t, keys)
		eventually(t, "asked", func() bool { return s.requests.Load() == 1 })
	})
	if n := journal.Lines("can't be fetched"); n != 0 {
		t.Error("that it was stopped is in the log as a failure")
	}
}

func TestDiscovery(t *testing.T) {
	key := newSigner(t, "k", "EdDSA")
	var s *server
	metadata := func(of, at string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/issuer/.well-known/openid-configuration":
				io.WriteString(w, text(map[string]any{"issuer": of, "jwks_uri": at, "more": []int{1}}))
			case "/keys":
				io.WriteString(w, set(key))
			default:
				http.NotFound(w, r)
			}
		}
	}
	s = serve(t, fails(http.StatusNotFound))
	issuer := s.URL + "/issuer"
	keys := remote(t, oauth.RemoteOptions{Issuer: issuer, Peer: s.peer()}, nil)
	for _, test := range []struct {
		answer http.HandlerFunc
		says   string
	}{
		{metadata(issuer+"/", s.URL+"/keys"), "have to be the same"},
		{metadata("", s.URL+"/keys"), "have to be the same"},
		{metadata(issuer, ""), "no jwks_uri"},
		{metadata(issuer, "http://127.0.0.1/keys"), "https://"},
		{metadata(issuer, "file:///etc/passwd"), "https://"},
		{metadata(issuer, s.URL+"/nowhere"), "404"},
		{says("[]"), "not a JSON object"},
		{says(`{"issuer":"x","issuer":"` + issuer + `","jwks_uri":"` + s.URL + `/keys"}`), "not a JSON object"},
	} {
		s.set(test.answer)
		eventually(t, test.says, func() bool {
			err := keys.Ready(t.Context())
			return err != nil && strings.Contains(err.Error(), test.says)
		})
		if keys.Current() != nil {
			t.Fatalf("%s: keys", test.says)
		}
	}
	s.set(metadata(issuer, s.URL+"/keys"))
	ready(t, keys)
	jwt := verifier(t, keys, func(o *oauth.JWTOptions) { o.Issuer = issuer })
	taken(t, jwt, key.sign(t, key.header(), claims(time.Now(), map[string]any{"iss": issuer})))

	moved := newSigner(t, "moved", "EdDSA")
	elsewhere := serve(t, says(set(moved)))
	s.set(metadata(issuer, elsewhere.URL+"/keys")) // httptest's servers have one certificate
	eventually(t, "the set at another address", func() bool { return keys.Current().Len() == 1 && elsewhere.requests.Load() > 0 })
	taken(t, jwt, moved.sign(t, moved.header(), claims(time.Now(), map[string]any{"iss": issuer})))
}

func TestRemoteOptions(t *testing.T) {
	for name, options := range map[string]oauth.RemoteOptions{
		"neither":               {},
		"both":                  {URL: "https://a.test", Issuer: "https://a.test"},
		"plaintext":             {URL: "http://a.test"},
		"plaintext, allowed":    {URL: "http://a.test", Peer: oauth.Peer{AllowLoopbackHTTP: true}},
		"plaintext, look-alike": {URL: "http://localhost.a.test", Peer: oauth.Peer{AllowLoopbackHTTP: true}},
		"loopback, not allowed": {URL: "http://127.0.0.1"},
		"a file":                {URL: "file:///etc/passwd"},
		"with a password":       {URL: "https://user:password@a.test"},
		"no host":               {URL: "https:///keys"},
		"negative":              {URL: "https://a.test", Interval: -1},
		"issuer with a query":   {Issuer: "https://a.test?b"},
		"no such authorities":   {URL: "https://a.test", Peer: oauth.Peer{CAFile: "/none"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := oauth.NewRemoteKeys(options); err == nil || strings.Contains(err.Error(), "password@") {
				t.Errorf("got %v", err)
			}
		})
	}
	plain := httptest.NewServer(says(set(newSigner(t, "k", "EdDSA"))))
	t.Cleanup(plain.Close)
	ready(t, remote(t, oauth.RemoteOptions{URL: plain.URL, Peer: oauth.Peer{AllowLoopbackHTTP: true}}, nil))
	keys, err := oauth.NewRemoteKeys(oauth.RemoteOptions{URL: plain.URL, Peer: oauth.Peer{AllowLoopbackHTTP: true}})
	must(t, err)
	if err := keys.Ready(t.Context()); err == nil {
		t.Error("ready before it runs")
	}
}
