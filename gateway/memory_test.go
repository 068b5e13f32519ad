package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gateway"
	v1 "ordermanagement/gen/ordermanagement/v1"
	v2 "ordermanagement/gen/ordermanagement/v2"
)

// Few bytes can be many messages: how many there may be is limited, in a body and in a record.
func TestTooManyObjects(t *testing.T) {
	f := newRecorder().fake()
	f.orders.create = func(_ context.Context, in *v2.CreateOrderRequest) (*v2.Order, error) {
		return &v2.Order{Description: fmt.Sprint(len(in.GetOrder().GetLineItems()))}, nil
	}
	f.add = func(_ context.Context, in *v1.Order) (*wrapperspb.StringValue, error) {
		return wrapperspb.String(fmt.Sprint(len(in.GetItems()), " ", len(in.GetDescription()))), nil
	}
	// list is an object with n elements in all.
	list := func(name, element string, n int) string {
		return `{"` + name + `":[` + strings.Repeat(element+",", n-1) + element + `]}`
	}
	const objects, elements = 50_000, 500_000
	quoted := strings.Repeat(`{,\"`, elements+1)
	cases := []struct {
		name, path, body string
		status           int
		answer           string // the text of an error, or the body
		field            string
	}{
		{"objects", "/v2/orders", list("lineItems", "{}", objects-1), 200, `{"description":"49999"}`, ""},
		{"too many objects", "/v2/orders", list("lineItems", "{}", objects), 413, "the body has more than 50000 JSON objects; split it", "order"},
		{"too many objects of the whole message", "/v1/orders", list("items", "{}", objects), 413, "the body has more than 50000 JSON objects; split it", ""},
		{"elements", "/v1/orders", list("items", `""`, elements+1), 200, `"500001 0"`, ""},
		{"too many elements", "/v1/orders", list("items", `""`, elements+2), 413, "the body has more than 500000 JSON elements; split it", ""},
		{"in a string", "/v1/orders", `{"description":"` + quoted + `"}`, 200, `"0 1500003"`, ""},
		{"in a record", "/v1/orders:update", "{\"id\":\"1\"}\n" + list("items", "{}", objects), 413, "record [1] has more than 50000 JSON objects; split it", "[1]"},
		{"in a record's string", "/v1/orders:update", `{"id":"1","description":"` + quoted + "\"}\n{\"id\":\"2\"}", 200, `"updated 1,2"`, ""},
	}
	for _, major := range []int{1, 2} {
		front := serve(t, inProcess(t, f), major)
		for _, test := range cases {
			t.Run(fmt.Sprintf("HTTP%d/%s", major, test.name), func(t *testing.T) {
				a := front.ask(t, "POST", test.path, test.body)
				if test.status == 200 {
					if a.StatusCode != 200 || a.body != test.answer {
						t.Errorf("answer is %d %q, want %q", a.StatusCode, a.body, test.answer)
					}
					return
				}
				if got := failed(t, a, test.status, "REQUEST_TOO_LARGE"); got.Message != test.answer || got.field() != test.field || len(got.Details) != 2 {
					t.Errorf("got %+v, want %q of %q", got, test.answer, test.field)
				}
			})
		}
	}
}

const (
	largeBody  = 256 << 10
	bodyMemory = 5 * 64 << 10 // five chunks
)

func smallMemory(o *gateway.Options) {
	o.MaxBodyBytes, o.MaxRecordBytes, o.MaxBodyMemory = largeBody, largeBody, bodyMemory
}

// slow is a request that has sent a part of its body, and nothing more.
type slow struct {
	out    *io.PipeWriter
	leave  context.CancelFunc
	status int // that it was answered with; zero for none
}

// slow tells answered when the request is over.
func (f *front) slow(t *testing.T, path, part string, answered chan<- *slow) *slow {
	t.Helper()
	body, out := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	context.AfterFunc(ctx, func() { _ = out.CloseWithError(ctx.Err()) }) // net/http's client waits for it
	s := &slow{out: out, leave: cancel}
	r := f.request(t, "POST", path, body).WithContext(ctx)
	go func() { _, _ = io.WriteString(out, part) }()
	go func() {
		if response, err := f.http.Do(r); err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			s.status = response.StatusCode
		}
		answered <- s
	}()
	return s
}

