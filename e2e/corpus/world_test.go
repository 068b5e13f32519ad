package corpus_test

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
	"ordermanagement/e2e/corpus"
	"ordermanagement/e2e/process"
)

// profile is a way to set the service up.
type profile struct {
	name string
	args []string
	open bool // neither TLS nor authentication
}

// profiles are what Case.Server names.
var profiles = []profile{
	{name: "default", args: []string{"--sample-data"}},
	{name: "retired", args: []string{"--api-versions=v2"}},
	{name: "announced", args: []string{"--v1-deprecation=2026-01-01", "--v1-sunset=2027-06-30T12:00:00Z", "--v1-successor=https://example.com/v2", "--v1-location=here"}},
	{name: "plaintext", args: []string{"--tls=off", "--auth=off"}, open: true},
}

// world is a set-up of the service for one transport, on a data directory of its own.
type world struct {
	profile profile
	dataDir string
	args    []string // of a process with a server
}

// newWorld writes the callers of every case down.
func newWorld(t *testing.T, p profile, tokens, callers string) *world {
	t.Helper()
	w := &world{profile: p, dataDir: t.TempDir(), args: p.args}
	if p.open {
		return w
	}
	for name, content := range map[string]string{"corpus-tokens": tokens, "corpus-callers.yaml": callers} {
		if err := os.WriteFile(filepath.Join(w.dataDir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.args = append([]string{
		"--tokens-file=" + filepath.Join(w.dataDir, "corpus-tokens"), "--callers-file=" + filepath.Join(w.dataDir, "corpus-callers.yaml"),
	}, p.args...)
	return w
}

func (w *world) start(t *testing.T, command string, args ...string) *process.Service {
	t.Helper()
	return program.Start(t, process.Config{Command: command, DataDir: w.dataDir, Args: args})
}

// transports make each way into the service, in the order in which their answers are compared.
var transports = []struct {
	name string
	make func(*testing.T, *world) corpus.Transport
}{
	{"server", func(t *testing.T, w *world) corpus.Transport {
		return corpus.GRPC("server", w.dial(t, w.start(t, "server", w.args...)), false)
	}},
	{"published", func(t *testing.T, w *world) corpus.Transport {
		return corpus.GRPC("published", w.dial(t, w.start(t, "server", w.args...)), true)
	}},
	// `serve` is called over HTTP/2, and `gateway` over HTTP/1.1.
	{"serve", func(t *testing.T, w *world) corpus.Transport {
		protocols := new(http.Protocols)
		protocols.SetHTTP2(!w.profile.open)
		protocols.SetUnencryptedHTTP2(w.profile.open)
		return w.rest(t, "serve", w.start(t, "serve", w.args...), protocols)
	}},
	{"gateway", func(t *testing.T, w *world) corpus.Transport {
		server := w.start(t, "server", w.args...)
		args := []string{"--server-address=" + server.GRPC}
		if w.profile.open {
			args = append(args, "--tls=off")
		}
		protocols := new(http.Protocols)
		protocols.SetHTTP1(true)
		return w.rest(t, "gateway", w.start(t, "gateway", args...), protocols)
	}},
}

func (w *world) dial(t *testing.T, s *process.Service) *grpc.ClientConn {
	t.Helper()
	secure := client.TLSFiles(certs.ClientOptions{CAFile: s.CAFile()})
	if w.profile.open {
		secure = client.Plaintext()
	}
	conn, err := client.New(s.GRPC, secure)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (w *world) rest(t *testing.T, name string, s *process.Service, protocols *http.Protocols) corpus.Transport {
	t.Helper()
	transport := &http.Transport{Protocols: protocols, DisableCompression: true}
	scheme := "http://"
	if !w.profile.open {
		scheme = "https://"
		authority, err := os.ReadFile(s.CAFile())
		if err != nil {
			t.Fatal(err)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: x509.NewCertPool()}
		transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(authority)
	}
	return corpus.REST(name, scheme+strings.Replace(s.HTTP, "0.0.0.0", "127.0.0.1", 1), &http.Client{Transport: transport})
}
