package server_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gen/helloworld"
	pbv1 "ordermanagement/gen/ordermanagement/v1"
	"ordermanagement/server"
)

// rawConn is a connection on which a test speaks HTTP/2 itself.
func (r *rig) rawConn(t *testing.T) *http2.Framer {
	t.Helper()
	conn, err := net.Dial("tcp", r.network.Target())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte(http2.ClientPreface)); err != nil {
		t.Fatal(err)
	}
	framer := http2.NewFramer(conn, conn)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	return framer
}

// awaitGoAway reads until the server asks to leave.
func awaitGoAway(t *testing.T, framer *http2.Framer) *http2.GoAwayFrame {
	t.Helper()
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("no GOAWAY: %v", err)
		}
		if away, ok := frame.(*http2.GoAwayFrame); ok {
			return away
		}
	}
}

func TestTooManyPings(t *testing.T) {
	r := start(t, nil)
	framer := r.rawConn(t)
	for i := range byte(10) {
		if err := framer.WritePing(false, [8]byte{i}); err != nil {
			break // the server has had enough
		}
	}
	if away := awaitGoAway(t, framer); away.ErrCode != http2.ErrCodeEnhanceYourCalm || string(away.DebugData()) != "too_many_pings" {
		t.Errorf("got %v %q", away.ErrCode, away.DebugData())
	}
}

func TestIdleConnectionsAreEnded(t *testing.T) {
	r := start(t, func(o *server.Options) { o.Limits.Connection.MaxIdle = 50 * time.Millisecond })
	if away := awaitGoAway(t, r.rawConn(t)); away.ErrCode != http2.ErrCodeNo {
		t.Errorf("got %v", away.ErrCode)
	}
}

// A client that doesn't answer is taken for dead, and its connection is closed. grpc-go asks after a second at the earliest.
func TestSilentConnectionsAreClosed(t *testing.T) {
	r := start(t, func(o *server.Options) {
		o.Limits.Connection.KeepaliveInterval, o.Limits.Connection.KeepaliveTimeout = time.Second, 50*time.Millisecond
	})
	framer := r.rawConn(t)
	pinged := false
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() || !pinged {
				t.Errorf("asked: %v, then %v", pinged, err)
			}
			return
		}
		if ping, ok := frame.(*http2.PingFrame); ok && !ping.IsAck() {
			pinged = true
		}
	}
}

// Connections end by their age, and callers don't notice: the calls on them finish, new ones go elsewhere.
func TestConnectionsAge(t *testing.T) {
	r := start(t, func(o *server.Options) { o.Limits.Connection.MaxAge = 100 * time.Millisecond })
	orders := pbv1.NewOrderManagementClient(r.network)
	ctx, cancel := context.WithTimeout(r.as(t.Context()), 20*time.Second)
	defer cancel()
	stream, err := orders.ProcessOrders(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Header(); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string]bool{}
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for enough := false; !enough; {
				var on peer.Peer
				if _, err := orders.GetOrder(ctx, wrapperspb.String("none"), grpc.Peer(&on)); status.Code(err) != codes.NotFound {
					t.Error(err)
					return
				}
				mu.Lock()
				seen[on.LocalAddr.String()] = true
				enough = len(seen) >= 4
				mu.Unlock()
			}
		})
	}
	callers.Wait()
	if err := stream.Send(wrapperspb.String("none")); err != nil {
		t.Error(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.NotFound {
		t.Errorf("the stream on the first connection: %v, want the answer of the handler", err)
	}
}

// A stream that doesn't end in time after its connection has come of age is cut off.
func TestGraceOfAgedConnectionsEnds(t *testing.T) {
	r := start(t, func(o *server.Options) {
		o.Limits.Connection.MaxAge, o.Limits.Connection.AgeGrace = 50*time.Millisecond, 50*time.Millisecond
	})
	ctx, cancel := context.WithTimeout(r.as(t.Context()), 20*time.Second)
	defer cancel()
	stream, err := pbv1.NewOrderManagementClient(r.network).ProcessOrders(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
}

// A call beyond what a connection may have at the same time waits until there is room.
func TestTooManyStreamsWait(t *testing.T) {
	r := start(t, func(o *server.Options) { o.Limits.ConcurrentStreams = 1 })
	ctx, cancel := context.WithTimeout(r.as(t.Context()), 20*time.Second)
	defer cancel()
	// The client learns of the limit with the first answer at the latest.
	if _, err := helloworld.NewGreeterClient(r.network).SayHello(ctx, &helloworld.HelloRequest{Name: "x"}); err != nil {
		t.Fatal(err)
	}
	stream, err := pbv1.NewOrderManagementClient(r.network).ProcessOrders(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Header(); err != nil {
		t.Fatal(err)
	}
	short, stop := context.WithTimeout(ctx, 100*time.Millisecond)
	defer stop()
	if _, err := helloworld.NewGreeterClient(r.network).SayHello(short, &helloworld.HelloRequest{Name: "x"}); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("with the connection full: %v", err)
	}
	waiting := make(chan error, 1)
	go func() {
		_, err := helloworld.NewGreeterClient(r.network).SayHello(ctx, &helloworld.HelloRequest{Name: "x"})
		waiting <- err
	}()
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
	for err == nil {
		_, err = stream.Recv()
	}
	if err := <-waiting; err != nil {
		t.Errorf("when there is room again: %v", err)
	}
}
