// Package handshake tells of callers whom TLS has refused, of whom no call ever comes.
package handshake

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/credentials"
)

// Failures logs and counts handshakes that have failed, by listener.
type Failures struct {
	logger *slog.Logger
	total  *prometheus.CounterVec
}

// New makes Failures that count in a registry.
func New(registry prometheus.Registerer, logger *slog.Logger) (*Failures, error) {
	f := &Failures{logger: logger, total: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tls_handshake_failures_total", Help: "TLS handshakes that have failed: of callers without a certificate that is trusted, of those that don't trust ours, and of what speaks no TLS.",
	}, []string{"listener"})}
	return f, registry.Register(f.total)
}

// note tells of one. That a peer went away before it was done says nothing about it: scans and health checks do so.
func (f *Failures) note(listener, peer, why string, gone bool) {
	f.total.WithLabelValues(listener).Inc()
	level := slog.LevelWarn
	if gone {
		level = slog.LevelDebug
	}
	f.logger.Log(context.Background(), level, "TLS handshake failed", "listener", listener, "peer", peer, "error", why)
}

// GRPC notes the failures of a gRPC server's credentials.
func (f *Failures) GRPC(of credentials.TransportCredentials) credentials.TransportCredentials {
	return noting{of, f}
}

type noting struct {
	credentials.TransportCredentials
	failures *Failures
}

// ServerHandshake implements credentials.TransportCredentials.
func (n noting) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := n.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		gone := errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded)
		n.failures.note("grpc", raw.RemoteAddr().String(), err.Error(), gone)
	}
	return conn, info, err
}

// Clone implements credentials.TransportCredentials.
func (n noting) Clone() credentials.TransportCredentials {
	return noting{n.TransportCredentials.Clone(), n.failures}
}

// HTTP is the error log of an HTTP server, which is the one place where net/http tells of handshakes. Everything else in it
// is about connections that others made badly, and for debugging.
func (f *Failures) HTTP() *log.Logger { return log.New(httpLog{f}, "", 0) }

type httpLog struct{ failures *Failures }

// Write implements io.Writer, for one line.
func (l httpLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	if rest, ok := strings.CutPrefix(text, "http: TLS handshake error from "); ok {
		peer, why, _ := strings.Cut(rest, ": ")
		l.failures.note("http", peer, why, why == "EOF" || strings.HasSuffix(why, "i/o timeout") || strings.HasSuffix(why, "connection reset by peer"))
	} else {
		l.failures.logger.Debug(text)
	}
	return len(line), nil
}
