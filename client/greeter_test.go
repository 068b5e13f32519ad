package client_test

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"ordermanagement/certs"
	"ordermanagement/client"
	"ordermanagement/gen/helloworld"
)

// A greeter is a server on a listener of its own that keeps what calls carry. It answers to the name "certificate" with
// the common name of the client's certificate, and else with the authorizations of the call.
type greeter struct {
	helloworld.UnimplementedGreeterServer
	address string
	dir     string         // holds ca.crt, and server.crt and server.key, which it follows
	health  *health.Server // nil if it doesn't say

	mu          sync.Mutex
	calls       []metadata.MD
	connections []net.Conn
}

// separator stands between the authorizations of a call.
const separator = " AND "

func (g *greeter) SayHello(ctx context.Context, request *helloworld.HelloRequest) (*helloworld.HelloReply, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	g.mu.Lock()
	g.calls = append(g.calls, md)
	g.mu.Unlock()
	if request.GetName() == "certificate" {
		caller, _ := peer.FromContext(ctx)
		return &helloworld.HelloReply{Message: caller.AuthInfo.(credentials.TLSInfo).State.PeerCertificates[0].Subject.CommonName}, nil
	}
	return &helloworld.HelloReply{Message: strings.Join(md.Get("authorization"), separator)}, nil
}

func (g *greeter) seen() []metadata.MD {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls
}

// cut closes the connections that clients have made so far, and says how many they were.
func (g *greeter) cut() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, connection := range g.connections {
		connection.Close()
	}
	return len(g.connections)
}

// kept keeps the connections of a listener.
type kept struct {
	net.Listener
	greeter *greeter
}

func (k kept) Accept() (net.Conn, error) {
	connection, err := k.Listener.Accept()
	if err == nil {
		k.greeter.mu.Lock()
		k.greeter.connections = append(k.greeter.connections, connection)
		k.greeter.mu.Unlock()
	}
	return connection, err
}

// secureGreeter starts a greeter with TLS, that asks clients for certificates as the options say.
func secureGreeter(t *testing.T, auth certs.ClientAuth) *greeter {
	t.Helper()
	return secureGreeterIn(t, t.TempDir(), auth, nil)
}

// secureGreeterIn starts one with the certificates of a directory, which others may share.
func secureGreeterIn(t *testing.T, dir string, auth certs.ClientAuth, health *health.Server) *greeter {
	t.Helper()
	g := &greeter{dir: dir, health: health}
	made, err := certs.EnsureDevelopment(g.dir, certs.DevelopmentOptions{})
	must(t, err)
	options := certs.ServerOptions{CertFile: made.ServerCertFile, KeyFile: made.ServerKeyFile, ClientAuth: auth}
	if auth == certs.ClientAuthRequired {
		options.ClientCAFile = made.CAFile
	}
	config, err := certs.ServerConfig(options)
	must(t, err)
	g.serve(t, grpc.Creds(credentials.NewTLS(config)))
	return g
}

func plaintextGreeter(t *testing.T) *greeter {
	t.Helper()
	g := &greeter{}
	g.serve(t)
	return g
}

func (g *greeter) serve(t *testing.T, options ...grpc.ServerOption) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := grpc.NewServer(options...)
	helloworld.RegisterGreeterServer(server, g)
	if g.health != nil {
		healthpb.RegisterHealthServer(server, g.health)
	}
	g.address = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- server.Serve(kept{listener, g}) }()
	t.Cleanup(func() {
		server.Stop()
		must(t, <-served)
	})
}

// trusted are options by which clients trust the greeter.
func (g *greeter) trusted() client.Option {
	return client.TLSFiles(certs.ClientOptions{CAFile: filepath.Join(g.dir, "ca.crt")})
}

// dial makes a connection to the greeter, which the test closes.
func dial(t *testing.T, g *greeter, options ...client.Option) *grpc.ClientConn {
	t.Helper()
	connection, err := client.New(g.address, options...)
	must(t, err)
	t.Cleanup(func() { must(t, connection.Close()) })
	return connection
}

// hello greets with a unary call.
func hello(ctx context.Context, connection *grpc.ClientConn, options ...grpc.CallOption) (string, error) {
	return greet(ctx, connection, "", options...)
}

func greet(ctx context.Context, connection *grpc.ClientConn, name string, options ...grpc.CallOption) (string, error) {
	reply, err := helloworld.NewGreeterClient(connection).SayHello(ctx, &helloworld.HelloRequest{Name: name}, options...)
	return reply.GetMessage(), err
}

// helloStream greets with a stream.
func helloStream(ctx context.Context, connection *grpc.ClientConn, options ...grpc.CallOption) (string, error) {
	stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, helloworld.Greeter_SayHello_FullMethodName, options...)
	if err != nil {
		return "", err
	}
	reply := &helloworld.HelloReply{}
	if err := stream.SendMsg(&helloworld.HelloRequest{}); err != nil {
		return "", err
	}
	if err := stream.CloseSend(); err != nil {
		return "", err
	}
	err = stream.RecvMsg(reply)
	return reply.GetMessage(), err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
