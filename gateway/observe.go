package gateway

import (
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/status"

	"ordermanagement/internal/apierror"
	"ordermanagement/internal/requestid"
)

// identify makes the call of a request and gives it an id, which the answer always has.
func (g *gateway) identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{id: requestid.Of(r.Header[requestIDHeader]), log: g.Logger, request: r, memory: memory{all: g.memory, network: networkOf(r, g.TrustForwardedFor)}}
		defer c.memory.release()
		c.answer.from = &g.buffers
		defer c.answer.release()
		c.w = newResponse(w, r, c, g.WriteTimeout)
		c.w.draining, c.w.old = g.Draining, isOld(r.Context())
		c.w.Header().Set(requestIDHeader, c.id)
		c.w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(c.w, r.WithContext(withCall(r.Context(), c)))
	})
}

// logAccess writes one line a request: no query, header or body, which may hold secrets. The server logs every call that
// reaches it, so those are for debugging here, except for what went wrong inside; what ends in the gateway, only this
// line tells.
func (g *gateway) logAccess(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		c := callOf(r.Context())
		defer func() {
			level := slog.LevelDebug
			if !c.called {
				level = slog.LevelInfo
			}
			if c.w.status >= http.StatusInternalServerError && c.w.status != http.StatusGatewayTimeout { // deadlines are the client's
				level = slog.LevelWarn
			}
			if !g.Logger.Enabled(r.Context(), level) {
				return
			}
			where := slog.String("path", clip(r.URL.Path))
			if c.route != nil {
				where = slog.String("route", c.route.template)
			}
			g.Logger.LogAttrs(r.Context(), level, "http request",
				slog.String("request_id", c.id), slog.String("method", r.Method), where,
				slog.Int("status", c.w.status), slog.Duration("duration", time.Since(start)), slog.Int64("bytes", c.w.bytes))
		}()
		next.ServeHTTP(w, r)
	})
}

// measure counts and times every request, by route and status. A path that is no route has none, so that nobody can fill
// the memory with paths.
func (g *gateway) measure(registry prometheus.Registerer) (func(http.Handler) http.Handler, error) {
	labels := []string{"method", "route", "code"}
	handled := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "http_requests_total", Help: "HTTP requests that were answered.",
	}, labels)
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_request_duration_seconds", Help: "How long HTTP requests took, in seconds.", Buckets: prometheus.DefBuckets,
	}, labels[:2])
	running := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "http_requests_in_flight", Help: "HTTP requests that run now.",
	})
	for _, collector := range []prometheus.Collector{handled, seconds, running} {
		if err := registry.Register(collector); err != nil {
			return nil, err
		}
	}
	type outcome struct {
		route  *route
		status int
	}
	type meters struct {
		handled prometheus.Counter
		seconds prometheus.Observer
	}
	var known sync.Map // outcome → meters: finding them by their labels costs more than counting
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			start := time.Now()
			c := callOf(r.Context())
			running.Inc()
			defer func() {
				running.Dec()
				outcome := outcome{c.route, c.w.status}
				found, ok := known.Load(outcome)
				if !ok {
					method, route := "other", "none"
					if c.route != nil {
						method, route = c.route.method, c.route.template
					}
					found, _ = known.LoadOrStore(outcome, meters{
						handled: handled.WithLabelValues(method, route, strconv.Itoa(c.w.status)),
						seconds: seconds.WithLabelValues(method, route),
					})
				}
				m := found.(meters)
				m.handled.Inc()
				m.seconds.Observe(time.Since(start).Seconds())
			}()
			next.ServeHTTP(w, r)
		})
	}, nil
}

// contain answers 500 when a handler panics, or, if the answer has begun, breaks it off, so that nobody takes it for
// complete.
func (g *gateway) contain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := callOf(r.Context())
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p == http.ErrAbortHandler { // net/http's way to break off an answer
				panic(p)
			}
			st := c.panicked(p)
			if c.w.status != 0 {
				panic(http.ErrAbortHandler)
			}
			c.w.writeError(st)
		}()
		next.ServeHTTP(w, r)
	})
}

// containSending is deferred where the generated code sends a stream's records: in a goroutine of its own, in which a
// panic would end the program.
func (c *call) containSending() {
	if p := recover(); p != nil {
		c.fail(c.panicked(p))
	}
}

func (c *call) panicked(p any) *status.Status {
	c.log.ErrorContext(c.request.Context(), "panic in the gateway", slog.String("request_id", c.id), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	return apierror.Normalize(errPanic)
}

var errPanic = errors.New("panic")
