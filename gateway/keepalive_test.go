package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gateway"
	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	v1 "ordermanagement/gen/ordermanagement/v1"
	"ordermanagement/internal/apierror"
)

// listener reads a stream of events as it comes.
type listener struct {
	t        *testing.T
	response *http.Response
	in       *bufio.Reader
	cancel   context.CancelFunc
}

func (f *front) listen(t *testing.T, path string, header ...string) *listener {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	response, err := f.http.Do(f.request(t, "GET", path, nil, append(header, "Accept", eventStream)...).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = response.Body.Close()
	})
	return &listener{t, response, bufio.NewReader(response.Body), cancel}
}

// hear reads one event or comment.
func (l *listener) hear() string {
	l.t.Helper()
	var event strings.Builder
	for {
		line, err := l.in.ReadString('\n')
		if err != nil {
			l.t.Fatalf("after %q%q: %v", event.String(), line, err)
		}
		event.WriteString(line)
		if line == "\n" {
			return event.String()
		}
	}
}

func (l *listener) expect(want string) {
	l.t.Helper()
	if got := l.hear(); got != want {
		l.t.Fatalf("heard %q, want %q", got, want)
	}
}

const comment = ": keep-alive\n\n"

// skip reads on behind comments.
func (l *listener) skip() string {
	l.t.Helper()
	for {
		if got := l.hear(); got != comment {
			return got
		}
	}
}

// puppet is a server whose search does what a test says, one thing after the other.
type puppet struct {
	send  chan string // the ids of records
	fail  chan error  // how it ends
	ended chan error  // the error of its context, once it has
}

func newPuppet() *puppet {
	return &puppet{send: make(chan string), fail: make(chan error), ended: make(chan error, 100)}
}

func (p *puppet) fake() *fake {
	return &fake{search: func(_ *wrapperspb.StringValue, s grpc.ServerStreamingServer[v1.Order]) error {
		for {
			select {
			case id := <-p.send:
				if err := s.Send(&v1.Order{Id: id}); err != nil {
					return err
				}
			case err := <-p.fail:
				return err
			case <-s.Context().Done():
				p.ended <- s.Context().Err()
				return s.Context().Err()
			}
		}
	}}
}

func (p *puppet) wait(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatal("the server's handler still runs")
	}
}

// Each event is on its way before the next is made.
func TestEventsAreFlushed(t *testing.T) {
	p := newPuppet()
	everyWay(t, p.fake(), func(t *testing.T, front *front) {
		go func() { p.send <- "a" }()
		l := front.listen(t, "/v1/orders:search")
		l.expect("id: 1\ndata: {\"id\":\"a\"}\n\n")
		p.send <- "b"
		l.expect("id: 2\ndata: {\"id\":\"b\"}\n\n")
		p.fail <- nil
		l.expect(endEvent)
		if rest, err := io.ReadAll(l.in); err != nil || len(rest) > 0 {
			t.Errorf("after the end: %q, %v", rest, err)
		}
	})
}

// A stream that has nothing to say says so, from its beginning on: the first comment opens it. What fails then is an
// event.
func TestKeepAlive(t *testing.T) {
	const writing = 100 * time.Millisecond
	p := newPuppet()
	everyWay(t, p.fake(), func(t *testing.T, front *front) {
		l := front.listen(t, "/v1/orders:search", "TE", "trailers")
		if h := l.response.Header; l.response.StatusCode != 200 || h.Get("Content-Type") != eventStream || h.Get("Cache-Control") != "no-store" || h.Get("X-Request-Id") == "" {
			t.Errorf("%d %q", l.response.StatusCode, h)
		}
		for start := time.Now(); time.Since(start) < 3*writing; {
			l.expect(comment) // of which none is late, however long the stream lasts
		}
		p.send <- "a"
		if got := l.skip(); got != "id: 1\ndata: {\"id\":\"a\"}\n\n" {
			t.Errorf("heard %q", got)
		}
		l.expect(comment)
		p.fail <- nil
		if got := l.skip(); got != endEvent {
			t.Errorf("heard %q", got)
		}

		l = front.listen(t, "/v1/orders:search")
		l.expect(comment)
		p.fail <- apierror.New(apiv1.ErrorReason_RESOURCE_NOT_FOUND, "gone").Err()
		data, ok := strings.CutPrefix(l.skip(), "event: error\nid: end\ndata: ")
		if !ok {
			t.Errorf("heard %q", data)
		}
		parseFailure(t, data, "RESOURCE_NOT_FOUND")
		if rest, err := io.ReadAll(l.in); err != nil || len(rest) > 0 {
			t.Errorf("after the error: %q, %v", rest, err)
		}
	}, func(o *gateway.Options) { o.EventKeepAlive, o.WriteTimeout = 5*time.Millisecond, writing })
}

// Comments never come between the lines of an event, nor into a stream of records.
func TestKeepAliveBetweenEvents(t *testing.T) {
	const records = 300
	f := &fake{search: func(_ *wrapperspb.StringValue, s grpc.ServerStreamingServer[v1.Order]) error {
		for i := range records {
			if err := s.Send(&v1.Order{Id: strconv.Itoa(i)}); err != nil {
				return err
			}
		}
		return nil
	}}
	everyWay(t, f, func(t *testing.T, front *front) {
		l := front.listen(t, "/v1/orders:search")
		for i := range records {
			if got, want := l.skip(), "id: "+strconv.Itoa(i+1)+"\ndata: {\"id\":\""+strconv.Itoa(i)+"\"}\n\n"; got != want {
				t.Fatalf("heard %q, want %q", got, want)
			}
		}
		if got := l.skip(); got != endEvent {
			t.Errorf("heard %q", got)
		}
		if a := front.ask(t, "GET", "/v1/orders:search", ""); strings.Contains(a.body, "keep-alive") || strings.Count(a.body, "\n") != records {
			t.Errorf("records are %.200q", a.body)
		}
	}, func(o *gateway.Options) { o.EventKeepAlive = time.Microsecond })
}