// Slow clients can't hold more memory than there is for bodies. Whoever finds none is told so at once; when they go,
// whichever way, all of it is there again.
func TestBodyMemory(t *testing.T) {
	f := &fake{
		add: func(_ context.Context, in *v1.Order) (*wrapperspb.StringValue, error) {
			return wrapperspb.String(in.GetId()), nil
		},
		update: func(s grpc.ClientStreamingServer[v1.Order, wrapperspb.StringValue]) error {
			for {
				if _, err := s.Recv(); err == io.EOF {
					return s.SendAndClose(wrapperspb.String("done"))
				} else if err != nil {
					return err
				}
			}
		},
	}
	const holders = bodyMemory / (64 << 10)
	part := `{"id":"1","description":"` + strings.Repeat("x", 40<<10)
	for _, path := range []string{"/v1/orders", "/v1/orders:update"} {
		everyWay(t, f, func(t *testing.T, front *front) {
			for range 2 { // nothing of a round is left behind
				answered := make(chan *slow, holders+1)
				clients := map[*slow]bool{}
				for range holders + 1 {
					clients[front.slow(t, path, part, answered)] = true
				}
				// The one that is too many is not kept waiting for the rest of its body. The others hold all there is.
				late := <-answered
				if late.status != 503 {
					t.Fatalf("%s: the first answer is %d", path, late.status)
				}
				delete(clients, late)
				late.leave()
				a := front.ask(t, "POST", path, part+`"}`)
				failed(t, a, 503, "SERVICE_UNAVAILABLE")
				if a.Header.Get("Retry-After") != "1" || !strings.Contains(a.body, "google.rpc.RetryInfo") {
					t.Errorf("doesn't say when to try again: %v %s", a.Header, a.body)
				}
				if a = front.ask(t, "POST", path, `{"id":"1"}`); a.StatusCode != 200 {
					t.Errorf("a small body: %d %s", a.StatusCode, a.body)
				}
				completed := false
				for client := range clients {
					if completed { // the others go away
						client.leave()
						<-answered
						continue
					}
					_, _ = io.WriteString(client.out, `"}`)
					_ = client.out.Close()
					if done := <-answered; done != client || done.status != 200 {
						t.Errorf("one that is complete: %d", done.status)
					}
					client.leave()
					completed = true
				}
				until(t, "the memory to be back", func() bool {
					return front.ask(t, "POST", path, `{"description":"`+strings.Repeat("x", largeBody-100)+`"}`).StatusCode == 200
				})
			}
		}, smallMemory)
	}
}

// Who comes from one network can have half of the memory.
func TestBodyMemoryOfNetworks(t *testing.T) {
	f := &fake{add: func(_ context.Context, in *v1.Order) (*wrapperspb.StringValue, error) {
		return wrapperspb.String(in.GetId()), nil
	}}
	const holders = bodyMemory / (64 << 10)
	part := `{"id":"1","description":"` + strings.Repeat("x", 40<<10)
	everyWay(t, f, func(t *testing.T, front *front) {
		answered := make(chan *slow, holders+1)
		for range holders + 1 {
			defer front.slow(t, "/v1/orders", part, answered).leave()
		}
		if late := <-answered; late.status != 503 {
			t.Fatalf("the first answer is %d", late.status)
		}
		failed(t, front.ask(t, "POST", "/v1/orders", part+`"}`), 503, "SERVICE_UNAVAILABLE")
		for _, told := range []string{"192.0.2.1", "127.0.0.1, 192.0.2.2"} {
			if a := front.ask(t, "POST", "/v1/orders", part+`"}`, "X-Forwarded-For", told); a.StatusCode != 200 {
				t.Errorf("another network, %s: %d %s", told, a.StatusCode, a.body)
			}
		}
	}, smallMemory, func(o *gateway.Options) { o.MaxBodyMemory, o.TrustForwardedFor = 2*bodyMemory, true })
}

// panicking is a connection whose calls panic.
type panicking struct{ grpc.ClientConnInterface }

func (panicking) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	panic("a bug")
}

// A panic, and a body that is refused, give the memory back.
func TestBodyMemoryOfFailures(t *testing.T) {
	large := strings.Repeat(" ", largeBody-10)
	for _, major := range []int{1, 2} {
		front := serve(t, panicking{}, major, smallMemory)
		for range 3 {
			failed(t, front.ask(t, "POST", "/v1/orders", large+`{}`), http.StatusInternalServerError, "INTERNAL_ERROR")
			failed(t, front.ask(t, "POST", "/v1/orders", large+`{"a"}`), 400, "MALFORMED_REQUEST")
			failed(t, front.send(t, front.request(t, "POST", "/v1/orders", chunked{strings.NewReader(large + large)})), 413, "REQUEST_TOO_LARGE")
		}
	}
}

// A stream that waits does not hold the memory of a record that is done with.
func TestRecordMemoryIsGivenBack(t *testing.T) {
	r := newRecorder()
	everyWay(t, r.fake(), func(t *testing.T, front *front) {
		var streams []*duplex
		for range 3 {
			d := front.duplex(t, strings.Repeat(" ", largeBody-10)+"\"1\"\n")
			d.hear(`{"result":{"id":"1"}}` + "\n")
			streams = append(streams, d)
		}
		for _, d := range streams {
			_ = d.out.Close()
			if _, err := io.Copy(io.Discard, d.in); err != nil {
				t.Error(err)
			}
			r.ended(t, "1 half-close")
		}
	}, smallMemory)
}
