package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"ordermanagement/gateway"
)

func TestMain(m *testing.M) {
	// net/http keeps a connection for half a second after it has closed it, so that the answer isn't lost.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// patience bounds every wait of a test, in which nothing but a failure takes long.
const patience = 10 * time.Second

// services are what a test puts behind a gateway.
type services interface{ register(grpc.ServiceRegistrar) }

// inProcess is the channel that `serve` uses; overNetwork is what the separate gateway process uses, without TLS.
func inProcess(_ testing.TB, s services) grpc.ClientConnInterface {
	channel := new(inprocgrpc.Channel)
	s.register(channel)
	return channel
}

func overNetwork(t testing.TB, s services) grpc.ClientConnInterface {
	t.Helper()
	server := grpc.NewServer()
	s.register(server)
	listener := listen(t)
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(listener) })
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		server.Stop()
		served.Wait()
	})
	return conn
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// certificate is net/http/httptest's own, for 127.0.0.1.
var certificate = sync.OnceValue(func() tls.Certificate {
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS()
	defer server.Close()
	return server.TLS.Certificates[0]
})

func clientTLS(t testing.TB) *tls.Config {
	t.Helper()
	leaf, err := x509.ParseCertificate(certificate().Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return &tls.Config{RootCAs: roots, ServerName: "example.com"}
}

// front is a gateway on a listener, and a client of it.
type front struct {
	address string
	http    *http.Client
	log     *logs
	major   int // of the HTTP version
}

func (f *front) url(path string) string { return "https://" + f.address + path }

func serve(t testing.TB, conn grpc.ClientConnInterface, major int, change ...func(*gateway.Options)) *front {
	t.Helper()
	f := &front{log: new(logs), major: major}
	options := gateway.Options{Conn: conn, Logger: slog.New(slog.NewJSONHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, c := range change {
		c(&options)
	}
	handler, err := gateway.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := gateway.NewServer(handler, &tls.Config{Certificates: []tls.Certificate{certificate()}}, options.Logger)
	listener := listen(t)
	f.address = listener.Addr().String()
	var served sync.WaitGroup
	served.Go(func() {
		if err := server.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	protocols := new(http.Protocols)
	protocols.SetHTTP1(major == 1)
	protocols.SetHTTP2(major == 2)
	transport := &http.Transport{TLSClientConfig: clientTLS(t), Protocols: protocols, DisableCompression: true}
	f.http = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		served.Wait()
	})
	return f
}

// hops are the ways from the gateway to the server.
var hops = map[string]func(testing.TB, services) grpc.ClientConnInterface{"in process": inProcess, "network": overNetwork}

// everyWay runs a test over both hops and both versions of HTTP.
func everyWay(t *testing.T, s services, test func(*testing.T, *front), change ...func(*gateway.Options)) {
	for hop, connect := range hops {
		for version, major := range map[string]int{"HTTP1": 1, "HTTP2": 2} {
			t.Run(hop+"/"+version, func(t *testing.T) {
				test(t, serve(t, connect(t, s), major, change...))
			})
		}
	}
}

// logs collects what is logged.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// until polls for what happens after an answer was read.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// answer is a response, read whole.
type answer struct {
	*http.Response
	body string
}

func (f *front) send(t testing.TB, r *http.Request) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	response, err := f.http.Do(r.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v (so far %q)", err, body)
	}
	if response.ProtoMajor != f.major {
		t.Fatalf("answered over %s", response.Proto)
	}
	return answer{response, oneJSON(t, response, string(body))}
}

// oneJSON is a body without the line break that every answer of one JSON value ends with.
func oneJSON(t testing.TB, response *http.Response, body string) string {
	t.Helper()
	if response.Header.Get("Content-Type") != "application/json" || body == "" {
		return body
	}
	bare, ok := strings.CutSuffix(body, "\n")
	if !ok {
		t.Errorf("the answer has no line break at its end: %q", body)
	}
	return bare
}

// ask sends a request; header are pairs of a name and a value.
func (f *front) ask(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	return f.send(t, f.request(t, method, path, reader, header...))
}

func (f *front) request(t testing.TB, method, path string, body io.Reader, header ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, f.url(path), body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// failure is google.rpc.Status in JSON.
type failure struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Details []struct {
		Type       string `json:"@type"`
		Reason     string `json:"reason"`
		Domain     string `json:"domain"`
		Violations []struct {
			Field       string `json:"field"`
			Description string `json:"description"`
		} `json:"fieldViolations"`
	} `json:"details"`
}

func (f failure) reason() string {
	for _, d := range f.Details {
		if d.Reason != "" {
			return d.Reason
		}
	}
	return ""
}

func (f failure) field() string {
	for _, d := range f.Details {
		for _, v := range d.Violations {
			return v.Field
		}
	}
	return ""
}

// failed checks that an answer is an error in the one shape of all errors.
func failed(t testing.TB, a answer, status int, reason string) failure {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("HTTP status is %d, want %d: %s", a.StatusCode, status, a.body)
	}
	if got := a.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type is %q", got)
	}
	if a.Header.Get("X-Request-Id") == "" {
		t.Error("has no X-Request-Id")
	}
	return parseFailure(t, a.body, reason)
}

func parseFailure(t testing.TB, body, reason string) failure {
	t.Helper()
	var f failure
	decoder := json.NewDecoder(strings.NewReader(body))
	if err := decoder.Decode(&f); err != nil {
		t.Fatalf("is no status: %v: %q", err, body)
	}
	if f.Code == 0 || f.Message == "" || f.reason() != reason {
		t.Errorf("reason is %q, want %q: %s", f.reason(), reason, body)
	}
	for _, leak := range []string{"proto:", "strconv", "goroutine", os.TempDir(), "\u00a0"} {
		if strings.Contains(f.Message, leak) {
			t.Errorf("message has %q: %s", leak, f.Message)
		}
	}
	return f
}

// raw sends text over a connection of its own and returns all that comes back until it is closed.
func (f *front) raw(t testing.TB, text string) string {
	t.Helper()
	conn := f.dial(t)
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("%v, after %q", err, got)
	}
	return string(got)
}

func (f *front) dial(t testing.TB) *tls.Conn {
	t.Helper()
	config := clientTLS(t)
	config.NextProtos = []string{"http/1.1"}
	conn, err := tls.Dial("tcp", f.address, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}
