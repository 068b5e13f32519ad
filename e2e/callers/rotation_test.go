package callers_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"ordermanagement/certs"
	"ordermanagement/client"
	"ordermanagement/e2e/process"
	pb "ordermanagement/gen/ordermanagement/v2"
)

// mount is a directory of certificates as Kubernetes mounts a secret: what names point to is swapped as a whole.
type mount struct {
	dir         string
	generations int
}

// the files of a mount
const (
	bundleFile  = "bundle.crt" // of authorities
	serverFiles = "server"     // .crt and .key
	clientFiles = "client"     // of a caller
	frontFiles  = "front"      // of the gateway, as a client of the server
)

func (m *mount) path(name string) string { return filepath.Join(m.dir, name) }

// swap puts new certificates into the mount, all of one authority, and the authorities to trust.
func (m *mount) swap(t *testing.T, issuer *certs.Authority, trusted ...*certs.Authority) {
	t.Helper()
	m.generations++
	generation := fmt.Sprintf("..generation-%d", m.generations)
	dir := m.path(generation)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	names := []string{bundleFile}
	for name, request := range map[string]certs.LeafRequest{
		serverFiles: {CommonName: "server", DNSNames: []string{"localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}, Server: true},
		clientFiles: {CommonName: "writer", Client: true},
		frontFiles:  {CommonName: "front", URIs: uris(t, certs.GatewayURI), Client: true},
	} {
		pair, err := issuer.Issue(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := pair.Write(filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")); err != nil {
			t.Fatal(err)
		}
		names = append(names, name+".crt", name+".key")
	}
	var bundle []byte
	for _, authority := range trusted {
		pair, err := authority.Pair()
		if err != nil {
			t.Fatal(err)
		}
		bundle = append(bundle, pair.Certificate...)
	}
	if err := os.WriteFile(filepath.Join(dir, bundleFile), bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	link := m.path("..next")
	if err := errors.Join(os.Symlink(generation, link), os.Rename(link, m.path("..data"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := os.Symlink(filepath.Join("..data", name), m.path(name)); err != nil && !errors.Is(err, os.ErrExist) {
			t.Fatal(err)
		}
	}
}

func newAuthority(t *testing.T, name string) *certs.Authority {
	t.Helper()
	authority, err := certs.NewAuthority(certs.AuthorityOptions{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

// options are those of a client that shows a certificate of the mount and trusts its bundle.
func (m *mount) options(name string) certs.ClientOptions {
	return certs.ClientOptions{CAFile: m.path(bundleFile), CertFile: m.path(name + ".crt"), KeyFile: m.path(name + ".key"), ServerName: "localhost"}
}

// TestRotation replaces the authority, and all certificates, under load: the servers', the gateway's and the callers'.
// No call fails, whether its connection is an old or a new one.
func TestRotation(t *testing.T) {
	m := &mount{dir: t.TempDir()}
	before, after := newAuthority(t, "before"), newAuthority(t, "after")
	m.swap(t, before, before)
	callers := filepath.Join(t.TempDir(), "callers.yaml")
	if err := os.WriteFile(callers, []byte(callersFile), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	listener := []string{
		"--tls-cert=" + m.path("server.crt"), "--tls-key=" + m.path("server.key"),
		"--client-ca=" + m.path(bundleFile), "--client-auth=required",
	}
	known := append([]string{"--callers-file=" + callers, "--tokens-file=" + tokens}, listener...)
	serve := program.Start(t, process.Config{Command: "serve", DataDir: t.TempDir(), Args: known})
	server := program.Start(t, process.Config{Command: "server", DataDir: t.TempDir(), Args: known})
	gateway := program.Start(t, process.Config{Command: "gateway", DataDir: t.TempDir(), Args: append([]string{
		"--server-address=" + server.GRPC, "--server-ca=" + m.path(bundleFile), "--server-name=localhost",
		"--gateway-cert=" + m.path("front.crt"), "--gateway-key=" + m.path("front.key"),
	}, listener...)})

	load := startLoad(t, m, serve, server, gateway)
	for _, step := range []struct {
		what    string
		issuer  *certs.Authority
		trusted []*certs.Authority
	}{
		{"the new authority is trusted too", before, []*certs.Authority{before, after}},
		{"the new authority issues", after, []*certs.Authority{before, after}},
		{"the old authority is not trusted any more", after, []*certs.Authority{after}},
	} {
		m.swap(t, step.issuer, step.trusted...)
		// Files are looked at on handshakes, once a second: all have seen the new ones after two.
		load.run(t, step.what, 2500*time.Millisecond)
		for _, s := range []*process.Service{serve, server} {
			if issuer := issuerOf(t, m, s.GRPC); issuer != step.issuer.Certificate().Subject.CommonName {
				t.Errorf("%s: the gRPC listener shows a certificate of %q", step.what, issuer)
			}
		}
		for _, s := range []*process.Service{serve, gateway} {
			if issuer := issuerOf(t, m, s.HTTP); issuer != step.issuer.Certificate().Subject.CommonName {
				t.Errorf("%s: the HTTP listener shows a certificate of %q", step.what, issuer)
			}
		}
	}
	load.stop(t)
}

// issuerOf is who has issued the certificate that a listener shows now.
func issuerOf(t *testing.T, m *mount, address string) string {
	t.Helper()
	config, err := certs.ClientConfig(m.options(clientFiles))
	if err != nil {
		t.Fatal(err)
	}
	config.NextProtos = []string{"h2"}
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Issuer.CommonName
}

// load are callers who call all the time, over connections that last and over new ones.
type load struct {
	cancel context.CancelFunc
	done   sync.WaitGroup
	calls  atomic.Int64
	failed chan error
}

func startLoad(t *testing.T, m *mount, serve, server, gateway *process.Service) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{cancel: cancel, failed: make(chan error, 1)}
	t.Cleanup(func() {
		cancel()
		l.done.Wait()
	})
	for _, s := range []*process.Service{serve, server} {
		lasting := l.dial(t, m, s)
		l.repeat(ctx, func() error { return list(ctx, lasting) })
		l.repeat(ctx, func() error {
			conn, err := client.New(s.GRPC, client.TLSFiles(m.options(clientFiles)))
			if err != nil {
				return err
			}
			defer conn.Close()
			return list(ctx, conn)
		})
	}
	for _, s := range []*process.Service{serve, gateway} {
		lasting := l.transport(t, m, false)
		l.repeat(ctx, func() error { return fetch(ctx, lasting, s.URL("/v2/orders")) })
		anew := l.transport(t, m, true)
		l.repeat(ctx, func() error { return fetch(ctx, anew, s.URL("/v2/orders")) })
	}
	return l
}

func (l *load) dial(t *testing.T, m *mount, s *process.Service) *grpc.ClientConn {
	t.Helper()
	conn, err := client.New(s.GRPC, client.TLSFiles(m.options(clientFiles)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func (l *load) transport(t *testing.T, m *mount, anew bool) *http.Transport {
	t.Helper()
	config, err := certs.ClientConfig(m.options(clientFiles))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: config, DisableKeepAlives: anew, ForceAttemptHTTP2: !anew}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// repeat calls until the load stops.
func (l *load) repeat(ctx context.Context, call func() error) {
	l.done.Go(func() {
		for ctx.Err() == nil {
			err := call()
			if ctx.Err() != nil {
				return
			}
			l.calls.Add(1)
			if err != nil {
				select {
				case l.failed <- err:
				default:
				}
				return
			}
		}
	})
}

func list(ctx context.Context, conn *grpc.ClientConn) error {
	_, err := pb.NewOrderServiceClient(conn).ListOrders(ctx, &pb.ListOrdersRequest{})
	return err
}

func fetch(ctx context.Context, transport *http.Transport, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", answer.Status, body)
	}
	return err
}

// run lets the load go on for a while; it must make calls, and none may fail.
func (l *load) run(t *testing.T, what string, duration time.Duration) {
	t.Helper()
	before := l.calls.Load()
	select {
	case err := <-l.failed:
		t.Fatalf("%s: a call failed: %v", what, err)
	case <-time.After(duration):
	}
	if l.calls.Load() == before {
		t.Fatalf("%s: no call was made", what)
	}
}

func (l *load) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	l.done.Wait()
	select {
	case err := <-l.failed:
		t.Fatal(err)
	default:
	}
	t.Logf("%d calls, none failed", l.calls.Load())
}
