package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"ordermanagement/certs"
	"ordermanagement/client"
	"ordermanagement/e2e/process"
)

var program = process.NewProgram()

func TestMain(m *testing.M) { program.Main(suite{m}) }

// suite is the tests and examples of this package, and the service that the examples call.
type suite struct{ *testing.M }

func (s suite) Run() (code int) {
	defer func() { // also when an example panics: the service must not outlive the tests
		if !operator.end() {
			code = 1
		}
	}()
	return s.M.Run()
}

// operator is who has started the service.
var operator = &lifetime{}

// password is ann's.
const password = "correct horse battery staple"

// readerToken is the token of a caller that may only read orders.
const readerToken = "reader-of-the-examples"

// service is what the examples call; the first of them starts it. Its operator lets in whoever has the token that the
// service makes, the token above, ann with her password, the program with the client certificate CN=batch, and the
// clients of the development issuer.
var service = sync.OnceValue(func() *process.Service {
	dir := operator.TempDir()
	must(operator, os.WriteFile(filepath.Join(dir, "callers.yaml"), []byte(`callers:
  - certificate: "CN=batch"
    tenant: default
    scopes: [orders.read]
`), 0o600))
	for _, command := range [][]string{
		{"token", "reader", "--value=" + readerToken, "--scopes=orders.read"},
		{"htpasswd", "ann", "--value=" + password, "--scopes=orders.read,orders.write"},
		{"certs", "client", "batch"},
	} {
		if code, output := program.Run(operator, append(command, "--data-dir="+dir)...); code != 0 {
			operator.Fatalf("%v: exit code %d\n%s", command, code, output)
		}
	}
	return program.Start(operator, process.Config{DataDir: dir, Args: []string{
		"--sample-data", "--client-ca=" + filepath.Join(dir, "ca.crt"), "--client-auth=optional", "--dev-issuer",
	}})
})

// address is where the service listens for gRPC.
func address() string { return service().GRPC }

// data is the path of a file in the service's data directory.
func data(name string) string { return filepath.Join(service().DataDir, name) }

// content is what a file in the service's data directory holds.
func content(name string) string {
	text, err := os.ReadFile(data(name))
	must(operator, err)
	return strings.TrimSpace(string(text))
}

// trusted connects with TLS and trusts the service.
func trusted() client.Option { return client.TLSFiles(certs.ClientOptions{CAFile: data("ca.crt")}) }

// authorities are those that have signed the service's certificate.
func authorities() *x509.CertPool { return service().TLS(operator).RootCAs }

// issuer is the development issuer, which serve runs on its HTTPS listener.
func issuer() string { return service().URL("/issuer") }

// jwt is the file of a JWT that the development issuer has signed.
var jwt = sync.OnceValue(func() (file string) {
	id, secret, _ := strings.Cut(content("client"), ":")
	config := &clientcredentials.Config{ClientID: id, ClientSecret: secret, TokenURL: issuer() + "/token", Scopes: []string{"orders.read"}}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: authorities()}}
	defer transport.CloseIdleConnections()
	token, err := config.Token(context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: transport}))
	must(operator, err)
	file = data("jwt")
	must(operator, os.WriteFile(file, []byte(token.AccessToken), 0o600))
	return file
})

// lifetime is the testing.TB of what lives as long as the test program.
type lifetime struct {
	testing.TB // nil: only what is below is called
	failed     bool
	cleanups   []func()
}

func (l *lifetime) Helper()                           {}
func (l *lifetime) Context() context.Context          { return context.Background() }
func (l *lifetime) Cleanup(f func())                  { l.cleanups = append(l.cleanups, f) }
func (l *lifetime) Failed() bool                      { return l.failed }
func (l *lifetime) Logf(format string, args ...any)   { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (l *lifetime) Error(args ...any)                 { l.failed = true; fmt.Fprintln(os.Stderr, args...) }
func (l *lifetime) Errorf(format string, args ...any) { l.failed = true; l.Logf(format, args...) }
func (l *lifetime) Fatal(args ...any)                 { panic(fmt.Sprintln(args...)) }
func (l *lifetime) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func (l *lifetime) TempDir() string {
	dir, err := os.MkdirTemp("", "ordermanagement-client-")
	must(l, err)
	l.Cleanup(func() { must(l, os.RemoveAll(dir)) })
	return dir
}

// end ends what lives, and says whether all was well.
func (l *lifetime) end() bool {
	for len(l.cleanups) > 0 {
		last := len(l.cleanups) - 1
		cleanup := l.cleanups[last]
		l.cleanups = l.cleanups[:last]
		cleanup()
	}
	return !l.failed
}
