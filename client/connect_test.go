package client_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"ordermanagement/certs"
	"ordermanagement/client"
)

var secureIPs = []net.IP{net.IPv4(127, 0, 0, 1)}

func TestTLS(t *testing.T) {
	g := secureGreeter(t, "")
	authority, err := os.ReadFile(filepath.Join(g.dir, "ca.crt"))
	must(t, err)
	own := &tls.Config{RootCAs: x509.NewCertPool()}
	own.RootCAs.AppendCertsFromPEM(authority)
	_, port, err := net.SplitHostPort(g.address)
	must(t, err)
	for name, test := range map[string]struct {
		target  string
		options []client.Option
		says    string
	}{
		"a configuration of its own": {g.address, []client.Option{client.TLS(own)}, ""},
		"files, to an address":       {g.address, []client.Option{g.trusted()}, ""},
		"files, to a host":           {"dns:///localhost:" + port, []client.Option{g.trusted()}, ""},
		"the system's authorities":   {g.address, nil, "unknown authority"},
		"another host": {g.address, []client.Option{client.TLSFiles(certs.ClientOptions{
			CAFile: filepath.Join(g.dir, "ca.crt"), ServerName: "192.0.2.1"})}, "192.0.2.1"},
	} {
		t.Run(name, func(t *testing.T) {
			connection, err := client.New(test.target, append(test.options, client.Token(secret))...)
			must(t, err)
			defer connection.Close()
			got, err := hello(t.Context(), connection)
			if test.says == "" && (err != nil || got != "Bearer "+secret) {
				t.Errorf("got %q, %v", got, err)
			}
			if test.says != "" && (status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), test.says)) {
				t.Errorf("got %v, want an error with %q", err, test.says)
			}
		})
	}
}

func TestOptionsThatContradict(t *testing.T) {
	files := client.TLSFiles(certs.ClientOptions{})
	for name, test := range map[string]struct {
		options []client.Option
		says    string
	}{
		"plaintext and TLS":           {[]client.Option{client.Plaintext(), client.TLS(&tls.Config{})}, "one of"},
		"plaintext and TLS of files":  {[]client.Option{files, client.Plaintext()}, "one of"},
		"two kinds of TLS":            {[]client.Option{client.TLS(&tls.Config{}), files}, "one of"},
		"a file that is not there":    {[]client.Option{client.TLSFiles(certs.ClientOptions{CAFile: "nowhere.crt"})}, "nowhere.crt"},
		"a certificate without a key": {[]client.Option{client.TLSFiles(certs.ClientOptions{CertFile: "own.crt"})}, "key"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := client.New("localhost:1", test.options...); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want an error with %q", err, test.says)
			}
		})
	}
}

// counted is a stats handler that counts the bytes of messages as they are and on the wire.
type counted struct{ length, wire atomic.Int64 }

func (c *counted) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (c *counted) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (c *counted) HandleConn(context.Context, stats.ConnStats)                       {}
func (c *counted) HandleRPC(_ context.Context, event stats.RPCStats) {
	switch payload := event.(type) {
	case *stats.OutPayload:
		c.length.Add(int64(payload.Length))
		c.wire.Add(int64(payload.CompressedLength))
	case *stats.InPayload:
		c.length.Add(int64(payload.Length))
		c.wire.Add(int64(payload.CompressedLength))
	}
}

// Requests and answers are compressed, by the choice of the connection or of the call.
func TestGzip(t *testing.T) {
	g, token := secureGreeter(t, ""), client.Token(strings.Repeat("long", 1000)) // which the answer repeats
	identity := grpc.UseCompressor(encoding.Identity)
	for name, test := range map[string]struct {
		connection []client.Option
		call       []grpc.CallOption
		compressed bool
	}{
		"neither":                {nil, nil, false},
		"connection":             {[]client.Option{client.Gzip()}, nil, true},
		"call":                   {nil, []grpc.CallOption{client.Gzip()}, true},
		"connection, not a call": {[]client.Option{client.Gzip()}, []grpc.CallOption{identity}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := &counted{}
			connection := dial(t, g, append(test.connection, g.trusted(), token, client.Dial(grpc.WithStatsHandler(c)))...)
			request := strings.Repeat("much ", 1000)
			_, err := greet(t.Context(), connection, request, test.call...)
			must(t, err)
			if length, wire := c.length.Load(), c.wire.Load(); length < 8000 || (wire < length/10) != test.compressed {
				t.Errorf("%d bytes took %d", length, wire)
			}
		})
	}
}

func TestErrorInfo(t *testing.T) {
	refusal := func(domain string) error {
		s, err := status.New(codes.PermissionDenied, "no").WithDetails(&errdetails.RetryInfo{},
			&errdetails.ErrorInfo{Reason: "SCOPE_MISSING", Domain: domain, Metadata: map[string]string{"scope": "orders.write"}})
		must(t, err)
		return s.Err()
	}
	for name, test := range map[string]struct {
		err           error
		reason, scope string
	}{
		"ours":         {refusal("ordermanagement"), "SCOPE_MISSING", "orders.write"},
		"ours, within": {fmt.Errorf("confirming: %w", refusal("ordermanagement")), "SCOPE_MISSING", "orders.write"},
		"another's":    {refusal("googleapis.com"), "", ""},
		"a bare one":   {status.Error(codes.Unavailable, "gone"), "", ""},
		"no status":    {errors.New("odd"), "", ""},
		"none":         {nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			info := client.ErrorInfo(test.err)
			if info.GetReason() != test.reason || info.GetMetadata()["scope"] != test.scope {
				t.Errorf("got %v", info)
			}
		})
	}
}
