package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	v1 "ordermanagement/gen/ordermanagement/v1"
	"ordermanagement/internal/apierror"
)

// recorder is a server that notes how each request stream ended: the ids it got and what ended them.
type recorder struct {
	ends chan string
}

func newRecorder() *recorder { return &recorder{ends: make(chan string, 100)} }

func (r *recorder) note(ids []string, err error) {
	end := "half-close"
	if !errors.Is(err, io.EOF) {
		end = "canceled"
	}
	r.ends <- strings.Join(ids, ",") + " " + end
}

func (r *recorder) update(s grpc.ClientStreamingServer[v1.Order, wrapperspb.StringValue]) error {
	var ids []string
	for {
		order, err := s.Recv()
		if err != nil {
			r.note(ids, err)
			if errors.Is(err, io.EOF) {
				return s.SendAndClose(wrapperspb.String("updated " + strings.Join(ids, ",")))
			}
			return err
		}
		ids = append(ids, order.GetId())
	}
}

// process answers each id at once; "bad" ends the stream.
func (r *recorder) process(s grpc.BidiStreamingServer[wrapperspb.StringValue, v1.CombinedShipment]) error {
	var ids []string
	for {
		id, err := s.Recv()
		if err != nil {
			r.note(ids, err)
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		if id.GetValue() == "bad" {
			return apierror.New(apiv1.ErrorReason_RESOURCE_NOT_FOUND, "no such order").Err()
		}
		ids = append(ids, id.GetValue())
		if err := s.Send(&v1.CombinedShipment{Id: id.GetValue()}); err != nil {
			r.note(ids, err)
			return err
		}
	}
}

func (r *recorder) fake() *fake { return &fake{update: r.update, process: r.process} }

func (r *recorder) ended(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-r.ends:
		if got != want {
			t.Errorf("the server saw %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("the server still waits; want %q", want)
	}
}

// Client streams: what is a record, and what a bad one does: it cancels the RPC and is never taken for a half-close.
func TestClientStream(t *testing.T) {
	long := strings.Repeat("x", smallLimit)
	exact := `{"id":"` + strings.Repeat("x", smallLimit-len(`{"id":""}`)) + `"}`
	ok := []struct{ name, body, server, answer string }{
		{"records", "{\"id\":\"1\"}\n{\"id\":\"2\"}\n", "1,2 half-close", `"updated 1,2"`},
		{"last line without a break", "{\"id\":\"1\"}\n{\"id\":\"2\"}", "1,2 half-close", `"updated 1,2"`},
		{"blank lines and spaces", "\n\r\n  \n {\"id\": \"1\"} \r\n\t\n{\"id\":\"2\"}\n\n", "1,2 half-close", `"updated 1,2"`},
		{"none", "", " half-close", `"updated "`},
		{"blank", "\n\n", " half-close", `"updated "`},
		{"at the limit", exact + "\r\n" + exact, exact[7:len(exact)-2] + "," + exact[7:len(exact)-2] + " half-close", `"updated ` + exact[7:len(exact)-2] + "," + exact[7:len(exact)-2] + `"`},
	}
	bad := []struct {
		name, body, server string
		status             int
		reason, field      string
	}{
		{"first", "{\"id\":1}\n{\"id\":\"2\"}\n", " canceled", 400, "MALFORMED_REQUEST", "[0].id"},
		{"in the middle", "{\"id\":\"1\"}\n\n{\"id\":\"2\",\"price\":\"x\"}\n{\"id\":\"3\"}\n", "1 canceled", 400, "MALFORMED_REQUEST", "[1].price"},
		{"last, without a break", "{\"id\":\"1\"}\n{\"id\":", "1 canceled", 400, "MALFORMED_REQUEST", "[1]"},
		{"unknown field", "{\"id\":\"1\"}\n{\"colour\":1}", "1 canceled", 400, "MALFORMED_REQUEST", "[1].colour"},
		{"two on a line", `{"id":"1"}{"id":"2"}`, " canceled", 400, "MALFORMED_REQUEST", "[0]"},
		{"over lines", "{\n\"id\":\"1\"\n}", " canceled", 400, "MALFORMED_REQUEST", "[0]"},
		{"an array", `[{"id":"1"}]`, " canceled", 400, "MALFORMED_REQUEST", "[0]"},
		{"null", "null\n", " canceled", 400, "MALFORMED_REQUEST", "[0]"},
		{"not UTF-8", "{\"id\":\"1\"}\n{\"id\":\"\xff\"}", "1 canceled", 400, "MALFORMED_REQUEST", "[1].id"},
		{"over the limit", "{\"id\":\"1\"}\n{\"id\":\"" + long + "\"}\n{\"id\":\"3\"}", "1 canceled", 413, "REQUEST_TOO_LARGE", "[1]"},
		{"over the limit and the buffer", "{\"id\":\"1\"}\n{\"id\":\"" + strings.Repeat(long, 100), "1 canceled", 413, "REQUEST_TOO_LARGE", "[1]"},
	}
	r := newRecorder()
	everyWay(t, r.fake(), func(t *testing.T, front *front) {
		for _, test := range ok {
			for _, media := range []string{"application/x-ndjson", "application/json", "application/x-www-form-urlencoded"} {
				a := front.ask(t, "POST", "/v1/orders:update", test.body, "Content-Type", media)
				if a.StatusCode != 200 || a.body != test.answer {
					t.Errorf("%s as %s: %d %.200s", test.name, media, a.StatusCode, a.body)
				}
				r.ended(t, test.server)
			}
		}
		for _, test := range bad {
			f := failed(t, front.ask(t, "POST", "/v1/orders:update", test.body), test.status, test.reason)
			if f.field() != test.field {
				t.Errorf("%s: field is %q, want %q: %s", test.name, f.field(), test.field, f.Message)
			}
			r.endedAfter(t, test.name, test.server)
		}
	}, small)
}

// endedAfter is ended for canceled streams, of which the server may see fewer records than were sent.
func (r *recorder) endedAfter(t *testing.T, name, want string) {
	t.Helper()
	select {
	case got := <-r.ends:
		if got != want && got != " canceled" {
			t.Errorf("%s: the server saw %q, want %q", name, got, want)
		}
	case <-time.After(patience):
		t.Fatalf("%s: the server still waits", name)
	}
}

// duplex is a bidirectional stream in the hands of a client that answers what it reads.
type duplex struct {
	t        *testing.T
	out      *io.PipeWriter
	response *http.Response
	in       *bufio.Reader
}

func (f *front) duplex(t *testing.T, first string, header ...string) *duplex {
	t.Helper()
	body, out := io.Pipe()
	d := &duplex{t: t, out: out}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	r := f.request(t, "POST", "/v1/orders:process", body, append(header, "Content-Type", "application/x-ndjson", "TE", "trailers")...).WithContext(ctx)
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(out, first)
		sent <- err
	}()
	response, err := f.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	<-sent
	t.Cleanup(func() {
		_ = out.Close()
		_ = response.Body.Close()
	})
	d.response, d.in = response, bufio.NewReader(response.Body)
	return d
}

func (d *duplex) say(text string) {
	d.t.Helper()
	if _, err := io.WriteString(d.out, text); err != nil {
		d.t.Fatal(err)
	}
}

func (d *duplex) hear(want string) {
	d.t.Helper()
	got, err := d.in.ReadString('\n')
	if err != nil && !(err == io.EOF && want == "") || got != want {
		d.t.Fatalf("heard %q, %v, want %q", got, err, want)
	}
}

// Bidirectional streams: each record is answered before the next is sent, over HTTP/1.1 as well.
func TestBidirectional(t *testing.T) {
	r := newRecorder()
	everyWay(t, r.fake(), func(t *testing.T, front *front) {
		t.Run("ping pong", func(t *testing.T) {
			d := front.duplex(t, "\"1\"\n")
			if d.response.StatusCode != 200 || d.response.Header.Get("Content-Type") != "application/x-ndjson" {
				t.Errorf("%d %q", d.response.StatusCode, d.response.Header)
			}
			d.hear(`{"result":{"id":"1"}}` + "\n")
			d.say("\"2\"\n")
			d.hear(`{"result":{"id":"2"}}` + "\n")
			_ = d.out.Close()
			d.hear("")
			r.ended(t, "1,2 half-close")
		})
		t.Run("no record", func(t *testing.T) {
			a := front.ask(t, "POST", "/v1/orders:process", "")
			if a.StatusCode != 200 || a.body != "" || a.Header.Get("Content-Type") != "application/x-ndjson" {
				t.Errorf("%d %q %q", a.StatusCode, a.body, a.Header)
			}
			r.ended(t, " half-close")
		})
		t.Run("bad record first", func(t *testing.T) {
			failed(t, front.ask(t, "POST", "/v1/orders:process", "1\n"), 400, "MALFORMED_REQUEST")
			r.ended(t, " canceled")
		})
		t.Run("bad record later", func(t *testing.T) {
			for body, reason := range map[string]string{"{\n": "MALFORMED_REQUEST", `"` + strings.Repeat("x", smallLimit+1): "REQUEST_TOO_LARGE"} {
				d := front.duplex(t, "\"1\"\n")
				d.hear(`{"result":{"id":"1"}}` + "\n")
				d.say(body)
				last, err := d.in.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				inner, ok := strings.CutPrefix(last, `{"error":`)
				if !ok {
					t.Fatalf("last record is %q", last)
				}
				if f := parseFailure(t, strings.TrimSuffix(inner, "}\n"), reason); f.field() != "[1]" {
					t.Errorf("field is %q", f.field())
				}
				d.hear("")
				_ = d.out.Close()
				r.ended(t, "1 canceled")
			}
		})
		t.Run("server ends first", func(t *testing.T) {
			d := front.duplex(t, "\"1\"\n")
			d.hear(`{"result":{"id":"1"}}` + "\n")
			d.say("\"bad\"\n")
			if last, _ := d.in.ReadString('\n'); !strings.Contains(last, "RESOURCE_NOT_FOUND") {
				t.Errorf("last record is %q", last)
			}
			d.hear("")
			_ = d.out.Close()
		})
		t.Run("server ends at once", func(t *testing.T) {
			d := front.duplex(t, "\"bad\"\n")
			if d.response.StatusCode != 404 || d.response.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %q", d.response.StatusCode, d.response.Header)
			}
			_ = d.out.Close()
		})
		t.Run("client disappears", func(t *testing.T) {
			d := front.duplex(t, "\"1\"\n")
			d.hear(`{"result":{"id":"1"}}` + "\n")
			_ = d.out.CloseWithError(errors.New("gone"))
			r.ended(t, "1 canceled")
		})
	}, small)
}

