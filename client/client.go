// Package client is how a Go program calls the service: dialling, TLS and call credentials.
package client

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/credentials/oauth"
	"google.golang.org/grpc/keepalive"

	_ "google.golang.org/genproto/googleapis/rpc/errdetails" // so that status.Details reads what errors carry

	"ordermanagement/certs"
)

// How long of silence a connection with calls on it bears before it asks whether the server is alive, and how long it
// waits for the answer (gRFC A8). Servers of this project allow a ping every ten seconds.
const (
	keepaliveInterval = 30 * time.Second
	keepaliveTimeout  = 10 * time.Second
)

// DefaultMaxReceiveBytes is how large an answer may be. One large order can be more than gRPC's own 4 MiB.
const DefaultMaxReceiveBytes = 64 << 20

// Option says how to connect. Without one of Plaintext and TLS, TLS with the system's roots is used.
type Option func(*settings) error

type settings struct {
	plaintext bool
	tls       *tls.Config
	tlsFiles  *certs.ClientOptions
	dial      []grpc.DialOption
}

// Plaintext connects without TLS. Call credentials refuse to travel over such a connection.
func Plaintext() Option {
	return func(s *settings) error { s.plaintext = true; return nil }
}

// TLS connects with a configuration of the caller's own.
func TLS(config *tls.Config) Option {
	return func(s *settings) error { s.tls = config; return nil }
}

// TLSFiles connects with certificates from files, which are read again when they change.
func TLSFiles(options certs.ClientOptions) Option {
	return func(s *settings) error { s.tlsFiles = &options; return nil }
}

// Token sends a bearer token with every call (RFC 6750). It refuses to travel without TLS.
func Token(token string) Option {
	return TokenSource(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}))
}

// TokenSource sends the source's current token with every call. It refuses to travel without TLS.
func TokenSource(source oauth2.TokenSource) Option {
	return Dial(grpc.WithPerRPCCredentials(oauth.TokenSource{TokenSource: source}))
}

// Dial adds options of grpc-go's own.
func Dial(options ...grpc.DialOption) Option {
	return func(s *settings) error { s.dial = append(s.dial, options...); return nil }
}

// New makes a connection to the target (https://github.com/grpc/grpc/blob/master/doc/naming.md). It connects when the
// first call is made.
func New(target string, options ...Option) (*grpc.ClientConn, error) {
	var s settings
	for _, option := range options {
		if err := option(&s); err != nil {
			return nil, err
		}
	}
	transport, err := s.transport(target)
	if err != nil {
		return nil, err
	}
	dial := append([]grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(DefaultMaxReceiveBytes)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveInterval, Timeout: keepaliveTimeout}),
	}, s.dial...)
	return grpc.NewClient(target, dial...)
}

func (s *settings) transport(target string) (credentials.TransportCredentials, error) {
	if s.plaintext {
		if s.tls != nil || s.tlsFiles != nil {
			return nil, errors.New("give either Plaintext or TLS")
		}
		return insecure.NewCredentials(), nil
	}
	if s.tlsFiles != nil {
		options := *s.tlsFiles
		// TLS names no server when the target is an address, so the certificate is checked against it here.
		if host, _, err := net.SplitHostPort(target[strings.LastIndexByte(target, '/')+1:]); err == nil && options.ServerName == "" && net.ParseIP(host) != nil {
			options.ServerName = host
		}
		config, err := certs.ClientConfig(options)
		if err != nil {
			return nil, fmt.Errorf("client TLS: %w", err)
		}
		return credentials.NewTLS(config), nil
	}
	return credentials.NewTLS(s.tls), nil
}
