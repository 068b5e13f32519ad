package admin_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"ordermanagement/internal/admin"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEndpoints(t *testing.T) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "orders_in_a_test"}, func() float64 { return 7 }))
	down := errors.New("dial tcp 10.0.0.7:5432: refused")

	for name, test := range map[string]struct {
		method, path string
		ready        error
		status       int
		body, log    string
	}{
		"healthy":              {path: "/healthz", status: 200, body: "ok"},
		"healthy, not ready":   {path: "/healthz", ready: down, status: 200, body: "ok"},
		"ready":                {path: "/readyz", status: 200, body: "ready"},
		"not ready":            {path: "/readyz", ready: down, status: 503, body: "not ready", log: "10.0.0.7"},
		"draining":             {path: "/readyz", ready: admin.ErrDraining, status: 503, body: "not ready"},
		"metrics":              {path: "/metrics", status: 200, body: "orders_in_a_test 7"},
		"profiles":             {path: "/debug/pprof/", status: 200, body: "goroutine"},
		"one profile":          {path: "/debug/pprof/goroutine?debug=1", status: 200, body: "goroutine profile"},
		"CPU profile too long": {path: "/debug/pprof/profile?seconds=3600", status: 400, body: "up to 120"},
		"profile, endless":     {path: "/debug/pprof/trace?seconds=NaN", status: 400, body: "up to 120"},
		"delta too long":       {path: "/debug/pprof/heap?seconds=121", status: 400, body: "up to 120"},
		"no command line":      {path: "/debug/pprof/cmdline", status: 404},
		"unknown":              {path: "/", status: 404},
		"wrong verb":           {method: "POST", path: "/healthz", status: 405},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			server := httptest.NewUnstartedServer(nil)
			server.Config = admin.NewServer(admin.Options{
				Metrics: registry,
				Ready: func(ctx context.Context) error {
					if _, bounded := ctx.Deadline(); !bounded {
						t.Error("the readiness check has no deadline")
					}
					return test.ready
				},
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			server.Start()
			defer server.Close()

			request, err := http.NewRequestWithContext(t.Context(), test.method, server.URL+test.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := server.Client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != test.status || !strings.Contains(string(body), test.body) {
				t.Errorf("got %d %q, want %d with %q", response.StatusCode, body, test.status, test.body)
			}
			if test.ready != nil && strings.Contains(string(body), test.ready.Error()) {
				t.Errorf("the reason is shown: %q", body)
			}
			if strings.Contains(log.String(), "not ready") != (test.log != "") || !strings.Contains(log.String(), test.log) {
				t.Errorf("logged %q, want %q", log.String(), test.log)
			}
		})
	}
}

func TestNothingServesTheDefaultMux(t *testing.T) {
	const path = "/only-on-the-default-mux"
	http.HandleFunc(path, func(http.ResponseWriter, *http.Request) {})
	recorder := httptest.NewRecorder()
	admin.NewHandler(admin.Options{Metrics: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)}).
		ServeHTTP(recorder, httptest.NewRequest("GET", path, nil))
	if recorder.Code != http.StatusNotFound {
		t.Errorf("got %d", recorder.Code)
	}
}
