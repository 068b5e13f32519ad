package connlimit_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"ordermanagement/internal/connlimit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// echo is a limited listener on every loopback address, whose connections answer what they get.
type echo struct {
	t       *testing.T
	port    string
	metrics *prometheus.Registry
	log     *bytes.Buffer // to be read after stop
	stop    func()
}

func serve(t *testing.T, most int) *echo {
	t.Helper()
	e := &echo{t: t, metrics: prometheus.NewRegistry(), log: &bytes.Buffer{}}
	limits, err := connlimit.New(e.metrics, slog.New(slog.NewTextHandler(e.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	_, e.port, _ = net.SplitHostPort(raw.Addr().String())
	listener := limits.Listen(raw.(*net.TCPListener), "test", most)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
				_ = conn.Close() // a place is given back once
			}()
		}
	}()
	e.stop = func() {
		_ = listener.Close()
		<-done
	}
	t.Cleanup(e.stop)
	return e
}

// dial connects from a loopback address, each of which is a network of its own.
func (e *echo) dial(from string) net.Conn {
	e.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
	conn, err := dialer.DialContext(e.t.Context(), "tcp", "127.0.0.1:"+e.port)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// works says whether a connection answers; if not, it must have been closed.
func (e *echo) works(conn net.Conn) bool {
	e.t.Helper()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, err := conn.Write([]byte("x"))
	if err == nil {
		_, err = io.ReadFull(conn, make([]byte, 1))
	}
	var late net.Error
	if errors.As(err, &late) && late.Timeout() {
		e.t.Fatal("neither answered nor closed")
	}
	return err == nil
}

func (e *echo) wantRefused(total, network string) {
	e.t.Helper()
	want := "# HELP connections_refused_total Connections that were closed at once because too many were open, by listener and by whose: in total, or of one network.\n" +
		"# TYPE connections_refused_total counter\n" +
		"connections_refused_total{cause=\"network\",listener=\"test\"} " + network + "\n" +
		"connections_refused_total{cause=\"total\",listener=\"test\"} " + total + "\n"
	if err := testutil.GatherAndCompare(e.metrics, strings.NewReader(want), "connections_refused_total"); err != nil {
		e.t.Error(err)
	}
}

func TestTooManyConnectionsAreRefused(t *testing.T) {
	e := serve(t, 4)
	var open []net.Conn
	for _, from := range []string{"127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.3"} {
		conn := e.dial(from)
		if !e.works(conn) {
			t.Fatalf("%s is refused", from)
		}
		open = append(open, conn)
	}
	for range 3 {
		if e.works(e.dial("127.0.0.4")) {
			t.Error("one more than the limit works")
		}
	}
	for i, conn := range open {
		if !e.works(conn) {
			t.Errorf("connection %d no longer works", i)
		}
	}
	e.wantRefused("3", "0")

	_ = open[0].Close()
	for deadline := time.Now().Add(patience); !e.works(e.dial("127.0.0.4")); {
		if time.Now().After(deadline) {
			t.Fatal("a place that was given back is not taken")
		}
	}
	e.stop()
	if lines := strings.Count(e.log.String(), "\n"); lines != 1 || !strings.Contains(e.log.String(), "--max-connections") {
		t.Errorf("logged:\n%s", e.log)
	}
}

func TestOneNetworkHasHalf(t *testing.T) {
	e := serve(t, 4)
	for i := range 3 {
		if e.works(e.dial("127.0.0.1")) != (i < 2) {
			t.Errorf("connection %d of one network: refused is %v", i, i < 2)
		}
	}
	if !e.works(e.dial("127.0.0.2")) {
		t.Error("another network is refused")
	}
	e.wantRefused("0", "1")
}

func TestASingleConnectionHasAPlace(t *testing.T) {
	if e := serve(t, 1); !e.works(e.dial("127.0.0.1")) {
		t.Error("is refused")
	}
}
