// Package admin is the listener for those who operate a process: health, readiness, metrics and profiles. It has no
// authentication, so it belongs on a loopback address or a private network.
package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	// readyTimeout bounds one readiness check; a store that takes longer is not one that can serve.
	readyTimeout = 2 * time.Second

	readHeaderTimeout = 5 * time.Second
	idleTimeout       = 2 * time.Minute
	writeTimeout      = 30 * time.Second // pprof takes longer where a profile does
	// maxProfile is the longest profile that can be taken.
	maxProfile = 2 * time.Minute
	// maxHeaderBytes is plenty for probes and scrapers.
	maxHeaderBytes = 16 << 10
	// maxScrapes is how many requests for metrics are answered at the same time.
	maxScrapes = 4
)

// ErrDraining is what a readiness check answers once the process is on its way down.
var ErrDraining = errors.New("shutting down")

// Options says what the listener shows.
type Options struct {
	Metrics prometheus.Gatherer
	// Ready says why the process can't serve now; nil means that it can. The reason is logged, not shown.
	Ready  func(context.Context) error
	Logger *slog.Logger
}

// NewServer makes the server; its caller starts and stops it.
func NewServer(opts Options) *http.Server {
	return &http.Server{
		Handler:           NewHandler(opts),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readHeaderTimeout, // no endpoint takes a body
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(opts.Logger.Handler(), slog.LevelDebug),
	}
}

// NewHandler makes the endpoints: /healthz answers 200 while the process runs, /readyz 200 while it can serve and else
// 503, /metrics in Prometheus's format, and net/http/pprof's profiles under /debug/pprof/. pprof's cmdline is left out:
// flags may hold the password of a database.
func NewHandler(opts Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if err := opts.Ready(ctx); err != nil {
			if !errors.Is(err, ErrDraining) {
				opts.Logger.WarnContext(ctx, "not ready", "error", err)
			}
			answer(w, http.StatusServiceUnavailable, "not ready")
			return
		}
		answer(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(opts.Metrics, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(opts.Logger.Handler(), slog.LevelWarn),
		MaxRequestsInFlight: maxScrapes,
	}))
	// A mux of our own: importing net/http/pprof adds the profiles to http.DefaultServeMux, which nothing serves.
	mux.Handle("GET /debug/pprof/", bounded(pprof.Index))
	mux.HandleFunc("GET /debug/pprof/cmdline", http.NotFound)
	mux.Handle("GET /debug/pprof/profile", bounded(pprof.Profile))
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.Handle("GET /debug/pprof/trace", bounded(pprof.Trace))
	return mux
}

// bounded refuses a profile that takes longer than maxProfile.
func bounded(profile http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := r.FormValue("seconds"); text != "" {
			seconds, err := strconv.ParseFloat(text, 64)
			if err != nil || !(seconds > 0 && seconds <= maxProfile.Seconds()) {
				answer(w, http.StatusBadRequest, fmt.Sprintf("seconds must be a number up to %g", maxProfile.Seconds()))
				return
			}
		}
		profile(w, r)
	})
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n")) // who asked has gone
}
