package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gateway"
	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	v1 "ordermanagement/gen/ordermanagement/v1"
	"ordermanagement/internal/apierror"
)

func TestStreamIdle(t *testing.T) {
	r := newRecorder()
	everyWay(t, r.fake(), func(t *testing.T, front *front) {
		d := front.duplex(t, "\"1\"\n")
		d.hear(`{"result":{"id":"1"}}` + "\n")
		if last, _ := d.in.ReadString('\n'); !strings.Contains(last, "STREAM_IDLE") {
			t.Errorf("last record is %q", last)
		}
		r.ended(t, "1 canceled")
		_ = d.out.Close()
		body, out := io.Pipe()
		failed(t, front.send(t, front.request(t, "POST", "/v1/orders:update", body)), 408, "STREAM_IDLE")
		r.ended(t, " canceled")
		_ = out.Close()
	}, func(o *gateway.Options) { o.StreamIdleTimeout = 300 * time.Millisecond })
}

// The server may take as long as it likes: only what the client owes is timed.
func TestSlowServerIsNotIdle(t *testing.T) {
	const idle = 50 * time.Millisecond
	f := &fake{
		process: func(s grpc.BidiStreamingServer[wrapperspb.StringValue, v1.CombinedShipment]) error {
			for {
				if _, err := s.Recv(); err != nil {
					break
				}
			}
			for range 3 {
				select {
				case <-s.Context().Done():
					return status.Error(codes.Aborted, "canceled")
				case <-time.After(3 * idle):
				}
				if err := s.Send(&v1.CombinedShipment{Id: "1"}); err != nil {
					return err
				}
			}
			return nil
		},
		add: func(ctx context.Context, _ *v1.Order) (*wrapperspb.StringValue, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(3 * idle):
				return wrapperspb.String("added"), nil
			}
		},
	}
	everyWay(t, f, func(t *testing.T, front *front) {
		a := front.ask(t, "POST", "/v1/orders:process", "\"1\"\n\"2\"\n")
		if want := strings.Repeat(`{"result":{"id":"1"}}`+"\n", 3); a.body != want {
			t.Errorf("got %q", a.body)
		}
		if a = front.ask(t, "POST", "/v1/orders", `{"id":"1"}`); a.body != `"added"` {
			t.Errorf("got %q", a.body)
		}
	}, func(o *gateway.Options) { o.StreamIdleTimeout, o.BodyTimeout, o.WriteTimeout = idle, idle, idle })
}

// Nor is a client idle that waits, its request open, until the server receives what is on its way.
func TestServerThatDoesNotReceive(t *testing.T) {
	const idle = 300 * time.Millisecond
	const records = 200
	release := make(chan struct{})
	f := &fake{update: func(s grpc.ClientStreamingServer[v1.Order, wrapperspb.StringValue]) error {
		<-release
		for n := 0; ; n++ {
			if _, err := s.Recv(); errors.Is(err, io.EOF) {
				return s.SendAndClose(wrapperspb.String(fmt.Sprint(n)))
			} else if err != nil {
				return err
			}
		}
	}}
	for _, major := range []int{1, 2} {
		front := serve(t, inProcess(t, f), major, func(o *gateway.Options) { o.StreamIdleTimeout = idle })
		body, out := io.Pipe()
		go func() {
			record := `{"id":"` + strings.Repeat("x", 1000) + "\"}\n"
			_, _ = io.WriteString(out, strings.Repeat(record, records))
			<-time.After(3 * idle) // what is tested is that this time doesn't count
			_ = out.Close()
			release <- struct{}{}
		}()
		if a := front.send(t, front.request(t, "POST", "/v1/orders:update", body)); a.body != fmt.Sprintf("%q", fmt.Sprint(records)) {
			t.Errorf("HTTP/%d: %d %s", major, a.StatusCode, a.body)
		}
	}
}

// lateSender is a stream that fails while a record is being sent, which takes longer than the gateway to notice.
type lateSender struct {
	grpc.ClientStream
	ctx     context.Context
	sending chan struct{}
}

func (lateSender) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return nil }
func (lateSender) NewStream(ctx context.Context, _ *grpc.StreamDesc, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	return lateSender{ctx: ctx, sending: make(chan struct{})}, nil
}
func (l lateSender) SendMsg(any) error {
	close(l.sending)
	<-l.ctx.Done()
	<-time.After(50 * time.Millisecond)
	return nil
}
func (l lateSender) RecvMsg(any) error {
	<-l.sending
	return apierror.New(apiv1.ErrorReason_RESOURCE_NOT_FOUND, "no such order").Err()
}
func (lateSender) Header() (metadata.MD, error) { return nil, nil }
func (lateSender) Trailer() metadata.MD         { return nil }
func (lateSender) CloseSend() error             { return nil }

// However late the sending goroutine comes back to reading, it does not hold up an answer that is complete.
func TestLateSender(t *testing.T) {
	for _, major := range []int{1, 2} {
		d := serve(t, lateSender{}, major).duplex(t, "\"1\"\n")
		if body, err := io.ReadAll(d.in); err != nil || d.response.StatusCode != 404 {
			t.Errorf("%d %s %v", d.response.StatusCode, body, err)
		}
	}
}

// A slow body is refused, on a route that reads it and on one that does not.
func TestSlowBody(t *testing.T) {
	for _, major := range []int{1, 2} {
		front := serve(t, inProcess(t, &fake{}), major, func(o *gateway.Options) { o.BodyTimeout = 200 * time.Millisecond })
		for path, want := range map[string]int{"/v1/orders": 408, "/nothing": 404} {
			body, out := io.Pipe()
			r := front.request(t, "POST", path, body)
			r.ContentLength = 100
			if a := front.send(t, r); a.StatusCode != want {
				t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
			}
			_ = out.Close()
		}
	}
}
