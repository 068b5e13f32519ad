package gateway_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"net/http/httptrace"
	"testing"
	"time"

	"ordermanagement/gateway"
)

// A client of a connection that is old is asked for another one.
func TestOldConnections(t *testing.T) {
	handler, err := gateway.New(gateway.Options{Conn: inProcess(t, &fake{})})
	if err != nil {
		t.Fatal(err)
	}
	for _, age := range []time.Duration{-time.Second, time.Hour} {
		server := httptest.NewUnstartedServer(handler)
		fresh := gateway.NewServer(handler, nil, slog.New(slog.DiscardHandler)).ConnContext
		server.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
			if ctx = fresh(ctx, c); age > 0 {
				return ctx
			}
			return gateway.WithEnd(ctx, time.Now().Add(age))
		}
		server.Start()
		response, err := server.Client().Get(server.URL + "/nowhere")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.Close != (age < 0) {
			t.Errorf("with %v to live: closes %v", age, response.Close)
		}
		server.Close()
	}
}

// While the process goes away every answer asks its client to leave the connection, and is complete.
func TestDrainingClientsAreAskedToLeave(t *testing.T) {
	var draining chan struct{}
	everyWay(t, &fake{}, func(t *testing.T, front *front) {
		get := func(path string) (closes, reused bool) {
			t.Helper()
			trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { reused = info.Reused }}
			request := front.request(t, "GET", path, nil)
			response, err := front.http.Do(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if body, err := io.ReadAll(response.Body); err != nil || len(body) == 0 {
				t.Errorf("%s: %q, %v", path, body, err)
			}
			return response.Close, reused
		}
		get("/nowhere")
		if closes, reused := get("/nowhere"); closes || !reused {
			t.Errorf("before: closes %v, reused %v", closes, reused)
		}
		close(draining)
		for _, path := range []string{"/nowhere", "/docs", "/healthz", "/v1/orders/1"} {
			if closes, _ := get(path); closes != (front.major == 1) {
				t.Errorf("%s: the connection is closed: %v", path, closes)
			}
		}
		until(t, "a new connection", func() bool {
			_, reused := get("/nowhere")
			return !reused
		})
	}, func(o *gateway.Options) {
		draining = make(chan struct{})
		o.Draining = draining
	})
}
