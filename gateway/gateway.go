// Package gateway is the HTTP front of the service: the HTTP/JSON of the google.api.http annotations in the contract,
// answered by calling the gRPC server, and the pages of package openapi/docs. The routes and their messages are grpc-gateway's generated code; around it stand
// a gRPC connection, a codec, and a ResponseWriter of ours, which share the state of one request (call).
//
// A request passes, in this order: the HTTP middlewares (gateway.go) → routing (routes.go) → what the contract allows
// (admit.go: query.go, metadata.go, body.go) → generated code → conn.go → gRPC. The answer passes response.go, and every
// error errors.go.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"ordermanagement/internal/crowd"
	"ordermanagement/internal/tracing"
	"ordermanagement/openapi/docs"
)

// What the options are when they are zero.
const (
	DefaultMaxBodyBytes      = 4 << 20
	DefaultMaxRecordBytes    = 4 << 20
	DefaultMaxBodyMemory     = 256 << 20
	DefaultBodyTimeout       = 30 * time.Second
	DefaultStreamIdleTimeout = 5 * time.Minute
	DefaultWriteTimeout      = 30 * time.Second
	DefaultEventKeepAlive    = 15 * time.Second
)

// Options says what [New] builds. All but Conn may be zero.
type Options struct {
	Conn   grpc.ClientConnInterface // to the server: the in-process channel of `serve`, a network connection of `gateway`
	Logger *slog.Logger             // slog.Default if nil
	// Registry gets the metrics of requests; none are kept if nil.
	Registry prometheus.Registerer

	// TracerProvider gets a span of every request and of its call; nil if they are not traced.
	TracerProvider trace.TracerProvider

	// Admit asks the server whether it would take a call with this metadata, before anything of the body is looked at;
	// its answer is the header metadata and the error of a refusal. Nil where only the call itself can tell, as in a
	// process of its own.
	Admit func(ctx context.Context, method string, md metadata.MD) (metadata.MD, error)

	MaxBodyBytes      int64         // of a unary request's body, in bytes
	MaxRecordBytes    int64         // of one record of a request stream, in bytes without its line break
	MaxBodyMemory     int64         // for all bodies and records at once, in bytes; requests beyond it get 503
	BodyTimeout       time.Duration // for the whole body of a unary request to arrive
	StreamIdleTimeout time.Duration // for the next record of a request stream to arrive
	WriteTimeout      time.Duration // for the client to take an answer, or one record of a stream
	EventKeepAlive    time.Duration // without an event, after which a stream of events sends a comment

	// TrustForwardedFor keeps what X-Forwarded-For says and appends the peer's address to it. Switch it on only behind
	// a proxy that sets the header; without it the metadata x-forwarded-for is the peer's address alone.
	TrustForwardedFor bool

	// LoopbackHostOnly refuses requests for any other host than this machine. Where callers need no credential, it keeps a
	// web page from reaching the service under a name of its own that resolves to this machine (DNS rebinding).
	LoopbackHostOnly bool

	// Origins are those whose pages may call the service, as browsers send them, such as https://app.example.com
	// (CheckOrigin). There is no other page than the service's own when it is empty.
	Origins []string

	// Authorization is where the pages can get tokens; nil if nowhere.
	Authorization *docs.OAuth2
	// Issuer answers [PathIssuer] and all below it: an authorization server of this process, for development. There is
	// nothing at these paths if it is nil.
	Issuer http.Handler

	// Draining is closed when the process is going away: answers then ask clients to leave their connections, by
	// "Connection: close" (RFC 9112, 9.6) or GOAWAY (RFC 9113, 6.8). Nil if it never is.
	Draining <-chan struct{}

	// Versions of the API that the server behind offers, whose OpenAPI documents are shown: v1, v2. All of them if empty.
	Versions []string
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	for _, d := range []struct {
		value *time.Duration
		def   time.Duration
	}{{&o.BodyTimeout, DefaultBodyTimeout}, {&o.StreamIdleTimeout, DefaultStreamIdleTimeout}, {&o.WriteTimeout, DefaultWriteTimeout}, {&o.EventKeepAlive, DefaultEventKeepAlive}} {
		if *d.value == 0 {
			*d.value = d.def
		}
	}
	if o.MaxBodyBytes == 0 {
		o.MaxBodyBytes = DefaultMaxBodyBytes
	}
	if o.MaxRecordBytes == 0 {
		o.MaxRecordBytes = DefaultMaxRecordBytes
	}
	if o.MaxBodyMemory == 0 {
		o.MaxBodyMemory = DefaultMaxBodyMemory
	}
	if len(o.Versions) == 0 {
		o.Versions = docs.Versions()
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	if o.Conn == nil {
		errs = append(errs, errors.New("a gateway needs a connection to the server"))
	}
	if o.MaxBodyBytes < 0 || o.MaxRecordBytes < 0 {
		errs = append(errs, errors.New("the limits of bodies and records can't be negative"))
	}
	// The chunk is for what grow gives beyond the body.
	if o.MaxBodyMemory < MinBodyMemory(o.MaxBodyBytes, o.MaxRecordBytes) {
		errs = append(errs, fmt.Errorf("the memory for bodies must be at least %d bytes more than the limits of bodies and records", memoryChunk))
	}
	if o.BodyTimeout < 0 || o.StreamIdleTimeout < 0 || o.WriteTimeout < 0 || o.EventKeepAlive < 0 {
		errs = append(errs, errors.New("the timeouts of bodies, streams, writes and keep-alives can't be negative"))
	}
	return errors.Join(append(errs, checkOrigins(o.Origins))...)
}

type gateway struct {
	Options
	mux    *runtime.ServeMux
	routes routes
	pages  map[string]page
	memory *crowd.Crowd[netip.Prefix] // for bodies and records

	buffers sync.Pool // of answers that were sent
}

// New makes the handler that answers HTTP with the service behind Options.Conn. It fails when an option is wrong, or
// when a route of the contract isn't answered by the generated code.
func New(options Options) (http.Handler, error) {
	options = options.withDefaults()
	if err := options.validate(); err != nil {
		return nil, err
	}
	g := &gateway{Options: options, memory: newBodyMemory(options)}
	g.mux = runtime.NewServeMux(
		runtime.WithMiddlewares(g.bind),
		runtime.WithMarshalerOption(runtime.MIMEWildcard, codec{}),
		runtime.WithErrorHandler(g.handleError),
		runtime.WithStreamErrorHandler(g.handleStreamError),
		runtime.WithRoutingErrorHandler(g.handleRoutingError),
		runtime.WithForwardResponseOption(checkPrecondition),
		runtime.WithForwardResponseRewriter(rewrite),
		runtime.WithWriteContentLength(),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithDisablePathLengthFallback(),
		// An escaped slash stays inside its segment; `**`, which no route has, would keep it escaped.
		runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptSlash),
		// Headers and metadata pass through call and response only, where each is looked at once.
		runtime.WithIncomingHeaderMatcher(forwardNone),
		runtime.WithOutgoingHeaderMatcher(forwardNone),
		runtime.WithOutgoingTrailerMatcher(forwardNone),
	)
	if options.TracerProvider != nil {
		options.Conn = tracing.Conn(options.Conn, options.TracerProvider)
	}
	var err error
	if g.routes, err = contractRoutes(); err != nil {
		return nil, err
	}
	for _, service := range services {
		if err := service.register(context.Background(), g.mux, conn{options.Conn}); err != nil {
			return nil, fmt.Errorf("registering the routes of %s: %w", service.file.Path(), err)
		}
	}
	if err := g.checkRoutes(); err != nil {
		return nil, err
	}
	if g.pages, err = g.newPages(); err != nil {
		return nil, err
	}
	measure, err := g.measure(g.Registry)
	if err != nil {
		return nil, err
	}
	share, err := g.shareAcrossOrigins()
	if err != nil {
		return nil, err
	}
	protect, err := g.refuseCrossOrigin()
	if err != nil {
		return nil, err
	}
	return chain(http.HandlerFunc(g.mux.ServeHTTP), g.middlewares(measure, share, protect)...), nil
}

// middlewares lists what every request passes, the outermost first. Each says what must stand before it.
func (g *gateway) middlewares(measure, share, protect middleware) []middleware {
	return []middleware{
		g.identify,             // first: makes the call that all others use
		g.trace,                // outside of whatever answers or logs
		measure,                // outside of contain, so that it sees the 500 of a panic
		g.logAccess,            // likewise
		g.contain,              // outside of whatever may panic
		g.limitBodyTime,        // before anything may answer
		g.serveIssuer(protect), // outside of share: for no page of another origin
		share,                  // outside of whatever answers errors, which scripts of listed origins may read
		g.refuseLargeHeader,    // before anything is done for the request
		g.refuseForeignHost,    // likewise
		protect,                // likewise
		g.servePages,           // outside of refusePath, to which "/" has an empty segment
		g.refusePath,           // before routing, which would match an empty segment
		g.answerHead,           // last: changes the method
	}
}

type middleware = func(http.Handler) http.Handler

func chain(handler http.Handler, middlewares ...middleware) http.Handler {
	for i := len(middlewares) - 1; i >= 0; i-- {
		handler = middlewares[i](handler)
	}
	return handler
}

func forwardNone(string) (string, bool) { return "", false }
