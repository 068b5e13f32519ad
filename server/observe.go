package server

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"ordermanagement/internal/requestid"
	"ordermanagement/server/rpc"
)

// identify gives the call its request id, the caller's own or a new one, and answers it.
func identify() link {
	return link{name: "identify", run: func(ctx context.Context, c *call, next next) error {
		c.began = time.Now()
		c.requestID = requestid.Of(metadata.ValueFromIncomingContext(ctx, requestid.Key))
		rpc.SetHeader(ctx, requestid.Key, c.requestID)
		return next(ctx)
	}}
}

// measure counts and times every call, by method and code.
func measure(registry prometheus.Registerer) (link, error) {
	labels := []string{"grpc_service", "grpc_method", "grpc_type"}
	handled := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "grpc_server_handled_total", Help: "Calls that have ended, whatever their code.",
	}, append(labels, "grpc_code"))
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "grpc_server_handling_seconds", Help: "How long calls took, in seconds.", Buckets: prometheus.DefBuckets,
	}, labels)
	running := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "grpc_server_in_flight", Help: "Calls that run now.",
	}, labels)
	for _, collector := range []prometheus.Collector{handled, seconds, running} {
		if err := registry.Register(collector); err != nil {
			return link{}, err
		}
	}
	var known sync.Map // *method → *meters: finding them by their labels costs more than counting
	return link{name: "measure", after: []string{"identify"}, run: func(ctx context.Context, c *call, next next) error {
		found, ok := known.Load(c.method)
		if !ok {
			values := []string{c.method.service, c.method.name, c.method.kind}
			found = &meters{
				running: running.WithLabelValues(values...), seconds: seconds.WithLabelValues(values...),
				fine: handled.WithLabelValues(append(values, codes.OK.String())...),
			}
			if c.method.registered {
				known.Store(c.method, found)
			}
		}
		m := found.(*meters)
		m.running.Inc()
		defer m.running.Dec()
		err := next(ctx)
		if c.rehearsal && err == nil {
			return nil
		}
		if err == nil {
			m.fine.Inc()
		} else {
			handled.WithLabelValues(c.method.service, c.method.name, c.method.kind, status.Code(err).String()).Inc()
		}
		m.seconds.Observe(c.took().Seconds())
		return err
	}}, nil
}

// meters are those of one method.
type meters struct {
	running prometheus.Gauge
	seconds prometheus.Observer
	fine    prometheus.Counter // of calls that ended well
}

// record writes one log line a call: never a credential, never a body.
func record(logger *slog.Logger) link {
	return link{name: "record", after: []string{"identify"}, run: func(ctx context.Context, c *call, next next) error {
		err := next(ctx)
		if c.rehearsal && err == nil {
			return nil
		}
		code := status.Code(err)
		level := levelOf(code)
		if !logger.Enabled(ctx, level) {
			return err
		}
		attrs := []slog.Attr{
			slog.String("request_id", c.requestID),
			slog.String("method", clip(c.method.full)),
			slog.String("code", code.String()),
			slog.Duration("duration", c.took()),
			slog.Bool("in_process", c.inProcess),
		}
		if c.Caller.Subject != "" {
			attrs = append(attrs, slog.String("caller", c.Caller.Subject), slog.String("tenant", c.Caller.Tenant))
		}
		if p, ok := peer.FromContext(ctx); ok && !c.inProcess {
			attrs = append(attrs, slog.String("peer", p.Addr.String()))
		}
		if c.forwarded != "" {
			attrs = append(attrs, slog.String("forwarded_for", clip(c.forwarded)))
		}
		if err != nil {
			attrs = append(attrs, slog.String("message", clip(status.Convert(err).Message())))
		}
		if c.refusal != nil {
			attrs = append(attrs, slog.Any("cause", c.refusal))
		}
		line := slog.NewRecord(c.began.Add(c.took()), level, "call", 0) // where in the code it was made, nobody wants to know
		line.AddAttrs(attrs...)
		_ = logger.Handler().Handle(ctx, line)
		return err
	}}
}

// maxLogged is how much of a text that a caller can make long goes into a log line or an error, in bytes.
const maxLogged = 512

func clip(text string) string {
	if len(text) <= maxLogged {
		return text
	}
	return strings.ToValidUTF8(text[:maxLogged], "") + "…"
}

// levelOf says how loud a code is: what we must look into is an error, what an operator may want to know a warning.
func levelOf(code codes.Code) slog.Level {
	switch code {
	case codes.Unknown, codes.Internal, codes.DataLoss:
		return slog.LevelError
	case codes.Unavailable, codes.ResourceExhausted, codes.Unauthenticated, codes.PermissionDenied:
		return slog.LevelWarn
	default:
		return slog.LevelInfo
	}
}
