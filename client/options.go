package client

import (
	"crypto/tls"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding/gzip"

	"ordermanagement/certs"
)

// Option says how to connect, or what the calls of a connection carry. Without one of [Plaintext], [TLS] and [TLSFiles],
// the connection is TLS 1.3 and trusts the authorities of the system.
type Option interface{ apply(*settings) error }

type settings struct {
	plaintext   bool
	tls         *tls.Config
	tlsFiles    *certs.ClientOptions
	credentials *Credentials
	dial        []grpc.DialOption
}

type option func(*settings)

func (o option) apply(s *settings) error { o(s); return nil }

// Plaintext connects without TLS. No credentials travel over such a connection.
func Plaintext() Option {
	return option(func(s *settings) { s.plaintext = true })
}

// TLS connects with a configuration of the program's own.
func TLS(config *tls.Config) Option {
	return option(func(s *settings) { s.tls = config })
}

// TLSFiles connects with certificates from files: the authorities to trust, and the client's own certificate, by which
// the server knows the caller when it is asked to (mTLS). Files are read again when they change, for the connections that
// are made after that.
func TLSFiles(options certs.ClientOptions) Option {
	return option(func(s *settings) { s.tlsFiles = &options })
}

// Dial adds options of grpc-go's own. Don't give credentials to it: [Credentials] are options of [New] themselves, and
// those of grpc.WithPerRPCCredentials would be sent beside a call's own.
func Dial(options ...grpc.DialOption) Option {
	return option(func(s *settings) { s.dial = append(s.dial, options...) })
}

// Compression compresses requests, and with them the server its answers. It is an option of [New] for all calls of a
// connection, and a call option for one call.
type Compression struct{ grpc.CallOption }

func (c Compression) apply(s *settings) error {
	s.dial = append(s.dial, grpc.WithDefaultCallOptions(c.CallOption))
	return nil
}

// Gzip compresses with gzip (RFC 1952). A call of a connection that compresses goes without it with
// grpc.UseCompressor(encoding.Identity).
func Gzip() Compression { return Compression{grpc.UseCompressor(gzip.Name)} }
