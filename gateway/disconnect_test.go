package gateway_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gateway"
	v1 "ordermanagement/gen/ordermanagement/v1"
)

// talker is a server whose search sends as its value says: "nothing", "one" record, or records of 64 KiB "endlessly"; then
// it waits until its call is over.
type talker struct {
	began chan struct{}
	ended chan int // the records sent
}

func newTalker() *talker { return &talker{began: make(chan struct{}, 1), ended: make(chan int, 1)} }

func (s *talker) fake() *fake {
	return &fake{search: func(in *wrapperspb.StringValue, out grpc.ServerStreamingServer[v1.Order]) error {
		s.began <- struct{}{}
		records := 0
		defer func() { s.ended <- records }()
		most := map[string]int{"nothing": 0, "one": 1, "endlessly": 1 << 30}[in.GetValue()]
		for ; records < most; records++ {
			if err := out.Send(&v1.Order{Id: fmt.Sprint(records), Description: strings.Repeat("x", 64<<10)}); err != nil {
				return err
			}
		}
		<-out.Context().Done()
		return out.Context().Err()
	}}
}

// wait waits for the end of the call, and returns how many records were sent.
func (s *talker) wait(t *testing.T, name string) int {
	t.Helper()
	select {
	case records := <-s.ended:
		return records
	case <-time.After(patience):
		t.Fatalf("%s: the server's handler still runs", name)
		return 0
	}
}

// A client that disappears ends the call, whatever the stream does then, and long before a write would time out.
func TestClientDisappears(t *testing.T) {
	s := newTalker()
	everyWay(t, s.fake(), func(t *testing.T, front *front) {
		for _, accept := range []string{ndjson, eventStream} {
			for _, does := range []string{"nothing", "one", "endlessly"} {
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				heard := make(chan struct{})
				go func() {
					defer close(done)
					response, err := front.http.Do(front.request(t, "GET", "/v1/orders:search?value="+does, nil, "Accept", accept).WithContext(ctx))
					if err != nil {
						return
					}
					defer response.Body.Close()
					if n, _ := response.Body.Read(make([]byte, 10)); n > 0 {
						close(heard)
					}
					<-ctx.Done()
				}()
				<-s.began
				if does != "nothing" || accept == eventStream {
					select {
					case <-heard: // of a stream of events, a comment at least
					case <-time.After(patience):
						t.Fatalf("%s, %s: nothing was heard", accept, does)
					}
				}
				cancel()
				<-done
				s.wait(t, accept+", "+does)
			}
		}
	}, func(o *gateway.Options) { o.EventKeepAlive = 20 * time.Millisecond })
}

// A client that doesn't read, or reads more slowly than it may, is given up, and what it didn't take is not kept: the
// server stops sending as soon as the buffers of the connections are full.
func TestClientThatDoesNotRead(t *testing.T) {
	const (
		writing = 200 * time.Millisecond
		pause   = 20 * time.Millisecond
		most    = 64 << 20 / (64 << 10) // records: more than the buffers on all hops, of some MiB each, have room for
	)
	s := newTalker()
	everyWay(t, s.fake(), func(t *testing.T, front *front) {
		for slowly, accept := range map[bool]string{false: ndjson, true: eventStream} {
			ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
			defer cancel()
			name := fmt.Sprintf("%s, slowly: %v", accept, slowly)
			response, err := front.http.Do(front.request(t, "GET", "/v1/orders:search?value=endlessly", nil, "Accept", accept).WithContext(ctx))
			if err != nil {
				t.Fatal(err)
			}
			<-s.began
			over := make(chan struct{})
			read := make(chan struct{})
			go func() {
				defer close(read)
				for slowly {
					select {
					case <-over:
						return
					case <-ctx.Done():
						return
					case <-time.After(pause):
						_, _ = io.CopyN(io.Discard, response.Body, 1<<10)
					}
				}
			}()
			if records := s.wait(t, name); records > most {
				t.Errorf("%s: the server sent %d records", name, records)
			}
			close(over)
			<-read
			if _, err := io.Copy(io.Discard, response.Body); err == nil {
				t.Errorf("%s: what was broken off looks complete", name)
			}
			_ = response.Body.Close()
		}
	}, func(o *gateway.Options) { o.WriteTimeout = writing })
}
