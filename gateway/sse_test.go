package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gateway"
	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	v1 "ordermanagement/gen/ordermanagement/v1"
	"ordermanagement/internal/apierror"
)

const endEvent = "event: end\nid: end\ndata: {}\n\n"

// searcher is a server whose search sends as many records as its value says, and then fails with what is there.
type searcher struct {
	calls atomic.Int32
	fail  atomic.Pointer[status.Status]
}

func (s *searcher) fake() *fake {
	process := func(grpc.BidiStreamingServer[wrapperspb.StringValue, v1.CombinedShipment]) error {
		s.calls.Add(1)
		return nil
	}
	return &fake{process: process, search: func(in *wrapperspb.StringValue, out grpc.ServerStreamingServer[v1.Order]) error {
		s.calls.Add(1)
		n, _ := strconv.Atoi(in.GetValue())
		for i := range n {
			if err := out.Send(&v1.Order{Id: strconv.Itoa(i)}); err != nil {
				return err
			}
		}
		return s.fail.Load().Err()
	}}
}

// What a stream of events is made of, however it ends.
func TestEvents(t *testing.T) {
	s := new(searcher)
	const two = "id: 1\ndata: {\"id\":\"0\"}\n\nid: 2\ndata: {\"id\":\"1\"}\n\n"
	retry := func(delay time.Duration) *status.Status {
		return apierror.New(apiv1.ErrorReason_SERVICE_UNAVAILABLE, "later", apierror.RetryAfter(delay))
	}
	cases := []struct {
		name, records string
		fail          *status.Status
		want, reason  string // all before the JSON of an error
	}{
		{"records", "2", nil, two + endEvent, ""},
		{"none", "0", nil, endEvent, ""},
		{"failing for good", "2", apierror.New(apiv1.ErrorReason_RESOURCE_NOT_FOUND, "gone"), two + "event: error\nid: end\ndata: ", "RESOURCE_NOT_FOUND"},
		{"failing for now", "2", retry(1500 * time.Millisecond), two + "event: error\nretry: 1500\ndata: ", "SERVICE_UNAVAILABLE"},
		{"failing for no time", "2", retry(0), two + "event: error\nretry: 1000\ndata: ", "SERVICE_UNAVAILABLE"},
		{"failing for less than none", "2", retry(-time.Hour), two + "event: error\nretry: 1000\ndata: ", "SERVICE_UNAVAILABLE"},
	}
	everyWay(t, s.fake(), func(t *testing.T, front *front) {
		for _, test := range cases {
			s.fail.Store(test.fail)
			a := front.ask(t, "GET", "/v1/orders:search?value="+test.records, "", "Accept", eventStream)
			if a.StatusCode != 200 || a.Header.Get("Content-Type") != eventStream {
				t.Errorf("%s: %d %q", test.name, a.StatusCode, a.Header)
			}
			if test.fail == nil {
				if a.body != test.want {
					t.Errorf("%s: got %q, want %q", test.name, a.body, test.want)
				}
				continue
			}
			data, ok := strings.CutPrefix(a.body, test.want)
			if data, ends := strings.CutSuffix(data, "}\n\n"); !ok || !ends || strings.ContainsAny(data, "\r\n") {
				t.Errorf("%s: got %q, want %q", test.name, a.body, test.want)
				continue
			}
			parseFailure(t, data, test.reason)
		}
		for _, fail := range []*status.Status{cases[2].fail, cases[3].fail} {
			s.fail.Store(fail)
			reason, _ := apierror.Reason(fail)
			failed(t, front.ask(t, "GET", "/v1/orders:search?value=0", "", "Accept", eventStream), apierror.HTTPStatus(fail), reason.String())
		}
	})
}

