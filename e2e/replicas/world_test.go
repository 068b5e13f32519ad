package replicas

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"

	"ordermanagement/certs"
	"ordermanagement/client"
	"ordermanagement/e2e/process"
	"ordermanagement/internal/store/postgres/pgtest"
)

const (
	// patience bounds every wait for what should happen soon. A server that hangs is noticed within fifteen seconds.
	patience  = 60 * time.Second
	pollEvery = 10 * time.Millisecond
	// shutdownDelay is what callers have to notice that a server goes.
	shutdownDelay = 2 * time.Second
)

// world is servers over one database, gateways before them, and what was written to it.
type world struct {
	t        *testing.T // ends the processes
	args     []string   // of a server
	servers  []*process.Service
	gateways []*process.Service
	records  []*record
	// late: an attempt that was given up may have been done long after, since a server hung with it.
	late bool
}

// startDatabase starts a PostgreSQL.
func startDatabase(t *testing.T) *pgtest.Server {
	t.Helper()
	database, err := pgtest.Start(t.Context(), pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := database.Close(); err != nil {
			t.Error(err)
		}
	})
	return database
}

// startWorld migrates the database, and starts two servers and two gateways over it.
func startWorld(t *testing.T, url string, args ...string) *world {
	t.Helper()
	dir := t.TempDir() // of all: who callers are, and certificates
	w := &world{t: t, args: append([]string{
		"--database-url=" + url, "--log-level=warn", fmt.Sprintf("--shutdown-delay=%v", shutdownDelay),
	}, args...)}
	if code, output := program.Run(t, append([]string{"migrate", "--database-url=" + url}, args...)...); code != 0 {
		t.Fatal(output)
	}
	for range 2 {
		w.servers = append(w.servers, program.Start(t, process.Config{Command: "server", DataDir: dir, Args: w.args}))
	}
	for range 2 {
		w.gateways = append(w.gateways, program.Start(t, process.Config{
			Command: "gateway", DataDir: dir, Args: []string{"--server-address=" + w.target(), "--log-level=warn"},
		}))
	}
	return w
}

// target is the list of the servers.
func (w *world) target() string {
	var addresses []string
	for _, s := range w.servers {
		addresses = append(addresses, s.GRPC)
	}
	return strings.Join(addresses, ",")
}

// again starts a server where one was that has ended.
func (w *world) again(i int) {
	w.t.Helper()
	before := w.servers[i]
	w.servers[i] = program.Start(w.t, process.Config{Command: "server", DataDir: before.DataDir, GRPC: before.GRPC, Args: w.args})
}

var handled = regexp.MustCompile(`(?m)^grpc_server_handled_total\{.*grpc_method="GetOrder".*\} [1-9]`)

// called waits until calls reach a server that was started again.
func called(t *testing.T, s *process.Service) {
	t.Helper()
	until(t, "calls reach the server again", func() bool {
		_, text := probe(s, "/metrics")
		return handled.MatchString(text)
	})
}

var connectionsOpen = regexp.MustCompile(`(?m)^connections_open\{listener="grpc"\} (\d+)$`)

// connections is how many clients and gateways have open to a server.
func connections(t *testing.T, s *process.Service) int {
	t.Helper()
	_, text := probe(s, "/metrics")
	found := connectionsOpen.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("no number of connections among the metrics")
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func ready(s *process.Service) bool {
	code, _ := probe(s, "/readyz")
	return code == http.StatusOK
}

// probe asks the admin listener of a process, as who operates it does.
func probe(s *process.Service, path string) (int, string) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	response, err := client.Get("http://" + s.Admin + path)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

// dial makes a connection to servers, that notices as soon as a gateway when one hangs.
func (w *world) dial(t *testing.T, target string) *grpc.ClientConn {
	t.Helper()
	conn, err := client.New(target,
		client.TLSFiles(certs.ClientOptions{CAFile: w.servers[0].CAFile()}), client.Token(w.servers[0].Token(t)),
		client.Dial(grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ways are all ways to the service: straight to the servers, and through each gateway.
func (w *world) ways(t *testing.T) []way {
	t.Helper()
	ways := []way{overGRPC{w.dial(t, w.target())}}
	for _, g := range w.gateways {
		ways = append(ways, overREST{g.Client(t), g.URL("")})
	}
	return ways
}

// until polls for something that should happen soon.
func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !happened(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// pause waits a little, unless the context ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// firstLines shortens a list of errors.
func firstLines(errs []error) string {
	var lines []string
	for _, err := range errs[:min(10, len(errs))] {
		lines = append(lines, err.Error())
	}
	return strings.Join(slices.Compact(lines), "\n")
}
