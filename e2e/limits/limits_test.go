package limits

import (
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"ordermanagement/e2e/process"
	pbv2 "ordermanagement/gen/ordermanagement/v2"
)

// rarely allows three calls, and then one in a quarter of an hour: no test gets that far.
var rarely = []string{"--sample-data", "--rate-limit=0.001", "--rate-burst=3"}

// ways starts each way into the service, on servers of their own.
func ways(t *testing.T) map[string]way {
	t.Helper()
	server := program.Start(t, process.Config{Command: "server", Args: rarely})
	behind := program.Start(t, trusting(t))
	gateway := program.Start(t, process.Config{Command: "gateway", DataDir: behind.DataDir, Args: []string{"--server-address=" + behind.GRPC}})
	both := program.Start(t, process.Config{Args: rarely})
	return map[string]way{"server": overGRPC(server), "gateway": overHTTP(gateway, behind), "serve": overHTTP(both, both)}
}

// trusting is a server that knows its gateway by its certificate, and so believes it where callers are.
func trusting(t *testing.T) process.Config {
	t.Helper()
	dir := t.TempDir()
	if code, output := program.Run(t, "certs", "init", "--data-dir="+dir); code != 0 {
		t.Fatalf("exit code %d\n%s", code, output)
	}
	args := append([]string{"--client-ca=" + filepath.Join(dir, "ca.crt"), "--client-auth=optional"}, rarely...)
	return process.Config{Command: "server", DataDir: dir, Args: args}
}

// Over every way a caller is told the same: what it has left, and when that is nothing, when to come again.
func TestEveryWayTellsTheSame(t *testing.T) {
	const here, there = "127.0.0.1", "127.0.0.2"
	steps := []struct {
		call, from, want string
	}{
		{reading, here, `[{"ratelimit":"\"caller\";r=2","ratelimit-policy":"\"caller\";q=3;w=3000","retry-after":""},null]`},
		{failing, there, `[{"ratelimit":"\"caller\";r=1",`}, // a caller is one wherever it calls from
		{searching, here, `[{"ratelimit":"\"caller\";r=0","ratelimit-policy":"\"caller\";q=3;w=3000","retry-after":""},null]`},
		{reading, here, `[{"ratelimit":"\"caller\";r=0","ratelimit-policy":"\"caller\";q=3;w=3000","retry-after":"SECONDS"},{"code":8,`},
		{failing, here, `"reason":"RATE_LIMITED"`},
		{searching, there, `"reason":"RATE_LIMITED"`},
		{greeting, here, `[{"ratelimit":"\"network\";r=2","ratelimit-policy":"\"network\";q=3;w=3000","retry-after":""},null]`},
		{greeting, here, `"ratelimit":"\"network\";r=1"`},
		{greeting, here, `"ratelimit":"\"network\";r=0"`},
		{greeting, here, `"reason":"RATE_LIMITED"`},
		{greeting, there, `"ratelimit":"\"network\";r=2"`}, // which a gateway tells the server
	}
	all := map[string]map[int]string{}
	for name, call := range ways(t) {
		all[name] = map[int]string{}
		for i, step := range steps {
			got := call(t, step.call, step.from)
			if all[name][i] = got.String(); !strings.Contains(got.String(), step.want) {
				t.Errorf("%s, step %d (%s): got %s, want %s", name, i, step.call, got, step.want)
			}
			checkDelay(t, got)
		}
	}
	for i := range steps {
		for name := range all {
			if all[name][i] != all["server"][i] {
				t.Errorf("step %d differs:\n%s: %s\nserver: %s", i, name, all[name][i], all["server"][i])
			}
		}
	}
}

