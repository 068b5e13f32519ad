package gateway_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	v1 "ordermanagement/gen/ordermanagement/v1"
)

// A client that gives its stream up while more of it is on the way has not said all it had to say: a server that took
// what came for all there is would store half of it. It happened once in twelve times, so it is tried often.
func TestCanceledStreamIsNeverHalfClosed(t *testing.T) {
	const (
		tries   = 100
		records = 40 // more than fits between client and server, so that it is being sent when the client gives up
	)
	var halfClosed atomic.Int64
	f := &fake{update: func(s grpc.ClientStreamingServer[v1.Order, wrapperspb.StringValue]) error {
		for {
			_, err := s.Recv()
			if errors.Is(err, io.EOF) {
				halfClosed.Add(1)
			}
			if err != nil {
				return err
			}
		}
	}}
	record := `{"id":"1","description":"` + strings.Repeat("x", 30_000) + "\"}\n"
	for version, major := range map[string]int{"HTTP1": 1, "HTTP2": 2} {
		t.Run(version, func(t *testing.T) {
			front := serve(t, inProcess(t, f), major)
			for range tries {
				ctx, cancel := context.WithCancel(t.Context())
				body, out := io.Pipe()
				context.AfterFunc(ctx, func() { _ = out.CloseWithError(context.Canceled) })
				request := front.request(t, "POST", "/v1/orders:update", body).WithContext(ctx)
				done := make(chan struct{})
				go func() {
					defer close(done)
					if answer, err := front.http.Do(request); err == nil {
						_ = answer.Body.Close()
					}
				}()
				for range records {
					_, _ = io.WriteString(out, record)
				}
				cancel()
				<-done
			}
		})
	}
	if n := halfClosed.Load(); n > 0 {
		t.Errorf("%d of %d canceled streams were half-closed", n, 2*tries)
	}
}
