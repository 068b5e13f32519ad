package callers_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"ordermanagement/e2e/corpus"
	"ordermanagement/e2e/process"
)

// later is an HTTPS server that begins to work when it is told, on an address that is known before.
type later struct {
	*http.Server
	address string
	works   atomic.Bool
}

func (w *world) later(t *testing.T, handler http.HandlerFunc) *later {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(w.path("server.crt"), w.path("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	l := &later{address: listener.Addr().String()}
	life, end := context.WithCancel(context.Background())
	l.Server = &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if l.works.Load() {
			handler(rw, r)
			return
		}
		select { // slow beyond any patience
		case <-r.Context().Done():
		case <-life.Done():
		}
	})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = l.Serve(listener)
	}()
	t.Cleanup(func() {
		end()
		l.Close()
		<-done
	})
	return l
}

func (w *world) ask(t *testing.T, s *process.Service, c credential) outcome {
	t.Helper()
	transport := w.rest(t, s, c.certificate, true)
	defer transport.Close()
	got, err := call(t.Context(), transport, methods[0].name, methods[0].request, map[string]corpus.Values{"authorization": {c.authorization}})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// admin asks the admin listener; the status is 0 if nobody answers.
func admin(t *testing.T, s *process.Service, path string) (status int, body string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text)
}

func readiness(t *testing.T, s *process.Service) int {
	t.Helper()
	status, _ := admin(t, s, "/readyz")
	return status
}

func metrics(t *testing.T, s *process.Service) string {
	t.Helper()
	_, body := admin(t, s, "/metrics")
	return body
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after 20 s", what)
		}
	}
}

// TestIssuerIsDown starts the service when the issuer's keys can't be had: it serves whom it knows otherwise, is not ready,
// and knows the others as soon as the issuer answers, and still when it ceases to.
func TestIssuerIsDown(t *testing.T) {
	w := newWorld(t)
	keys := w.later(t, func(rw http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(rw).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: w.key.Public(), KeyID: "one", Algorithm: "ES256", Use: "sig"}}})
	})
	s := program.Launch(t, process.Config{Command: "serve", DataDir: t.TempDir(), Args: []string{
		"--tls-cert=" + w.path("server.crt"), "--tls-key=" + w.path("server.key"),
		"--tokens-file=" + w.path("tokens"), "--callers-file=" + w.path("callers.yaml"), "--htpasswd-file=" + w.path("htpasswd"),
		"--jwt-issuer=" + w.issuer, "--jwt-jwks-url=https://" + keys.address + "/keys", "--oauth-ca=" + w.path("ca.crt"),
	}})
	jwt := bearer(w.sign(t, w.key, map[string]any{
		"iss": w.issuer, "aud": audience, "sub": "jane", "tenant": "default", "scope": "orders.read", "exp": time.Now().Add(time.Hour).Unix(),
	}))
	eventually(t, "the service answers, but is not ready", func() bool { return readiness(t, s) == http.StatusServiceUnavailable })
	if got := w.ask(t, s, bearer("token-of-the-writer")); got.http != http.StatusOK {
		t.Errorf("a token: got %+v", got)
	}
	if got := w.ask(t, s, jwt); got.reason != "SERVICE_UNAVAILABLE" || !got.retries || got.asked {
		t.Errorf("a JWT without keys: got %+v", got)
	}
	keys.works.Store(true)
	eventually(t, "the service is ready", func() bool { return readiness(t, s) == http.StatusOK })
	if got := w.ask(t, s, jwt); got.http != http.StatusOK {
		t.Errorf("a JWT: got %+v", got)
	}
	keys.works.Store(false)
	forged := bearer(w.sign(t, newKey(t), map[string]any{"iss": w.issuer, "aud": audience, "sub": "jane", "tenant": "default", "exp": time.Now().Add(time.Hour).Unix()}))
	if got := w.ask(t, s, forged); got.http != http.StatusUnauthorized {
		t.Errorf("a forged JWT: got %+v", got)
	}
	if got := w.ask(t, s, jwt); got.http != http.StatusOK || readiness(t, s) != http.StatusOK {
		t.Errorf("a JWT of a known key when the issuer is down: got %+v", got)
	}
}

// TestInquiryTimesOut shows that a token is not let in because nobody says what it is.
func TestInquiryTimesOut(t *testing.T) {
	w := newWorld(t)
	slow := w.later(t, nil)
	s := program.Start(t, process.Config{Command: "serve", DataDir: t.TempDir(), Args: []string{
		"--tls-cert=" + w.path("server.crt"), "--tls-key=" + w.path("server.key"),
		"--tokens-file=" + w.path("tokens"), "--callers-file=" + w.path("callers.yaml"), "--htpasswd-file=" + w.path("htpasswd"),
		"--introspection-url=https://" + slow.address + "/introspect", "--introspection-client=" + w.path("introspection-client"),
		"--oauth-ca=" + w.path("ca.crt"), "--introspection-timeout=300ms",
	}})
	if got := w.ask(t, s, bearer("opaque-writer")); got.reason != "SERVICE_UNAVAILABLE" || got.http != http.StatusServiceUnavailable || !got.retries {
		t.Errorf("got %+v", got)
	}
	if got := w.ask(t, s, bearer("token-of-the-writer")); got.http != http.StatusOK {
		t.Errorf("a token that is known here: got %+v", got)
	}
}

// inFlight is how many calls of a method are running, by the service's own metrics.
func inFlight(metrics, method string) (n int) {
	running := regexp.MustCompile(`(?m)^grpc_server_in_flight\{.*grpc_method="` + method + `".*\} (\d+)$`)
	for _, match := range running.FindAllStringSubmatch(metrics, -1) {
		count, _ := strconv.Atoi(match[1]) // the pattern has digits
		n += count
	}
	return n
}
