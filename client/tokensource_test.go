package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ordermanagement/client"
)

// An endpoint is an authorization server's: it gives the tokens "SECRET-1", "SECRET-2" and so on.
type endpoint struct {
	*httptest.Server
	requests atomic.Int32
	lifetime atomic.Int32                     // of tokens, in seconds
	instead  atomic.Pointer[http.HandlerFunc] // answers, if there is one
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{}
	e.lifetime.Store(3600)
	e.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		number := e.requests.Add(1)
		if instead := e.instead.Load(); instead != nil {
			(*instead)(w, r)
			return
		}
		if user, password, _ := r.BasicAuth(); user != "program" || password != secret || r.FormValue("grant_type") != "client_credentials" ||
			r.FormValue("scope") != "orders.read" {
			http.Error(w, "unexpected request", http.StatusTeapot)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"access_token": "%s-%d", "token_type": "bearer", "expires_in": %d}`, secret, number, e.lifetime.Load())
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) answer(handler http.HandlerFunc) { e.instead.Store(&handler) }

func (e *endpoint) config() *clientcredentials.Config {
	return &clientcredentials.Config{ClientID: "program", ClientSecret: secret, TokenURL: e.URL + "/token", Scopes: []string{"orders.read"},
		AuthStyle: oauth2.AuthStyleInHeader}
}

func TestTokenIsFetchedOnceUntilItExpires(t *testing.T) {
	g, endpoint := secureGreeter(t, ""), newEndpoint(t)
	connection := dial(t, g, g.trusted(), client.ClientCredentials(endpoint.config(), endpoint.Client()))
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if got, err := hello(t.Context(), connection); err != nil || got != "Bearer "+secret+"-1" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	group.Wait()

	// One that expires within ten seconds is not shown again.
	endpoint.lifetime.Store(5)
	connection = dial(t, g, g.trusted(), client.ClientCredentials(endpoint.config(), endpoint.Client()))
	for number := 2; number <= 4; number++ {
		if got, err := hello(t.Context(), connection); err != nil || got != fmt.Sprintf("Bearer %s-%d", secret, number) {
			t.Errorf("got %q, %v; want token %d", got, err, number)
		}
	}
}

func TestTokenSourceIsAskedOnceUntilItsTokenExpires(t *testing.T) {
	g := secureGreeter(t, "")
	source := &source{token: &oauth2.Token{AccessToken: secret}}
	connection := dial(t, g, g.trusted(), client.TokenSource(source))
	for range 3 {
		if got, err := hello(t.Context(), connection); err != nil || got != "Bearer "+secret {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if source.asked != 1 {
		t.Errorf("asked %d times", source.asked)
	}
}

// source is an oauth2.TokenSource. It needs no lock: it is asked by one at a time.
type source struct {
	token *oauth2.Token
	err   error
	asked int
}

func (s *source) Token() (*oauth2.Token, error) {
	s.asked++
	return s.token, s.err
}

// A failing source fails calls with what a caller has to know and no secret, and calls go on when it is well again.
func TestFailingTokenEndpoint(t *testing.T) {
	elsewhere := newEndpoint(t)
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		code    codes.Code
		says    string
	}{
		"refuses": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprintf(w, `{"error": "invalid_client", "error_description": "%s is wrong"}`, secret)
		}, codes.Unauthenticated, `401 "invalid_client"`},
		"fails": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			fmt.Fprint(w, secret)
		}, codes.Unavailable, "502"},
		"is busy": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusTooManyRequests)
		}, codes.Unavailable, "429"},
		"answers no JSON":  {func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<html>") }, codes.Unauthenticated, "no token"},
		"answers no token": {func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "{}") }, codes.Unauthenticated, "access_token"},
		"answers a token that breaks headers apart": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"access_token": "%s\r\nx: y"}`, secret)
		}, codes.Unauthenticated, "characters"},
		"hangs up": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, codes.Unavailable, "can't be reached"},
		"sends elsewhere": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		}, codes.Unauthenticated, "307"},
	} {
		t.Run(name, func(t *testing.T) {
			g, endpoint := secureGreeter(t, ""), newEndpoint(t)
			connection := dial(t, g, g.trusted(), client.ClientCredentials(endpoint.config(), endpoint.Client()))
			endpoint.answer(test.handler)
			_, err := hello(t.Context(), connection)
			if status.Code(err) != test.code || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), secret) {
				t.Errorf("got %v, want %v with %q", err, test.code, test.says)
			}
			if len(g.seen()) != 0 {
				t.Errorf("calls arrived: %v", g.seen())
			}
			endpoint.instead.Store(nil)
			if _, err := hello(t.Context(), connection); err != nil {
				t.Errorf("after it is well again: %v", err)
			}
		})
	}
	if elsewhere.requests.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestUnreachableTokenEndpoint(t *testing.T) {
	g, endpoint := secureGreeter(t, ""), newEndpoint(t)
	for name, httpClient := range map[string]*http.Client{"not trusted": nil, "closed": endpoint.Client()} {
		if name == "closed" {
			endpoint.Close()
		}
		connection := dial(t, g, g.trusted(), client.ClientCredentials(endpoint.config(), httpClient))
		if _, err := hello(t.Context(), connection); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "can't be reached") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFailingTokenSource(t *testing.T) {
	g := secureGreeter(t, "")
	for name, test := range map[string]struct {
		source oauth2.TokenSource
		says   string
	}{
		"fails":              {&source{err: errors.New("the vault is sealed")}, "the vault is sealed"},
		"gives none":         {&source{}, "gave none"},
		"gives an empty one": {&source{token: &oauth2.Token{}}, "empty"},
		"fails oddly":        {&source{err: &oauth2.RetrieveError{ErrorCode: "odd"}}, "odd"},
	} {
		t.Run(name, func(t *testing.T) {
			connection := dial(t, g, g.trusted(), client.TokenSource(test.source))
			if _, err := hello(t.Context(), connection); status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want an error with %q", err, test.says)
			}
		})
	}
}

// The request for a token, and waiting for another call's, end with the call.
func TestCallsDoNotOutliveTheirContexts(t *testing.T) {
	g, endpoint := secureGreeter(t, ""), newEndpoint(t)
	connection := dial(t, g, g.trusted(), client.ClientCredentials(endpoint.config(), endpoint.Client()))
	arrived, ended := make(chan struct{}), make(chan struct{})
	endpoint.answer(func(_ http.ResponseWriter, r *http.Request) {
		r.ParseForm() // a server notices that a client has left when it has read all
		close(arrived)
		<-r.Context().Done()
		close(ended)
	})
	asking, cancelAsking := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, err := hello(asking, connection)
		failed <- err
	}()
	<-arrived
	waiting, cancelWaiting := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancelWaiting()
	if _, err := hello(waiting, connection); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("a call that waits for another one's token: %v", err)
	}
	cancelAsking()
	select {
	case err := <-failed:
		if status.Code(err) != codes.Canceled {
			t.Errorf("a call that asks for a token: %v", err)
		}
	case <-time.After(patience / 2): // before the request would end by itself
		t.Fatal("a call that was canceled goes on asking for a token")
	}
	<-ended
	if endpoint.requests.Load() != 1 {
		t.Errorf("%d requests for tokens", endpoint.requests.Load())
	}
}