// A connection that breaks off in the middle of a body is no end of the request, however the body is framed.
func TestBrokenOff(t *testing.T) {
	r := newRecorder()
	front := serve(t, overNetwork(t, r.fake()), 1)
	for name, text := range map[string]string{
		"chunked, between records": "Transfer-Encoding: chunked\r\n\r\nb\r\n{\"id\":\"1\"}\n\r\n",
		"chunked, in a chunk":      "Transfer-Encoding: chunked\r\n\r\nb\r\n{\"id\":\"1\"}\n\r\nff\r\n{\"id\":\"2\"}",
		"with a length":            "Content-Length: 100\r\n\r\n{\"id\":\"1\"}\n{\"id\":\"2\"}",
	} {
		t.Run(name, func(t *testing.T) {
			conn := front.dial(t)
			if _, err := io.WriteString(conn, "POST /v1/orders:update HTTP/1.1\r\nHost: example.com\r\n"+text); err != nil {
				t.Fatal(err)
			}
			_ = conn.CloseWrite()
			r.endedAfter(t, name, "1 canceled")
		})
	}
}

// What is left of a request body must never be read as the next request of the connection.
func TestConnectionClosedAfterUnreadStream(t *testing.T) {
	r := newRecorder()
	var got atomic.Int32
	f := r.fake()
	f.get = func(context.Context, *wrapperspb.StringValue) (*v1.Order, error) { got.Add(1); return &v1.Order{}, nil }
	front := serve(t, inProcess(t, f), 1)
	for _, path := range []string{"/v1/orders:process", "/v1/orders:update"} {
		conn := front.dial(t)
		_, err := io.WriteString(conn, "POST "+path+" HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\n\r\n")
		if err != nil {
			t.Fatal(err)
		}
		in := bufio.NewReader(conn)
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(response.Body); err != nil || response.StatusCode != 400 {
			t.Errorf("%d, %v", response.StatusCode, err)
		}
		_, _ = io.WriteString(conn, "GET /v1/orders/1 HTTP/1.1\r\nHost: example.com\r\n\r\n")
		if rest, _ := io.ReadAll(in); len(rest) != 0 || got.Load() != 0 {
			t.Errorf("the rest of the body was answered: %q", rest)
		}
		r.ended(t, " canceled")
	}
}