// Who has had the whole stream, and comes back as EventSource does, is told to stay away, and the server isn't bothered;
// but what is refused anyway stays so.
func TestLastEventID(t *testing.T) {
	s := new(searcher)
	refuse := func(_ context.Context, _ string, md metadata.MD) (metadata.MD, error) {
		if len(md.Get("authorization")) == 0 {
			return nil, apierror.New(apiv1.ErrorReason_CREDENTIALS_MISSING, "who are you?").Err()
		}
		return nil, nil
	}
	everyWay(t, s.fake(), func(t *testing.T, front *front) {
		header := []string{"Accept", eventStream, "Authorization", "Bearer x", "Last-Event-ID"}
		for _, id := range []string{"", "1", "2", "End", "end2", "nonsense\xff", strings.Repeat("1", 10000)} {
			a := front.ask(t, "GET", "/v1/orders:search?value=1", "", append(header, id)...)
			if want := "id: 1\ndata: {\"id\":\"0\"}\n\n" + endEvent; a.StatusCode != 200 || a.body != want {
				t.Errorf("after %.20q: %d %q, want %q", id, a.StatusCode, a.body, want)
			}
		}
		calls := s.calls.Load()
		end := front.ask(t, "GET", "/v1/orders:search?value=1", "", append(header, "end")...)
		if end.StatusCode != 204 || end.body != "" || end.Header.Get("Content-Type") != "" || end.Header.Get("Cache-Control") != "no-store" || end.Header.Get("Vary") != "Accept" {
			t.Errorf("after the end: %d %q %q", end.StatusCode, end.Header, end.body)
		}
		failed(t, front.ask(t, "GET", "/v1/orders:search?colour=red", "", append(header, "end")...), 400, "MALFORMED_REQUEST")
		failed(t, front.ask(t, "GET", "/v1/orders:search", "", "Accept", eventStream, "Last-Event-ID", "end"), 401, "CREDENTIALS_MISSING")
		if a := front.ask(t, "HEAD", "/v1/orders:search", "", append(header, "end")...); a.StatusCode != 405 {
			t.Errorf("HEAD: %d", a.StatusCode)
		}
		if more := s.calls.Load() - calls; more != 0 {
			t.Errorf("the server was called %d times", more)
		}
		// Who sends records wants them to be processed.
		if a := front.ask(t, "POST", "/v1/orders:process", `"1"`, append(header, "end")...); a.StatusCode == 204 {
			t.Error("records are passed over")
		}
		a := front.ask(t, "GET", "/v1/orders:search?value=1", "", "Authorization", "Bearer x", "Last-Event-ID", "end")
		if a.StatusCode != 200 || a.Header.Get("Content-Type") != ndjson {
			t.Errorf("records don't end: %d %q", a.StatusCode, a.Header)
		}
	}, func(o *gateway.Options) { o.Admit = refuse })
}

// Nothing in a message can end the line that its JSON is on.
func TestEventIsOneLine(t *testing.T) {
	const text = "a\nb\rc\r\nd\n\ne\u2028f\u2029g\u0085h\x00\x1f\"\\ data: x\n\nevent: end\n\n</script>"
	f := &fake{search: func(_ *wrapperspb.StringValue, s grpc.ServerStreamingServer[v1.Order]) error {
		return s.Send(&v1.Order{Id: "1", Description: text})
	}}
	front := serve(t, inProcess(t, f), 1)
	body := front.ask(t, "GET", "/v1/orders:search", "", "Accept", eventStream).body
	data, ok := strings.CutPrefix(body, "id: 1\ndata: ")
	data, ends := strings.CutSuffix(data, "\n\n"+endEvent)
	var order struct{ Description string }
	if err := json.Unmarshal([]byte(data), &order); !ok || !ends || strings.ContainsAny(data, "\r\n") || err != nil || order.Description != text {
		t.Errorf("got %q, %v", body, err)
	}
}

// The deadline that the client asked for ends the stream as an error does.
func TestEventsAndDeadline(t *testing.T) {
	p := newPuppet()
	everyWay(t, p.fake(), func(t *testing.T, front *front) {
		go func() { p.send <- "a" }()
		l := front.listen(t, "/v1/orders:search", "Grpc-Timeout", "200m")
		l.expect("id: 1\ndata: {\"id\":\"a\"}\n\n")
		data, ok := strings.CutPrefix(l.hear(), "event: error\nid: end\ndata: ")
		if !ok {
			t.Errorf("heard %q", data)
		}
		parseFailure(t, data, "DEADLINE_PASSED")
		p.wait(t)
	})
}

