// Package server is the gRPC process: it registers every service of every version over one domain, on a network
// listener and on an in-process connection, behind one chain of interceptors.
package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	_ "google.golang.org/grpc/encoding/gzip" // callers may compress
	"google.golang.org/grpc/health"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/handshake"
	"ordermanagement/internal/order"
)

// Options is what a server is made of.
type Options struct {
	Orders        *order.Service
	Authenticator auth.Authenticator
	PageTokenKey  []byte // 32 bytes; the same in every replica
	Logger        *slog.Logger
	Registry      *prometheus.Registry
	// TracerProvider gets a span of every call; nil if calls are not traced.
	TracerProvider trace.TracerProvider
	V1             V1
	Reflection     bool        // whether the contracts can be read by reflection
	TLS            *tls.Config // nil: plaintext
	// Handshakes tells of callers whom TLS has refused; nil if nobody wants to know.
	Handshakes *handshake.Failures
	// TrustedGateway says whether a verified client certificate is that of a gateway, whose word for the certificate of a
	// caller (x-forwarded-client-cert) is taken; nil if there is none.
	TrustedGateway func(*x509.Certificate) bool
	Limits         Limits
}

// Limits bound what one caller can take. A zero value means the default.
type Limits struct {
	MessageBytes      int           // of one received message; default 4 MiB
	ConcurrentStreams uint32        // of one connection; default 256
	CallTimeout       time.Duration // of a unary call, its request included; default 30 s
	StreamIdleTimeout time.Duration // for the next message of a stream to arrive; default 5 min
	SendTimeout       time.Duration // for the client to take a message of a stream; default 30 s
	RecheckInterval   time.Duration // after which a stream's caller has to be let in again, with its next message; default 10 s
	Rate              RateLimit     // of the calls of one caller; default none
	Connection        ConnectionLimits
}

// The defaults of the limits.
const (
	DefaultMessageBytes      = 4 << 20
	DefaultConcurrentStreams = 256
	DefaultCallTimeout       = 30 * time.Second
	DefaultStreamIdleTimeout = 5 * time.Minute
	DefaultSendTimeout       = 30 * time.Second
	DefaultRecheckInterval   = 10 * time.Second
)

// streamWorkers is how many goroutines are kept for calls: their stacks have grown already. More calls at a time get
// goroutines of their own.
const streamWorkers = 64

// maxHeaderBytes bounds the headers of a call; grpc-go's own limit is 16 MiB.
const maxHeaderBytes = 64 << 10

func (l Limits) withDefaults() Limits {
	if l.MessageBytes == 0 {
		l.MessageBytes = DefaultMessageBytes
	}
	if l.ConcurrentStreams == 0 {
		l.ConcurrentStreams = DefaultConcurrentStreams
	}
	if l.CallTimeout == 0 {
		l.CallTimeout = DefaultCallTimeout
	}
	if l.StreamIdleTimeout == 0 {
		l.StreamIdleTimeout = DefaultStreamIdleTimeout
	}
	if l.RecheckInterval == 0 {
		l.RecheckInterval = DefaultRecheckInterval
	}
	if l.SendTimeout == 0 {
		l.SendTimeout = DefaultSendTimeout
	}
	l.Connection = l.Connection.withDefaults()
	return l
}

// Server serves every version of the API.
type Server struct {
	network   *grpc.Server
	inProcess *inProcessConn
	cutOff    context.CancelFunc // of the calls over inProcess
	health    *health.Server
	end       context.CancelFunc // of streams that never end by themselves
	handlers  inFlight
	chain     chain
	methods   map[string]*method // by full name
}

