package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gateway"
	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	v1 "ordermanagement/gen/ordermanagement/v1"
	"ordermanagement/internal/apierror"
)

// waiting is a server whose calls wait for their end, and tell of it.
func waiting(began, ended chan struct{}) *fake {
	wait := func(ctx context.Context) error {
		began <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return status.FromContextError(ctx.Err()).Err()
	}
	return &fake{
		get: func(ctx context.Context, _ *wrapperspb.StringValue) (*v1.Order, error) { return nil, wait(ctx) },
		search: func(_ *wrapperspb.StringValue, s grpc.ServerStreamingServer[v1.Order]) error {
			return wait(s.Context())
		},
		add: func(ctx context.Context, _ *v1.Order) (*wrapperspb.StringValue, error) { return nil, wait(ctx) },
	}
}

func TestDeadline(t *testing.T) {
	began, ended := make(chan struct{}, 10), make(chan struct{}, 10)
	everyWay(t, waiting(began, ended), func(t *testing.T, front *front) {
		for _, path := range []string{"/v1/orders/1", "/v1/orders:search"} {
			failed(t, front.ask(t, "GET", path, "", "Grpc-Timeout", "50m"), 504, "DEADLINE_PASSED")
			<-ended
		}
	})
}

// bare is a connection that answers a bare error when the call's time is over, as the in-process channel sometimes does.
type bare struct{ grpc.ClientConnInterface }

func (bare) Invoke(ctx context.Context, _ string, _, _ any, _ ...grpc.CallOption) error {
	<-ctx.Done()
	return io.EOF
}

func (bare) NewStream(ctx context.Context, _ *grpc.StreamDesc, _ string, _ ...grpc.CallOption) (grpc.ClientStream, error) {
	<-ctx.Done()
	return nil, io.EOF
}

func TestDeadlineOfBareError(t *testing.T) {
	front := serve(t, bare{}, 1)
	for _, path := range []string{"/v1/orders/1", "/v1/orders:search"} {
		failed(t, front.ask(t, "GET", path, "", "Grpc-Timeout", "20m"), 504, "DEADLINE_PASSED")
	}
}

// A client that goes away cancels the call, and nothing is logged above debug.
func TestClientGoesAway(t *testing.T) {
	began, ended := make(chan struct{}, 10), make(chan struct{}, 10)
	everyWay(t, waiting(began, ended), func(t *testing.T, front *front) {
		for method, path := range map[string]string{"GET": "/v1/orders/1", "POST": "/v1/orders"} {
			ctx, cancel := context.WithCancel(t.Context())
			r := front.request(t, method, path, nil).WithContext(ctx)
			if method == "POST" {
				r = front.request(t, method, path, strings.NewReader(`{"id":"1"}`)).WithContext(ctx)
			}
			go func() {
				<-began
				cancel()
			}()
			if response, err := front.http.Do(r); err == nil {
				_ = response.Body.Close() // the 499 can come back while the client still says goodbye
			}
			select {
			case <-ended:
			case <-time.After(patience):
				t.Fatal("the server still waits")
			}
		}
		until(t, "both log lines", func() bool { return strings.Count(front.log.String(), `"status":499`) == 2 })
		if strings.Contains(front.log.String(), `"level":"WARN"`) || strings.Contains(front.log.String(), `"level":"ERROR"`) {
			t.Errorf("logged: %s", front.log)
		}
	})
}

func TestServerUnreachable(t *testing.T) {
	listener := listen(t)
	address := listener.Addr().String()
	_ = listener.Close()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	front := serve(t, conn, 1)
	for _, path := range []string{"/v1/orders/1", "/v1/orders:search"} {
		a := front.ask(t, "GET", path, "")
		failed(t, a, 503, "SERVICE_UNAVAILABLE")
		if a.Header.Get("Retry-After") != "1" || strings.Contains(a.body, address) {
			t.Errorf("%q %s", a.Header, a.body)
		}
	}
}

// panicky is a connection in which a call is a bug.
type panicky struct {
	grpc.ClientConnInterface
	value any
}

func (p panicky) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { panic(p.value) }

func TestPanic(t *testing.T) {
	for _, major := range []int{1, 2} {
		front := serve(t, panicky{value: "secret bug"}, major)
		a := front.ask(t, "GET", "/v1/orders/1", "")
		failed(t, a, 500, "INTERNAL_ERROR")
		log := front.log.String()
		if strings.Contains(a.body, "secret") || !strings.Contains(log, "secret bug") || !strings.Contains(log, "observe_test.go") || !strings.Contains(log, a.Header.Get("X-Request-Id")) {
			t.Errorf("answer %s, log %s", a.body, log)
		}
		front = serve(t, panicky{value: http.ErrAbortHandler}, major)
		if response, err := front.http.Do(front.request(t, "GET", "/v1/orders/1", nil)); err == nil {
			_ = response.Body.Close()
			t.Error("answered")
		}
		if strings.Contains(front.log.String(), "panic") {
			t.Errorf("logged: %s", front.log)
		}
	}
}

// panickyStream is a stream in which the second record received, or the second sent, is a bug.
type panickyStream struct {
	grpc.ClientStream
	sending        bool
	received, sent atomic.Int32
}

func (p *panickyStream) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	var err error
	p.ClientStream, err = inProcess(nil, newRecorder().fake()).NewStream(ctx, desc, method, opts...)
	return p, err
}

func (p *panickyStream) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	return nil
}

