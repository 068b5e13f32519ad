package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/order"
	"ordermanagement/internal/store/sqlite"
	"ordermanagement/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a server over a store of its own, reached over the network and over the in-process connection.
type rig struct {
	server  *server.Server
	network *grpc.ClientConn
	token   string
	log     *logBuffer
	metrics *prometheus.Registry
}

// conns are the two ways to the server, for tests that must hold on both.
func (r *rig) conns() map[string]grpc.ClientConnInterface {
	return map[string]grpc.ClientConnInterface{"network": r.network, "in process": r.server.Conn()}
}

// as is a context with the token.
func (r *rig) as(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+r.token)
}

// start starts a server; change may alter its options.
func start(t testing.TB, change func(*server.Options)) *rig {
	t.Helper()
	dir := t.TempDir()
	store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(dir, "orders.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &rig{token: auth.NewToken(), log: &logBuffer{}, metrics: prometheus.NewRegistry()}
	options := server.Options{
		Orders:        order.NewService(store),
		Authenticator: r.tokens(t, dir),
		PageTokenKey:  make([]byte, 32),
		Logger:        slog.New(slog.NewJSONHandler(r.log, nil)),
		Registry:      r.metrics,
		V1:            server.V1{Enabled: true, Currency: "USD", Location: "here"},
		Reflection:    true,
	}
	rand.Read(options.PageTokenKey)
	if change != nil {
		change(&options)
	}
	if r.server, err = server.New(options); err != nil {
		t.Fatal(err)
	}
	r.serve(t)
	return r
}

func (r *rig) serve(t testing.TB) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- r.server.Serve(listener) }()
	if r.network, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.network.Close(); err != nil {
			t.Error(err)
		}
		// The context of the test has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}

// tokens knows the token of the rig as a caller who may read and write orders, and "reader-secret" as one who may read.
func (r *rig) tokens(t testing.TB, dir string) auth.Authenticator {
	t.Helper()
	var lines []string
	for name, token := range map[string]string{"writer": r.token, "reader": "reader-secret"} {
		line, err := auth.TokenLine(name, token)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	tokens, callers := filepath.Join(dir, "tokens"), filepath.Join(dir, "callers.yaml")
	for path, text := range map[string]string{
		tokens: strings.Join(lines, "\n"),
		callers: "callers:\n  - {token: writer, tenant: default, scopes: [orders.read, orders.write]}\n" +
			"  - {token: reader, tenant: default, scopes: [orders.read]}\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	authenticator, err := auth.NewDirectory(auth.Files{Callers: callers, Tokens: tokens}, auth.DirectoryOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &auth.Methods{Tokens: []auth.TokenVerifier{authenticator}}
}

// logBuffer is a log that many goroutines write.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