// checkDelay compares the two places that say when to come again.
func checkDelay(t *testing.T, a answer) {
	t.Helper()
	if a.header["retry-after"] == "" {
		return
	}
	for _, detail := range status.FromProto(a.status).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			delay := info.GetRetryDelay().AsDuration()
			if want := strconv.Itoa(int(math.Ceil(delay.Seconds()))); a.header["retry-after"] != want || delay <= 900*time.Second || delay > 1000*time.Second {
				t.Errorf("retry-after %s, retry_delay %v", a.header["retry-after"], delay)
			}
			return
		}
	}
	t.Errorf("no RetryInfo in %v", a.status)
}

// Who asks for the health is never refused, and what was refused is counted.
func TestHealthIsNotLimited(t *testing.T) {
	s := program.Start(t, process.Config{Args: rarely})
	call := overHTTP(s, s)
	for range 5 {
		call(t, greeting, "127.0.0.1")
	}
	probe := s.Client(t)
	for range 10 {
		response, err := probe.Get(s.URL("/healthz"))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Fatalf("/healthz: %s", response.Status)
		}
	}
	if text := metrics(t, s); !strings.Contains(text, `rate_limit_refusals_total{policy="network"} 2`) {
		t.Errorf("refusals are not counted:\n%s", lines(text, "rate_limit"))
	}
}

// A listener takes no more connections than it may have, and those that it has work on: each listener by itself.
func TestTooManyConnections(t *testing.T) {
	const most = 6 // of which one network has 3
	s := program.Start(t, process.Config{Args: []string{"--sample-data", fmt.Sprintf("--max-connections=%d", most)}})
	conn := s.Dial(t)
	read := func() error {
		_, err := pbv2.NewOrderServiceClient(conn).GetOrder(t.Context(), &pbv2.GetOrderRequest{Name: "orders/102"})
		return err
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	web := s.Client(t)
	get := func() error {
		response, err := web.Get(s.URL("/v1/orders/102"))
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		return err
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	for listener, address := range map[string]string{"grpc": s.GRPC, "http": s.HTTP} {
		for i := range 5 { // beside the one that works
			conn := connect(t, address, "127.0.0.1")
			if i >= most/2-1 && !ends(conn) {
				t.Errorf("%s: connection %d of one network is kept", listener, i+2)
			}
		}
		for i := range 5 {
			conn := connect(t, address, fmt.Sprintf("127.0.0.%d", i+2))
			if i >= most/2 && !ends(conn) {
				t.Errorf("%s: connection %d is kept", listener, most/2+i+1)
			}
		}
	}
	for range 3 {
		if err := read(); err != nil {
			t.Errorf("gRPC, on a connection from before: %v", err)
		}
		if err := get(); err != nil {
			t.Errorf("HTTP, on a connection from before: %v", err)
		}
	}
	text := metrics(t, s)
	for _, listener := range []string{"grpc", "http"} {
		for _, want := range []string{
			`connections_open{listener="` + listener + `"} 6`,
			`connections_refused_total{cause="network",listener="` + listener + `"} 3`,
			`connections_refused_total{cause="total",listener="` + listener + `"} 2`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("no %s in\n%s", want, lines(text, "connections"))
			}
		}
	}
	if n := strings.Count(s.Output(), "too many connections"); n != 2 {
		t.Errorf("logged %d times, want once for each listener", n)
	}
}

func connect(t *testing.T, address, from string) net.Conn {
	t.Helper()
	conn, err := dialer(from).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// ends says whether the other side closes a connection on which nothing was sent.
func ends(conn net.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(endsWithin))
	_, err := conn.Read(make([]byte, 1))
	late, ok := err.(net.Error)
	return err != nil && !(ok && late.Timeout())
}

// endsWithin is less than what a connection has for its handshake, after which it would end too.
const endsWithin = 5 * time.Second

func metrics(t *testing.T, s *process.Service) string {
	t.Helper()
	scraper := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	response, err := scraper.Get("http://" + s.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// lines are those of a text that name something.
func lines(text, name string) string {
	var found []string
	for line := range strings.SplitSeq(text, "\n") {
		if strings.Contains(line, name) {
			found = append(found, line)
		}
	}
	return strings.Join(found, "\n")
}
