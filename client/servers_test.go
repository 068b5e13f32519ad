package client_test

import (
	"net"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"ordermanagement/certs"
	"ordermanagement/client"
)

// A list of servers shares the calls, each server under its own name; one that says it doesn't serve gets none.
func TestListOfServers(t *testing.T) {
	dir := t.TempDir()
	var greeters []*greeter
	for range 2 {
		greeters = append(greeters, secureGreeterIn(t, dir, "", health.NewServer()))
	}
	_, port, err := net.SplitHostPort(greeters[1].address)
	must(t, err)
	target := greeters[0].address + "," + net.JoinHostPort("localhost", port)
	connection, err := client.New(target, greeters[0].trusted())
	must(t, err)
	t.Cleanup(func() { must(t, connection.Close()) })

	both := []bool{true, true}
	calledSoon(t, connection, greeters, both)
	for i, leaving := range greeters {
		leaving.health.SetServingStatus("", healthpb.HealthCheckResponse_NOT_SERVING)
		calledSoon(t, connection, greeters, []bool{i != 0, i != 1})
		leaving.health.SetServingStatus("", healthpb.HealthCheckResponse_SERVING)
		calledSoon(t, connection, greeters, both)
	}

	wrong, err := client.New(target, client.TLSFiles(certs.ClientOptions{CAFile: filepath.Join(dir, "ca.crt"), ServerName: "elsewhere.example"}))
	must(t, err)
	t.Cleanup(func() { must(t, wrong.Close()) })
	if _, err := hello(t.Context(), wrong); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "elsewhere.example") {
		t.Errorf("servers with another name: %v", err)
	}
}

// calledSoon waits until calls reach these of the greeters, and no others.
func calledSoon(t *testing.T, connection *grpc.ClientConn, greeters []*greeter, want []bool) {
	t.Helper()
	eventually(t, func() (bool, string) {
		var before []int
		for _, g := range greeters {
			before = append(before, len(g.seen()))
		}
		for range 4 {
			if _, err := hello(t.Context(), connection); err != nil {
				t.Fatal(err)
			}
		}
		for i, g := range greeters {
			if called := len(g.seen()) > before[i]; called != want[i] {
				return false, "the wrong servers are called"
			}
		}
		return true, ""
	})
}

func TestListsThatAreNone(t *testing.T) {
	for _, target := range []string{"one:1,two", "one:1,", ",one:1", "one:1,:2", "one:1,two:http", "one:1,one:1", "one:1,two:70000"} {
		if _, err := client.New(target, client.Plaintext()); err == nil || !strings.Contains(err.Error(), "server") {
			t.Errorf("%s: %v", target, err)
		}
		if client.CheckTarget(target) == nil {
			t.Errorf("%s is taken", target)
		}
	}
	for _, target := range []string{"one:1", "one:1, two:2", "dns:///one:1", "[::1]:1,[::1]:2", "unix:/a,b"} {
		if err := client.CheckTarget(target); err != nil {
			t.Error(err)
		}
	}
}
