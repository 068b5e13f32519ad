package certs_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ordermanagement/certs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) Logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// Lines counts the lines that contain all parts.
func (j *journal) Lines(parts ...string) (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
lines:
	for line := range strings.Lines(j.text.String()) {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue lines
			}
		}
		n++
	}
	return n
}

// files are a pair and an authority's certificate in a directory of the test's own.
type files struct{ dir string }

func newFiles(t *testing.T) files { return files{t.TempDir()} }

func (f files) path(name string) string { return filepath.Join(f.dir, name) }
func (f files) cert() string            { return f.path("tls.crt") }
func (f files) key() string             { return f.path("tls.key") }
func (f files) ca() string              { return f.path("ca.crt") }

func (f files) writePair(t *testing.T, pair certs.Pair) {
	t.Helper()
	must(t, pair.Replace(f.cert(), f.key()))
}

func (f files) writeCA(t *testing.T, authorities ...*certs.Authority) {
	t.Helper()
	var bundle []byte
	for _, authority := range authorities {
		bundle = append(bundle, pairOf(t, authority).Certificate...)
	}
	write(t, f.ca(), bundle)
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	must(t, os.WriteFile(name, data, 0o600))
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	must(t, err)
	return data
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newAuthority(t *testing.T, clock *clock) *certs.Authority {
	t.Helper()
	authority, err := certs.NewAuthority(certs.AuthorityOptions{Now: clock.Now})
	must(t, err)
	return authority
}

func pairOf(t *testing.T, authority *certs.Authority) certs.Pair {
	t.Helper()
	pair, err := authority.Pair()
	must(t, err)
	return pair
}

func issue(t *testing.T, authority *certs.Authority, req certs.LeafRequest) certs.Pair {
	t.Helper()
	pair, err := authority.Issue(req)
	must(t, err)
	return pair
}

// forServer asks for a certificate of this machine; the name tells it from others.
func forServer(name string) certs.LeafRequest {
	return certs.LeafRequest{CommonName: name, Server: true, DNSNames: []string{"localhost"},
		IPs: []net.IP{net.IPv4(127, 0, 0, 1)}}
}

func forClient(name string) certs.LeafRequest {
	return certs.LeafRequest{CommonName: name, Client: true}
}

// listen serves TLS on a loopback port: each connection is greeted with what the server knows of its peer, and gets
// its lines back.
func listen(t *testing.T, config *tls.Config) (address string) {
	t.Helper()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	must(t, err)
	var group sync.WaitGroup
	t.Cleanup(func() {
		listener.Close()
		group.Wait()
	})
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() { greet(conn.(*tls.Conn)) })
		}
	})
	return listener.Addr().String()
}

func greet(conn *tls.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(deadline))
	if conn.Handshake() != nil {
		return
	}
	state, peer := conn.ConnectionState(), "nobody"
	if len(state.VerifiedChains) > 0 {
		peer = state.VerifiedChains[0][0].Subject.CommonName
	}
	fmt.Fprintf(conn, "%s resumed=%t\n", peer, state.DidResume)
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		fmt.Fprintln(conn, lines.Text())
	}
}

// deadline ends what hangs; nothing takes that long.
const deadline = 20 * time.Second

// call is an open connection.
type call struct {
	*tls.Conn
	lines    *bufio.Reader
	greeting string
}

// dial connects and reads the greeting: in TLS 1.3 a client learns by reading that it was refused.
func dial(t *testing.T, address string, config *tls.Config) (*call, error) {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: deadline}, "tcp", address, config)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(deadline))
	c := &call{Conn: conn, lines: bufio.NewReader(conn)}
	greeting, err := c.lines.ReadString('\n')
	if err != nil {
		return nil, err
	}
	c.greeting = strings.TrimSpace(greeting)
	return c, nil
}

func (c *call) echo(t *testing.T, text string) {
	t.Helper()
	fmt.Fprintln(c, text)
	if got, err := c.lines.ReadString('\n'); err != nil || got != text+"\n" {
		t.Fatalf("echo answered %q, %v", got, err)
	}
}

// served is the common name of the certificate that a new connection is shown.
func served(t *testing.T, address string, config *tls.Config) string {
	t.Helper()
	c, err := dial(t, address, config)
	must(t, err)
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}

// refused asserts that err is one and says the words.
func refused(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error; it should have said %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error %q doesn't say %q", err, word)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("the error has several lines: %q", err)
	}
}
