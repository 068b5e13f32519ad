package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"ordermanagement/internal/admin"
	"ordermanagement/internal/handshake"
	"ordermanagement/internal/lifecycle"
)

// closeTimeout is how long what needs no time to close may take: listeners, connections, the admin server.
const closeTimeout = 2 * time.Second

// gcPercent trades memory for time: the heap of a service at work is small, and most of it is short-lived. GOGC in the
// environment says otherwise (runtime/debug, SetGCPercent).
const gcPercent = 115

// process is a process on its way up, running, and on its way down.
type process struct {
	ctx        context.Context // ends when the process is asked to stop
	settings   *settings
	log        *slog.Logger
	lines      *logLines // of the log; to be flushed when nothing logs any more
	registry   *prometheus.Registry
	handshakes *handshake.Failures
	stdout     io.Writer
	// tracerProvider is what the layers are given; nil if nothing is traced.
	tracerProvider trace.TracerProvider
	serving        []any                         // for the log: where
	tasks          []func(context.Context) error // run together; they end when their clean-ups run
	cleanups       lifecycle.Stack
	fronts         []lifecycle.Cleanup // of what callers reach; they are stopped side by side
	draining       chan struct{}       // closed on the way down
}

func newProcess(p *program, s *settings) *process {
	if _, set := os.LookupEnv("GOGC"); !set {
		debug.SetGCPercent(gcPercent)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	buffered := newBufferedLog(p.stderr, s.Log)
	log := slog.New(buffered)
	return &process{ctx: p.ctx, settings: s, log: log, lines: buffered.lines, registry: registry, stdout: p.stdout, draining: make(chan struct{}), cleanups: lifecycle.Stack{
		OutOfTime: func(name string) { log.Warn("not done in time, cut off", "stopping", name) },
	}}
}

// run starts the tasks and waits until the process is asked to stop, or one of them fails.
func (p *process) run() error {
	// The tasks' own context doesn't end with p.ctx: the clean-ups end them one after the other.
	group, ctx := errgroup.WithContext(context.WithoutCancel(p.ctx))
	for _, task := range p.tasks {
		group.Go(func() error { return task(ctx) })
	}
	p.log.Info("serving", append(p.serving, "version", buildVersion())...)
	select {
	case <-p.ctx.Done():
		p.log.Info("stopping", "cause", context.Cause(p.ctx))
	case <-ctx.Done(): // a task has failed
	}
	stopErr := p.stop(nil)
	err := errors.Join(group.Wait(), stopErr)
	p.log.Info("stopped")
	return err
}

// stop runs the clean-ups, once. The process is going down already, so their context is not the one that says so.
func (p *process) stop(err error) error {
	return errors.Join(err, p.cleanups.Close(context.WithoutCancel(p.ctx)))
}

// readiness is whether the process can serve.
type readiness struct {
	check    func(context.Context) error // asks what it depends on
	drain    func()                      // tells gRPC health checks; may be nil
	draining <-chan struct{}             // closed on the way down
}

func (r *readiness) ready(ctx context.Context) error {
	select {
	case <-r.draining:
		return admin.ErrDraining
	default:
		return r.check(ctx)
	}
}

// addAdmin adds the admin server, unless it is off.
func (p *process) addAdmin(listener net.Listener) (*readiness, error) {
	ready := &readiness{draining: p.draining}
	if listener == nil {
		return ready, nil
	}
	if address, ok := listener.Addr().(*net.TCPAddr); ok && !address.IP.IsLoopback() {
		p.log.Warn("the admin listener, which has neither TLS nor authentication, can be reached from other machines; keep it in a private network", "admin-listen", listener.Addr())
	}
	server := admin.NewServer(admin.Options{Metrics: p.registry, Ready: ready.ready, Logger: p.log})
	p.cleanups.Push(p.addHTTP("the admin server", server, closeTimeout, func() error { return server.Serve(listener) }))
	return ready, nil
}

// addHTTP adds an HTTP server, and answers how it is stopped: gently within the limit, else at once.
func (p *process) addHTTP(name string, server *http.Server, limit time.Duration, serve func() error) lifecycle.Cleanup {
	p.tasks = append(p.tasks, func(context.Context) error {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	return lifecycle.Cleanup{Name: name, Limit: limit, Stop: server.Shutdown, Force: server.Close}
}

// addRun adds what runs until its context ends.
func (p *process) addRun(name string, run func(context.Context) error) {
	running, stop := context.WithCancel(context.WithoutCancel(p.ctx))
	p.tasks = append(p.tasks, func(context.Context) error { return run(running) })
	p.cleanups.Push(lifecycle.Cleanup{Name: name, Limit: closeTimeout, Stop: func(context.Context) error {
		stop()
		return nil
	}})
}

// addDrain adds what happens first on the way down: the process says that it is not ready, and load balancers get time
// to notice, while every call is answered; then what callers reach is stopped.
func (p *process) addDrain(ready *readiness) {
	p.cleanups.Push(p.fronts...)
	delay := p.settings.Shutdown.ShutdownDelay
	p.cleanups.Push(lifecycle.Cleanup{Name: "reporting ready", Limit: delay + closeTimeout, Stop: func(ctx context.Context) error {
		close(p.draining)
		if ready.drain != nil {
			ready.drain()
		}
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		return nil
	}})
}

// buildVersion is the version that the Go toolchain stamped into the program.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