func (p *panickyStream) RecvMsg(m any) error {
	if p.received.Add(1) == 2 && !p.sending {
		panic("bug")
	}
	return p.ClientStream.RecvMsg(m)
}

func (p *panickyStream) SendMsg(m any) error {
	if p.sent.Add(1) == 2 && p.sending {
		panic("bug")
	}
	return p.ClientStream.SendMsg(m)
}

// A panic after the answer has begun breaks it off; one in the goroutine that sends a stream ends only that stream.
func TestPanicInStream(t *testing.T) {
	for _, major := range []int{1, 2} {
		front := serve(t, &panickyStream{}, major)
		d := front.duplex(t, "\"1\"\n\"2\"\n")
		d.hear(`{"result":{"id":"1"}}` + "\n")
		if rest, err := io.ReadAll(d.in); err == nil {
			t.Errorf("the answer looks complete: %q", rest)
		}
		front = serve(t, &panickyStream{sending: true}, major)
		d = front.duplex(t, "\"1\"\n")
		d.hear(`{"result":{"id":"1"}}` + "\n")
		d.say("\"2\"\n")
		if last, _ := d.in.ReadString('\n'); !strings.Contains(last, "INTERNAL_ERROR") {
			t.Errorf("last record is %q", last)
		}
		if !strings.Contains(front.log.String(), "panic in the gateway") {
			t.Error("not logged")
		}
	}
}

// A detail of a type that this program doesn't know is left out, and the rest of the error told.
func TestUnknownDetail(t *testing.T) {
	st := apierror.New(apiv1.ErrorReason_RESOURCE_NOT_FOUND, "no such order").Proto()
	st.Details = append(st.Details, &anypb.Any{TypeUrl: "type.googleapis.com/example.Unknown", Value: []byte{1}})
	f := &fake{
		get: func(context.Context, *wrapperspb.StringValue) (*v1.Order, error) { return nil, status.ErrorProto(st) },
		search: func(_ *wrapperspb.StringValue, s grpc.ServerStreamingServer[v1.Order]) error {
			return errors.Join(s.Send(&v1.Order{Id: "1"}), status.ErrorProto(st))
		},
	}
	everyWay(t, f, func(t *testing.T, front *front) {
		failed(t, front.ask(t, "GET", "/v1/orders/1", ""), 404, "RESOURCE_NOT_FOUND")
		a := front.ask(t, "GET", "/v1/orders:search", "")
		_, last, _ := strings.Cut(a.body, "\n")
		parseFailure(t, strings.TrimSuffix(strings.TrimPrefix(last, `{"error":`), "}\n"), "RESOURCE_NOT_FOUND")
	})
}

func TestAccessLog(t *testing.T) {
	f := &fake{get: func(_ context.Context, in *wrapperspb.StringValue) (*v1.Order, error) {
		if in.GetValue() == "bad" {
			return nil, status.Error(codes.Internal, "broken")
		}
		return &v1.Order{Id: "1"}, nil
	}}
	front := serve(t, inProcess(t, f), 2)
	line := func(path string) map[string]any {
		t.Helper()
		a := front.ask(t, "GET", path, "", "Authorization", "Bearer secret", "Grpc-Metadata-Colour", "secret")
		var found map[string]any
		until(t, "the line", func() bool {
			for text := range strings.Lines(front.log.String()) {
				var entry map[string]any
				if json.Unmarshal([]byte(text), &entry) == nil && entry["msg"] == "http request" && entry["request_id"] == a.Header.Get("X-Request-Id") {
					found = entry
				}
			}
			return found != nil
		})
		return found
	}
	entry := line("/v1/orders/1")
	if entry["route"] != "/v1/orders/{value}" || entry["method"] != "GET" || entry["status"] != 200.0 || entry["bytes"] != 11.0 || entry["duration"] == nil || entry["level"] != "DEBUG" {
		t.Errorf("%v", entry)
	}
	if entry = line("/v1/nothing?token=secret"); entry["path"] != "/v1/nothing" || entry["status"] != 404.0 || entry["level"] != "INFO" {
		t.Errorf("%v", entry)
	}
	if entry = line("/v1/orders/bad"); entry["status"] != 500.0 || entry["level"] != "WARN" {
		t.Errorf("%v", entry)
	}
	if strings.Contains(front.log.String(), "secret") {
		t.Errorf("secrets in the log: %s", front.log)
	}
}

// The server's own limits: headers that don't come, and plaintext.
func TestNewServer(t *testing.T) {
	handler, err := gateway.New(gateway.Options{Conn: inProcess(t, &fake{})})
	if err != nil {
		t.Fatal(err)
	}
	server := gateway.NewServer(handler, nil, nil)
	if server.ReadHeaderTimeout <= 0 || server.IdleTimeout <= 0 || server.MaxHeaderBytes <= 0 {
		t.Error("a limit is missing")
	}
	server.ReadHeaderTimeout = 100 * time.Millisecond
	listener := listen(t)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	defer func() { _ = server.Close(); <-done }()

	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\n")
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection is not closed: %v", err)
	}
	for _, major := range []int{1, 2} {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(major == 1)
		protocols.SetUnencryptedHTTP2(major == 2)
		transport := &http.Transport{Protocols: protocols}
		response, err := (&http.Client{Transport: transport}).Get("http://" + listener.Addr().String() + "/v1/orders/1")
		if err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != 200 || response.ProtoMajor != major {
			t.Errorf("%d over %s", response.StatusCode, response.Proto)
		}
		_ = response.Body.Close()
		transport.CloseIdleConnections()
	}
}
