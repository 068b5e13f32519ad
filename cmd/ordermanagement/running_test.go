package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/certs"
	"ordermanagement/client"
	orderv1 "ordermanagement/gen/ordermanagement/v1"
)

// get asks a process over HTTP, trusting the authority of the data directory.
func get(t *testing.T, url, data, token string) (status int, body string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	if strings.HasPrefix(url, "https:") {
		config, err := certs.ClientConfig(certs.ClientOptions{CAFile: filepath.Join(data, "ca.crt"), ServerName: "127.0.0.1"})
		if err != nil {
			t.Fatal(err)
		}
		transport.TLSClientConfig = config
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func developmentTokenOf(t *testing.T, data string) string {
	t.Helper()
	token, err := readToken(filepath.Join(data, developmentTokenFile))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// checkOrder reads a sample order over HTTP with the development token.
func checkOrder(t *testing.T, c *child, data string) {
	t.Helper()
	url := "https://" + c.address("http-listen") + "/v1/orders/102"
	if status, body := get(t, url, data, ""); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d %s", status, body)
	}
	status, body := get(t, url, data, developmentTokenOf(t, data))
	var answer struct {
		ID    string
		Items []string
		Price float32
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK {
		t.Fatalf("got %d %s: %v", status, body, err)
	}
	if answer.ID != "102" || len(answer.Items) != 2 || answer.Price != 1800 {
		t.Errorf("got %s", body)
	}
}

// dialGRPC connects to the gRPC listener of a process.
func dialGRPC(t *testing.T, c *child, security client.Option) *grpc.ClientConn {
	t.Helper()
	conn, err := client.New(c.address("grpc-listen"), security)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestSeparateProcesses(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	srv := serveOn(t, dir, "server", "--sample-data")
	gw := serveOn(t, dir, "gateway", "--server-address="+srv.address("grpc-listen"))
	checkOrder(t, gw, data)
	if !strings.Contains(gw.stdout.String(), "curl --cacert data/ca.crt") || strings.Contains(gw.stdout.String(), "grpcurl") {
		t.Errorf("the gateway prints %s", gw.stdout)
	}
	if !strings.Contains(srv.stdout.String(), "grpcurl -cacert data/ca.crt") || strings.Contains(srv.stdout.String(), "curl --cacert") {
		t.Errorf("the server prints %s", srv.stdout)
	}

	ready := "http://" + gw.address("admin-listen") + "/readyz"
	if status, body := get(t, ready, data, ""); status != http.StatusOK {
		t.Errorf("gateway with its server: %d %s", status, body)
	}
	srv.signal(syscall.SIGTERM)
	if code := srv.exit(); code != exitOK {
		t.Errorf("server: exit code %d:\n%s", code, srv.stderr)
	}
	if status, body := get(t, ready, data, ""); status != http.StatusServiceUnavailable {
		t.Errorf("gateway without its server: %d %s", status, body)
	}
	gw.signal(syscall.SIGINT)
	if code := gw.exit(); code != exitOK {
		t.Errorf("gateway: exit code %d:\n%s", code, gw.stderr)
	}
}

func TestOneProcessADatabase(t *testing.T) {
	dir := t.TempDir()
	serveOn(t, dir, "serve")
	second := start(t, dir, free()...)
	if code := second.exit(); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	checkLines(t, second, "is open in another process")
}

func TestPlaintextWithoutCallers(t *testing.T) {
	dir := t.TempDir()
	c := serveOn(t, dir, "serve", "--sample-data", "--tls=off", "--auth=off")
	if status, body := get(t, "http://"+c.address("http-listen")+"/v1/orders/103", "", ""); status != http.StatusOK {
		t.Errorf("HTTP: %d %s", status, body)
	}
	conn := dialGRPC(t, c, client.Plaintext())
	order, err := orderv1.NewOrderManagementClient(conn).GetOrder(t.Context(), wrapperspb.String("103"))
	if err != nil || order.GetDestination() != "San Jose, CA" {
		t.Errorf("gRPC: %v, %v", order, err)
	}
	if shown := c.stdout.String(); strings.Contains(shown, "uthorization") || strings.Contains(shown, "https") || !strings.Contains(shown, "-plaintext") {
		t.Errorf("printed %s", shown)
	}
	for _, name := range []string{"ca.crt", "token"} {
		if _, err := os.Stat(filepath.Join(dir, "data", name)); err == nil {
			t.Errorf("%s was made without need", name)
		}
	}
}

func TestMinimalTLSVersion(t *testing.T) {
	for flag, allowed := range map[string]bool{"--tls-min-version=1.3": false, "--tls-min-version=1.2": true} {
		c := serveOn(t, t.TempDir(), "serve", flag)
		for _, listener := range []string{"http-listen", "grpc-listen"} {
			// Only the version is looked at, not the certificate.
			conn, err := tls.Dial("tcp", c.address(listener), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, NextProtos: []string{"h2"}})
			if err == nil {
				conn.Close()
			}
			if (err == nil) != allowed {
				t.Errorf("%s: TLS 1.2 on %s: %v", flag, listener, err)
			}
		}
	}
}

// TestOrderOfShutdown sees a process report that it is not ready while it still answers, and end cleanly in time.
func TestOrderOfShutdown(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	c := serveOn(t, dir, "serve", "--sample-data", "--shutdown-delay=5s")
	health := grpc_health_v1.NewHealthClient(dialGRPC(t, c, client.TLSFiles(certs.ClientOptions{CAFile: filepath.Join(data, "ca.crt")})))
	watching, stopWatching := context.WithCancel(t.Context())
	defer stopWatching()
	watch, err := health.Watch(watching, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	expect := func(want grpc_health_v1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		if got, err := watch.Recv(); err != nil || got.GetStatus() != want {
			t.Fatalf("health is %v, %v; want %v", got, err, want)
		}
	}
	expect(grpc_health_v1.HealthCheckResponse_SERVING)
	ready := "http://" + c.address("admin-listen") + "/readyz"
	if status, _ := get(t, ready, data, ""); status != http.StatusOK {
		t.Errorf("before: readyz answers %d", status)
	}
	c.signal(syscall.SIGTERM)
	expect(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	if status, _ := get(t, ready, data, ""); status != http.StatusServiceUnavailable {
		t.Errorf("while draining: readyz answers %d", status)
	}
	stopWatching()
	checkOrder(t, c, data) // balancers still send requests
	if code := c.exit(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, c.stderr)
	}
	for _, name := range []string{databaseName + "-wal", databaseName + "-shm"} {
		if _, err := os.Stat(filepath.Join(data, name)); err == nil {
			t.Errorf("%s is left: the database was not closed", name)
		}
	}
	if conn, err := net.DialTimeout("tcp", c.address("http-listen"), time.Second); err == nil {
		conn.Close()
		t.Error("the HTTP port is still open")
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		c := serveOn(t, t.TempDir(), "serve", "--shutdown-delay=5m")
		c.signal(s)
		c.stderr.waitFor(t, c, "stopping")
		c.signal(s)
		if code := c.exit(); code == exitOK {
			t.Errorf("%v: exit code %d", s, code)
		}
	}
}

// TestStreamsAreCutOff leaves a stream open that would never end by itself.
func TestStreamsAreCutOff(t *testing.T) {
	dir := t.TempDir()
	c := serveOn(t, dir, "serve", "--tls=off", "--auth=off", "--shutdown-timeout=100ms")
	stream, err := orderv1.NewOrderManagementClient(dialGRPC(t, c, client.Plaintext())).ProcessOrders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(wrapperspb.String("102")); err != nil {
		t.Fatal(err)
	}
	c.signal(syscall.SIGTERM)
	if _, err := stream.Recv(); err == nil {
		t.Error("the stream goes on")
	}
	if code := c.exit(); code != exitOK {
		t.Errorf("exit code %d:\n%s", code, c.stderr)
	}
	if !strings.Contains(c.stderr.String(), "cut off") {
		t.Errorf("nothing says so:\n%s", c.stderr)
	}
}