// panickingStream is a connection whose streams panic when they are received from.
type panickingStream struct{ lateSender }

func (p panickingStream) NewStream(ctx context.Context, _ *grpc.StreamDesc, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	return panickingStream{lateSender{ctx: ctx, sending: make(chan struct{})}}, nil
}
func (p panickingStream) Context() context.Context { return p.ctx }
func (panickingStream) SendMsg(any) error          { return nil }
func (panickingStream) RecvMsg(any) error          { panic("secret") }

// A panic is contained where the server is waited for, too.
func TestPanicInEvents(t *testing.T) {
	for _, major := range []int{1, 2} {
		front := serve(t, panickingStream{}, major)
		failed(t, front.ask(t, "GET", "/v1/orders:search", "", "Accept", eventStream), 500, "INTERNAL_ERROR")
		if log := front.log.String(); !strings.Contains(log, "panic in the gateway") || !strings.Contains(log, "secret") {
			t.Errorf("the log is %s", log)
		}
	}
}

// Bidirectional streams: records in, events out, each while the other goes on.
func TestBidirectionalEvents(t *testing.T) {
	r := newRecorder()
	everyWay(t, r.fake(), func(t *testing.T, front *front) {
		d := front.duplex(t, "\"1\"\n", "Accept", eventStream)
		if d.response.StatusCode != 200 || d.response.Header.Get("Content-Type") != eventStream {
			t.Errorf("%d %q", d.response.StatusCode, d.response.Header)
		}
		event := func(want string) {
			t.Helper()
			for line := range strings.Lines(want) {
				d.hear(line)
			}
		}
		event("id: 1\ndata: {\"id\":\"1\"}\n\n")
		d.say("\"2\"\n")
		event("id: 2\ndata: {\"id\":\"2\"}\n\n")
		_ = d.out.Close()
		event(endEvent)
		d.hear("")
		r.ended(t, "1,2 half-close")

		if a := front.ask(t, "POST", "/v1/orders:process", "", "Accept", eventStream); a.StatusCode != 200 || a.body != endEvent {
			t.Errorf("no record: %d %q", a.StatusCode, a.body)
		}
		r.ended(t, " half-close")
		failed(t, front.ask(t, "POST", "/v1/orders:process", "1\n", "Accept", eventStream), 400, "MALFORMED_REQUEST")
		r.ended(t, " canceled")

		for say, reason := range map[string]string{"{\n": "MALFORMED_REQUEST", "\"bad\"\n": "RESOURCE_NOT_FOUND"} {
			d = front.duplex(t, "\"1\"\n", "Accept", eventStream)
			event("id: 1\ndata: {\"id\":\"1\"}\n\n")
			d.say(say)
			event("event: error\nid: end\n")
			line, _ := d.in.ReadString('\n')
			parseFailure(t, strings.TrimPrefix(line, "data: "), reason)
			event("\n")
			d.hear("")
			_ = d.out.Close()
			if reason == "MALFORMED_REQUEST" {
				r.ended(t, "1 canceled")
			}
		}

		d = front.duplex(t, "\"1\"\n", "Accept", eventStream)
		event("id: 1\ndata: {\"id\":\"1\"}\n\n")
		_ = d.out.CloseWithError(errors.New("gone"))
		r.ended(t, "1 canceled")
	})
}

// A client that says nothing hears comments, until it is idle for too long.
func TestBidirectionalKeepAlive(t *testing.T) {
	r := newRecorder()
	everyWay(t, r.fake(), func(t *testing.T, front *front) {
		d := front.duplex(t, "\n", "Accept", eventStream)
		d.hear(": keep-alive\n")
		d.hear("\n")
		d.say("\"1\"\n")
		for {
			line, err := d.in.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(line, "data: ") && strings.Contains(line, "STREAM_IDLE") {
				break
			}
		}
		r.ended(t, "1 canceled")
		_ = d.out.Close()
	}, func(o *gateway.Options) {
		o.EventKeepAlive, o.StreamIdleTimeout = 10*time.Millisecond, 500*time.Millisecond
	})
}
