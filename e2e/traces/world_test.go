// Package traces runs the program against a collector of its own: the spans of a call, from the HTTP request to what the
// store is asked, hang below those of the client.
package traces

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"testing"

	"ordermanagement/e2e/process"
)

var program = process.NewProgram()

func TestMain(m *testing.M) { program.Main(m) }

// exporting are variables by which a process sends its spans soon.
func exporting(service, endpoint, protocol string) []string {
	return []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL=" + protocol,
		"OTEL_SERVICE_NAME=" + service, "OTEL_BSP_SCHEDULE_DELAY=20",
	}
}

// world is the service as one process or as two, and its collector.
type world struct {
	*collector
	server, gateway *process.Service
	client          *http.Client
}

// serve is one process, which exports over HTTP.
func serve(t *testing.T, args ...string) *world {
	t.Helper()
	c := newCollector(t)
	service := program.Start(t, process.Config{Args: append(args, "--sample-data"), Env: exporting("serve", c.http, "http/protobuf")})
	return &world{c, service, service, service.Client(t)}
}

// apart is a server and a gateway, which export over gRPC.
func apart(t *testing.T) *world {
	t.Helper()
	c := newCollector(t)
	server := program.Start(t, process.Config{Command: "server", Args: []string{"--sample-data"}, Env: exporting("server", c.grpc, "grpc")})
	gateway := program.Start(t, process.Config{
		Command: "gateway", DataDir: server.DataDir, Args: []string{"--server-address=" + server.GRPC}, Env: exporting("gateway", c.grpc, "grpc"),
	})
	return &world{c, server, gateway, gateway.Client(t)}
}

// parent is a span of a client.
type parent struct{ trace, span string }

func newParent() parent {
	var random [24]byte
	_, _ = rand.Read(random[:])
	return parent{hex.EncodeToString(random[:16]), hex.EncodeToString(random[16:])}
}

func (p parent) sampled() string   { return "00-" + p.trace + "-" + p.span + "-01" }
func (p parent) unsampled() string { return "00-" + p.trace + "-" + p.span + "-00" }

// ask sends a request and answers the status and the request id.
func (w *world) ask(t *testing.T, method, path, body string, header map[string]string) (status int, request string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, w.gateway.URL(path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	response, err := w.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("X-Request-Id")
}

// wantTree waits for the spans below the client's, and compares them. Two of a name are told by @ in front of what differs.
func (w *world) wantTree(t *testing.T, p parent, want string) {
	t.Helper()
	want = strings.TrimLeft(strings.ReplaceAll(want, "\n\t\t\t", "\n"), "\n")
	want = strings.TrimRight(want, "\t\n") + "\n"
	await(t, "whole trace", func() bool { return len(w.trace(p.trace)) >= strings.Count(want, "\n") })
	top, err := hex.DecodeString(p.span)
	if err != nil {
		t.Fatal(err)
	}
	spans := w.trace(p.trace)
	if got := tree(spans, top, ""); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, s := range spans {
		if s.GetTraceState() != "vendor=1" {
			t.Errorf("%s has the trace state %q", s, s.GetTraceState())
		}
	}
}
