package gateway

import (
	"context"
	"crypto/tls"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"time"
)

// Limits of a connection. That of headers stands in headerlimit.go. Those of bodies, streams and answers are per
// request: see [Options].
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxStreams        = 250 // concurrent, of one HTTP/2 connection
	// maxConnectionAge, give or take a tenth, is after how long the client is asked for a new connection, which may reach
	// another process, and with which it shows a certificate again.
	maxConnectionAge = 2 * time.Hour
	pingAfter        = 30 * time.Second
	pingTimeout      = 15 * time.Second
)

// NewServer makes the HTTP server for a handler of [New]: HTTP/1.1 and HTTP/2. With a TLS configuration it is to be
// served with ServeTLS(listener, "", ""); without one, with Serve, in plaintext (HTTP/2 then with prior knowledge).
// It bounds the time for reading headers and for idling; the handler bounds bodies, streams and writes itself, since a
// stream may last longer than any request should.
func NewServer(handler http.Handler, tlsConfig *tls.Config, logger *slog.Logger) *http.Server {
	if logger == nil {
		logger = slog.Default()
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(tlsConfig != nil)
	protocols.SetUnencryptedHTTP2(tlsConfig == nil)
	return &http.Server{
		Handler:           handler,
		TLSConfig:         tlsConfig,
		Protocols:         protocols,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return withEnd(ctx, time.Now().Add(time.Duration(float64(maxConnectionAge)*(0.9+0.2*rand.Float64()))))
		},
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams,
			SendPingTimeout:      pingAfter,
			PingTimeout:          pingTimeout,
		},
		// What net/http says is about connections that others made badly: scans, failed handshakes.
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

type endKey struct{}

// withEnd says when a connection is old.
func withEnd(ctx context.Context, end time.Time) context.Context {
	return context.WithValue(ctx, endKey{}, end)
}

// isOld says whether the connection of a request is.
func isOld(ctx context.Context) bool {
	end, ok := ctx.Value(endKey{}).(time.Time)
	return ok && time.Now().After(end)
}
