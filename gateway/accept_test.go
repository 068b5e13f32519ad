package gateway_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	v1 "ordermanagement/gen/ordermanagement/v1"
)

const (
	ndjson      = "application/x-ndjson"
	eventStream = "text/event-stream"
)

// oneRecord is a server whose streams have one record, and whose unary calls answer.
func oneRecord() *fake {
	return &fake{
		get: func(context.Context, *wrapperspb.StringValue) (*v1.Order, error) { return &v1.Order{Id: "1"}, nil },
		search: func(_ *wrapperspb.StringValue, s grpc.ServerStreamingServer[v1.Order]) error {
			return s.Send(&v1.Order{Id: "1"})
		},
	}
}

// What a stream is answered with, by the Accept headers of its request, and that a unary call is answered with JSON
// whatever they say.
func TestAccept(t *testing.T) {
	many := strings.Repeat("image/x, ", 6000)
	cases := map[string][]struct{ accept []string }{
		eventStream: {
			{[]string{"text/event-stream"}},
			{[]string{" Text/EVENT-stream "}},
			{[]string{"text/*"}},
			{[]string{"text/event-stream;q=0.001"}},
			{[]string{"text/event-stream;Q=1.000"}},
			{[]string{"text/event-stream; charset=UTF-8"}},
			{[]string{`text/event-stream; charset="utf-8" ; q=0.3`}},
			{[]string{"text/event-stream;"}},
			{[]string{"text/event-stream, */*;q=0.5"}},
			{[]string{"*/*;q=0.5, text/event-stream"}},
			{[]string{"application/json;q=0.9, text/event-stream"}},
			{[]string{"application/json;q=0.9, application/x-ndjson;q=0.8, text/event-stream;q=0.95"}},
			{[]string{"application/json;q=0, application/x-ndjson;q=0, */*"}},
			{[]string{"application/*;q=0, */*"}},
			{[]string{"application/x-ndjson;q=0, text/event-stream;q=0.1"}},
			{[]string{"application/json;q=0.5", "text/event-stream"}},
			{[]string{"", ",, ,text/event-stream,,"}},
			{[]string{"text/*;q=0, text/event-stream"}},
			{[]string{"application/x-ndjson;q=0.5, */*;q=1, text/event-stream;q=0.6"}},
			// elements that can't be read are none
			{[]string{"text/event-stream, application/json;q=2"}},
			{[]string{"text/event-stream, application/json;q=0.1234"}},
			{[]string{"text/event-stream, application/json;q=NaN"}},
			{[]string{"text/event-stream;q=0.5, application/json;q=-1"}},
			{[]string{"text/event-stream, application/json;q="}},
			{[]string{"text/event-stream, application/json;q=0.1;q=1"}},
			{[]string{"text/event-stream, application/json;;q"}},
			{[]string{`text/event-stream, application/json;a="`}},
			{[]string{`application/json;a=",application/x-ndjson,\",*/*";q=0.1, text/event-stream`}},
			{[]string{"text/event-stream, application/json;profile=x"}},
			{[]string{"text/event-stream, /, ;, =, */json, \x80"}},
		},
		ndjson: {
			{nil},
			{[]string{""}},
			{[]string{"*/*"}},
			{[]string{"application/*"}},
			{[]string{"application/json"}},
			{[]string{"application/x-ndjson"}},
			{[]string{"text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8"}},
			{[]string{"application/json, text/event-stream"}},
			{[]string{"text/event-stream, application/x-ndjson"}},
			{[]string{"text/event-stream, */*"}},
			{[]string{"text/event-stream;q=0.5, application/json;q=0.5"}},
			{[]string{"text/event-stream;q=0.5, application/*;q=0.6"}},
			{[]string{"text/event-stream;q=0"}},
			{[]string{"text/event-stream;q=0.000, text/*"}},
			{[]string{"text/*, text/event-stream;q=0, */*;q=0.1"}},
			{[]string{"text/event-stream;q=0, */*;q=0.1"}},
			{[]string{"image/png"}},
			{[]string{"*/*;q=0"}},
			{[]string{"text/plain, text/event"}},
			{[]string{"text"}},
			{[]string{"text/event-stream;q=1.5"}},
			{[]string{"text/event-stream;q=1.001"}},
			{[]string{"text/event-stream;q=.5"}},
			{[]string{"text/event-stream;q=1e-1"}},
			{[]string{`text/event-stream;q="1`}},
			{[]string{"text/event-stream;version=2"}},
			{[]string{"text/event-stream; charset=latin1"}},
			{[]string{"text/event-stream text/event-stream"}},
			{[]string{`image/x;a="`, "application/json"}},
			{[]string{many + "text/event-stream"}}, // too far behind to be read
			{[]string{strings.Repeat(",", 60000)}},
			{[]string{strings.Repeat(`"`, 60000)}},
			{[]string{strings.Repeat("*/*;q=0.1;q=0.2,", 4000)}},
		},
	}
	everyWay(t, oneRecord(), func(t *testing.T, front *front) {
		for want, tests := range cases {
			for _, test := range tests {
				var header []string
				for _, value := range test.accept {
					header = append(header, "Accept", value)
				}
				a := front.ask(t, "GET", "/v1/orders:search", "", header...)
				if a.StatusCode != 200 || a.Header.Get("Content-Type") != want || a.Header.Get("Vary") != "Accept" {
					t.Errorf("%.100q: %d %s, want %s", test.accept, a.StatusCode, a.Header.Get("Content-Type"), want)
				}
				a = front.ask(t, "GET", "/v1/orders/1", "", header...)
				if a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/json" || a.Header.Get("Vary") != "" {
					t.Errorf("%.100q: a unary call: %d %s", test.accept, a.StatusCode, a.Header.Get("Content-Type"))
				}
			}
		}
	})
}