// New makes a server. It fails when a registered method has no policy in its contract.
func New(o Options) (*Server, error) {
	limits := o.Limits.withDefaults()
	cut, cutOff := context.WithCancel(context.Background())
	channel := (&inprocgrpc.Channel{}).WithCloner(sharing{})
	s := &Server{inProcess: &inProcessConn{channel: channel, unary: make(map[string]unaryHandler), cut: cut}, cutOff: cutOff, health: health.NewServer()}
	check, err := newFieldRules()
	if err != nil {
		return nil, err
	}
	ending, end := context.WithCancel(context.Background())
	s.end = end
	services, err := newServices(o, check, &healthService{Server: s.health, ending: ending})
	if err != nil {
		return nil, err
	}
	chain, err := interceptors(o, limits, cut)
	if err != nil {
		return nil, err
	}
	strangers := newStrangers(o.TrustedGateway)
	s.chain, s.methods = chain, make(map[string]*method)
	s.network = grpc.NewServer(networkOptions(o, limits, unknown(chain), s.methods, strangers)...)
	network := &registrar{
		target: s.network, chain: chain, check: check, handlers: &s.handlers, methods: s.methods,
		strangers: strangers, idle: limits.StreamIdleTimeout, send: limits.SendTimeout, maxBytes: limits.MessageBytes,
	}
	inProcess := *network
	inProcess.target, inProcess.inProcess = s.inProcess, true
	services.register(network)
	services.register(&inProcess)
	if o.Reflection {
		registerReflection(network, s.network, o.V1.Enabled)
	}
	return s, errors.Join(network.err, inProcess.err)
}

// interceptors is the chain around every call, the outermost link first.
func interceptors(o Options, limits Limits, cut context.Context) (chain, error) {
	measure, err := measure(o.Registry)
	if err != nil {
		return nil, err
	}
	refusals, err := newRefusals(o.Registry)
	if err != nil {
		return nil, err
	}
	rates, err := newRateLimits(limits.Rate, o.Registry)
	if err != nil {
		return nil, err
	}
	links := []link{
		identify(),
		announce(o.V1),
		measure,
		record(o.Logger),
		translate(cut),
		contain(o.Logger),
		retire(o.V1),
		limit(limits.CallTimeout, cut),
		authenticate(o.Authenticator, o.TrustedGateway, refusals, limits.RecheckInterval),
		boundStreams(),
	}
	if rates != nil {
		links = append(links, throttle(rates))
	}
	if o.TracerProvider != nil {
		links = slices.Insert(links, 1, traced(o.TracerProvider)) // outside of what refuses and what logs
	}
	return newChain(append(links, authorize(refusals))...)
}

func networkOptions(o Options, limits Limits, unknown grpc.StreamHandler, methods map[string]*method, strangers *strangers) []grpc.ServerOption {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(limits.MessageBytes),
		grpc.MaxConcurrentStreams(limits.ConcurrentStreams),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.WaitForHandlers(true),
		grpc.UnknownServiceHandler(unknown),
		grpc.ForceServerCodecV2(newCodec()),
		grpc.InTapHandle(tapLimit(methods, limits.CallTimeout, strangers)),
		grpc.NumStreamWorkers(streamWorkers),
	}
	options = append(options, limits.Connection.options()...)
	if o.TLS != nil {
		secure := credentials.NewTLS(o.TLS)
		if o.Handshakes != nil {
			secure = o.Handshakes.GRPC(secure)
		}
		options = append(options, grpc.Creds(secure))
	}
	return options
}

// Serve answers calls on the listener until Shutdown. It closes the listener.
func (s *Server) Serve(listener net.Listener) error {
	if err := s.network.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve gRPC: %w", err)
	}
	return nil
}

// Conn is the in-process connection. Calls over it run the same chain as those from the network.
func (s *Server) Conn() grpc.ClientConnInterface { return s.inProcess }

// Drain tells health checks that this server is going away. Calls are still answered.
func (s *Server) Drain() { s.health.Shutdown() }

// StopNetwork stops taking calls from the network and waits for those that run; on the in-process connection they are still
// answered. When the context ends first it cuts them off.
func (s *Server) StopNetwork(ctx context.Context) error {
	s.Drain()
	s.end()
	return orElse(ctx, s.network.GracefulStop, s.network.Stop)
}

// Shutdown stops taking calls and waits for those that run, on both connections. When the context ends first it cuts
// them off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Drain()
	s.end()
	defer s.cutOff()
	return orElse(ctx, func() {
		s.network.GracefulStop()
		s.handlers.wait()
	}, func() {
		s.cutOff()
		s.network.Stop()
	})
}

// orElse stops gently, or when the context ends first at once.
func orElse(ctx context.Context, gently, atOnce func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		gently()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		atOnce()
		<-done
		return fmt.Errorf("cut off calls that were still running: %w", ctx.Err())
	}
}
