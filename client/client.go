// Package client is how a Go program calls the service: it makes connections for the stubs of the generated packages,
// with TLS, credentials and compression.
//
//	connection, err := client.New("orders.example.com:50051", client.Token(token))
//	...
//	defer connection.Close()
//	orders := ordermanagementv2.NewOrderServiceClient(connection)
//	products := ordermanagementv2.NewCatalogServiceClient(connection)
//
// A connection is TLS unless it is asked to be [Plaintext]; it carries the stubs of any number of services, is safe for
// concurrent use and connects again by itself. Who calls is said by [Credentials], of the connection or of a call, or by
// a client certificate ([TLSFiles]). The rest is grpc-go's own, as the examples show: deadlines with a context, sent
// metadata with package metadata, headers and trailers of answers with grpc.Header and grpc.Trailer. What an error says
// to a program is its status code and its [ErrorInfo].
package client

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

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

// New makes a connection to the target: a server or a name (https://github.com/grpc/grpc/blob/master/doc/naming.md), or a
// list of servers that know the same, HOST:PORT,HOST:PORT, which is [Balanced]. It connects when the first call is made.
// It fails when options contradict each other, when a file of theirs can't be used, and when a list has what is no server.
func New(target string, options ...Option) (*grpc.ClientConn, error) {
	var s settings
	for _, option := range options {
		if err := option.apply(&s); err != nil {
			return nil, err
		}
	}
	list, err := servers(target)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	secure, err := s.transports(target, list)
	if err != nil {
		return nil, err
	}
	calls := []grpc.CallOption{grpc.MaxCallRecvMsgSize(DefaultMaxReceiveBytes)}
	if s.credentials != nil {
		// Of a call option the last one counts, so a call's own credentials take the place of these.
		// grpc.WithPerRPCCredentials would send both.
		calls = append(calls, grpc.PerRPCCredentials(s.credentials))
	}
	dial := []grpc.DialOption{
		grpc.WithTransportCredentials(secure),
		grpc.WithDefaultCallOptions(calls...),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveInterval, Timeout: keepaliveTimeout}),
	}
	if list != nil {
		target = listScheme + ":///" + target
		dial = append(dial, grpc.WithResolvers(resolve(list, s.serverName())), grpc.WithDefaultServiceConfig(balanced))
	}
	dial = append(dial, s.dial...)
	return grpc.NewClient(target, dial...)
}

// transports is how bytes travel to the target, or to each server of a list.
func (s *settings) transports(target string, list []string) (credentials.TransportCredentials, error) {
	if list == nil {
		return s.transport(target)
	}
	p := perServer{servers: make(map[string]credentials.TransportCredentials, len(list))}
	for _, server := range list {
		secure, err := s.transport(server)
		if err != nil {
			return nil, err
		}
		p.TransportCredentials, p.servers[cmp.Or(s.serverName(), server)] = secure, secure
	}
	return p, nil
}

// serverName is the name that all servers are to have; empty if each has its own.
func (s *settings) serverName() string {
	switch {
	case s.tls != nil:
		return s.tls.ServerName
	case s.tlsFiles != nil:
		return s.tlsFiles.ServerName
	}
	return ""
}

// transport is how bytes travel.
func (s *settings) transport(target string) (credentials.TransportCredentials, error) {
	switch {
	case s.plaintext && (s.tls != nil || s.tlsFiles != nil), s.tls != nil && s.tlsFiles != nil:
		return nil, errors.New("client: give one of Plaintext, TLS and TLSFiles")
	case s.plaintext && s.credentials != nil:
		return nil, errors.New("client: credentials travel over TLS only: leave out either Plaintext or the credentials")
	case s.plaintext:
		return insecure.NewCredentials(), nil
	case s.tls != nil:
		return credentials.NewTLS(s.tls), nil
	}
	var options certs.ClientOptions // trusts the system's authorities
	if s.tlsFiles != nil {
		options = *s.tlsFiles
	}
	// TLS names no server when the target is an address, so the certificate is checked against it here.
	if host, _, err := net.SplitHostPort(target[strings.LastIndexByte(target, '/')+1:]); err == nil && options.ServerName == "" && net.ParseIP(host) != nil {
		options.ServerName = host
	}
	config, err := certs.ClientConfig(options)
	if err != nil {
		return nil, fmt.Errorf("client: TLS: %w", err)
	}
	return credentials.NewTLS(config), nil
}