// An error is JSON whatever is accepted.
func TestAcceptOfErrors(t *testing.T) {
	front := serve(t, inProcess(t, oneRecord()), 1)
	for _, accept := range []string{eventStream, "image/png", "application/json;q=0"} {
		failed(t, front.ask(t, "GET", "/v1/orders:search?colour=red", "", "Accept", accept), 400, "MALFORMED_REQUEST")
		failed(t, front.ask(t, "GET", "/nothing", "", "Accept", accept), 404, "ROUTE_NOT_FOUND")
	}
}

// Answers are not encoded, whatever the client would take, and also when it says that it wouldn't take that: RFC 9110,
// 12.5.3, leaves it to the server.
func TestAcceptEncoding(t *testing.T) {
	front1, front2 := serve(t, inProcess(t, oneRecord()), 1), serve(t, inProcess(t, oneRecord()), 2)
	for _, encoding := range []string{
		"", "gzip", "identity", "identity;q=0", "identity;q=0, *;q=0", "*;q=0", "gzip;q=1.0, identity; q=0.5, *;q=0", "gzip;q=nonsense", ";;;,,,q=",
		"\x80\xff", strings.Repeat("gzip;q=0.5, ", 5000), strings.Repeat(",", 60000), strings.Repeat("x", 60000),
	} {
		for _, front := range []*front{front1, front2} {
			for path, want := range map[string]string{"/v1/orders/1": `{"id":"1"}`, "/v1/orders:search": `{"result":{"id":"1"}}` + "\n"} {
				a := front.ask(t, "GET", path, "", "Accept-Encoding", encoding)
				if a.StatusCode != 200 || a.body != want || a.Header.Get("Content-Encoding") != "" {
					t.Errorf("%.50q: %d %q %.100q", encoding, a.StatusCode, a.Header, a.body)
				}
			}
		}
	}
}

// Whatever is accepted, the answer is one of the two; records when they are wanted most; and never events when nothing
// covers them.
func FuzzAccept(f *testing.F) {
	for _, seed := range []string{
		"", "text/event-stream", "*/*", "text/*;q=0.5, */*;q=0.1", "text/event-stream;q=0", `a/b;c="d,\"e";q=0.1,text/event-stream`, "text/event-stream;charset=utf-8;q=1.000",
		"application/x-ndjson;q=0,*/*", ",,;=", "text/event-stream;q*=utf-8''0.1", "text/event-stream;q*0=0;q*1=.1", "APPLICATION/*",
	} {
		f.Add(seed)
	}
	h := handler(f, oneRecord())
	negotiated := func(t *testing.T, accept ...string) string {
		r := httptest.NewRequest("GET", "/v1/orders:search", nil)
		r.Header["Accept"] = accept
		w := ask(t, h, r)
		if got := w.Header().Get("Content-Type"); w.Code == 200 && (got == ndjson || got == eventStream) {
			return got
		}
		if w.Code != 431 {
			t.Errorf("%q: %d %q", accept, w.Code, w.Header())
		}
		return ""
	}
	f.Fuzz(func(t *testing.T, accept string) {
		got := negotiated(t, accept)
		if lower := strings.ToLower(accept); got == eventStream && !strings.Contains(lower, "text/") && !strings.Contains(accept, "*/*") {
			t.Errorf("%q: events", accept)
		}
		if got = negotiated(t, ndjson, accept); got == eventStream {
			t.Errorf("%q: events, though records are wanted as much", accept)
		}
		if got = negotiated(t, "text/event-stream;q=0.5", "text/event-stream;q=1", "application/*;q=0", "*/*;q=0", accept); got == ndjson && !strings.Contains(strings.ToLower(accept), "application/") {
			t.Errorf("%q: records, though they are excluded", accept)
		}
	})
}
