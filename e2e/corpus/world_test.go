package corpus_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"google.golang.org/grpc"

	"ordermanagement/certs"
	"ordermanagement/client"
	"ordermanagement/e2e/corpus"
	"ordermanagement/e2e/process"
	"ordermanagement/internal/store/postgres/pgtest"
)

// profile is a way to set the service up.
type profile struct {
	name    string
	args    []string // of a process with a server
	gateway []string // of a process with a gateway
	open    bool     // neither TLS nor authentication
	stores  bool     // on both stores
}

// profiles are what Case.Server names.
var profiles = []profile{
	{
		name: "default", stores: true, args: []string{"--sample-data", "--max-message-bytes=1048576"},
		gateway: []string{"--max-body-bytes=1048576", "--max-record-bytes=1048576"},
	},
	{name: "retired", args: []string{"--api-versions=v2"}, gateway: []string{"--api-versions=v2"}},
	{name: "announced", args: []string{
		"--v1-deprecation=2026-01-01", "--v1-sunset=2027-06-30T12:00:00Z", "--v1-successor=https://example.com/v2", "--v1-location=here",
	}},
	{name: "plaintext", args: []string{"--tls=off", "--auth=off"}, open: true},
}

// world is a set-up of the service for one transport, on a data directory of its own.
type world struct {
	profile  profile
	dataDir  string
	args     []string // of a process with a server
	postgres *pgtest.Server
}

// newWorld writes the callers of every case down.
func newWorld(t *testing.T, p profile, postgres *pgtest.Server, tokens, callers string) *world {
	t.Helper()
	w := &world{profile: p, dataDir: t.TempDir(), args: p.args, postgres: postgres}
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

// settler makes Runner.Settle of a process with a server: it asks the process's own metrics.
func settler(s *process.Service) func(context.Context, string) error {
	return func(ctx context.Context, method string) error {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		running := regexp.MustCompile(`(?m)^grpc_server_in_flight\{.*grpc_method="(?i:` + method + `)".*\} [1-9]`)
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			metrics, err := get(ctx, client, "http://"+s.Admin+"/metrics")
			if err != nil {
				return err
			}
			if !bytes.Contains(metrics, []byte("grpc_server_in_flight{")) {
				return errors.New("the metrics don't tell which calls are running")
			}
			if !running.Match(metrics) {
				tick.Stop()
				return nil
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("%s is still running: %w", method, ctx.Err())
			}
		}
	}
}

func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// onPostgres begins the names of the ways to servers over PostgreSQL.
const onPostgres = "postgres"

// way is a transport, and the process whose server it reaches.
type way struct {
	corpus.Transport
	server *process.Service
}

// transports make each way into the service, in the order in which their answers are compared.
var transports = []struct {
	name string
	make func(*testing.T, *world) way
}{
	{"server", func(t *testing.T, w *world) way {
		server := w.start(t, "server", w.args...)
		return way{corpus.GRPC("server", w.dial(t, server), false), server}
	}},
	{"published", func(t *testing.T, w *world) way {
		server := w.start(t, "server", w.args...)
		return way{corpus.GRPC("published", w.dial(t, server), true), server}
	}},
	// `serve` is called over HTTP/2, and `gateway` over HTTP/1.1.
	{"serve", func(t *testing.T, w *world) way {
		protocols := new(http.Protocols)
		protocols.SetHTTP2(!w.profile.open)
		protocols.SetUnencryptedHTTP2(w.profile.open)
		both := w.start(t, "serve", append(w.args, w.profile.gateway...)...)
		return way{w.rest(t, "serve", both, protocols), both}
	}},
	{"gateway", func(t *testing.T, w *world) way {
		server := w.start(t, "server", w.args...)
		args := append([]string{"--server-address=" + server.GRPC}, w.profile.gateway...)
		if w.profile.open {
			args = append(args, "--tls=off")
		}
		protocols := new(http.Protocols)
		protocols.SetHTTP1(true)
		return way{w.rest(t, "gateway", w.start(t, "gateway", args...), protocols), server}
	}},
	// The other store.
	{onPostgres, func(t *testing.T, w *world) way {
		server := w.start(t, "server", append(w.args, w.database(t))...)
		return way{corpus.GRPC(onPostgres, w.dial(t, server), false), server}
	}},
	{onPostgres + " over HTTP", func(t *testing.T, w *world) way {
		both := w.start(t, "serve", append(append(w.args, w.profile.gateway...), w.database(t))...)
		protocols := new(http.Protocols)
		protocols.SetHTTP1(true)
		return way{w.rest(t, onPostgres+" over HTTP", both, protocols), both}
	}},
}

// database makes one, and answers the flag that names it.
func (w *world) database(t *testing.T) string {
	t.Helper()
	flag := "--database-url=" + w.postgres.URL(w.postgres.CreateDatabase(t))
	if code, output := program.Run(t, "migrate", flag); code != 0 {
		t.Fatal(output)
	}
	return flag
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
	return corpus.REST(name, scheme+s.HTTP, &http.Client{Transport: transport})
}
