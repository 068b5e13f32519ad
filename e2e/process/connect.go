package process

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"ordermanagement/certs"
	"ordermanagement/client"
)

// CAFile is the authority that clients of the service trust.
func (s *Service) CAFile() string { return filepath.Join(s.DataDir, "ca.crt") }

// Token is the bearer token that the service has made for its operator.
func (s *Service) Token(t testing.TB) string {
	t.Helper()
	token, err := os.ReadFile(filepath.Join(s.DataDir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(token))
}

// TLS is the configuration of a client that trusts the service.
func (s *Service) TLS(t testing.TB) *tls.Config {
	t.Helper()
	authority, err := os.ReadFile(s.CAFile())
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(authority) {
		t.Fatalf("%s holds no certificate", s.CAFile())
	}
	return config
}

// Dial makes a connection that shows the operator's token with every call; the test closes it.
func (s *Service) Dial(t testing.TB, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	secure := []client.Option{client.TLSFiles(certs.ClientOptions{CAFile: s.CAFile()})}
	if s.open {
		secure = []client.Option{client.Plaintext()}
	} else {
		secure = append(secure, client.Token(s.Token(t)))
	}
	connection, err := client.New(s.GRPC, append(secure, client.Dial(options...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

// URL is the address of a path of the HTTP listener.
func (s *Service) URL(path string) string {
	if s.open {
		return "http://" + s.HTTP + path
	}
	return "https://" + s.HTTP + path
}

// Client makes a client that trusts the service and shows the operator's token with every request that has no
// Authorization of its own; the test closes its connections.
func (s *Service) Client(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	if s.open {
		return &http.Client{Transport: transport}
	}
	transport.TLSClientConfig = s.TLS(t)
	return &http.Client{Transport: bearer{"Bearer " + s.Token(t), transport}}
}

// bearer is a transport that adds a token.
type bearer struct {
	value string
	next  http.RoundTripper
}

func (b bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Header.Get("Authorization") == "" {
		request = request.Clone(request.Context())
		request.Header.Set("Authorization", b.value)
	}
	return b.next.RoundTrip(request)
}
