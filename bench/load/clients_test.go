package load

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

var errWrong = errors.New("wrong answer")

// expect makes a check that an answer is this one.
func expect(want string) func([]byte) error {
	return func(got []byte) error {
		if string(got) != want {
			return errors.Join(errWrong, errors.New(string(got)))
		}
		return nil
	}
}

// testTLS is the configuration of httptest's servers, and that of their clients.
func testTLS(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	client = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	client.ServerName = "example.com"
	return &tls.Config{Certificates: s.TLS.Certificates}, client
}

func TestHTTP(t *testing.T) {
	connections := make(map[string]bool)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.ProtoMajor != 1 {
			t.Errorf("%s, %v", r.Proto, err)
		}
		connections[r.RemoteAddr] = true
		if r.URL.Path == "/teapot" {
			w.WriteHeader(http.StatusTeapot)
		}
		io.WriteString(w, r.Method+" "+r.Header.Get("Authorization")+" "+string(body))
	}))
	server.EnableHTTP2 = true
	config, clientConfig := testTLS(t)
	server.TLS = config
	server.StartTLS()
	defer server.Close()
	client := NewHTTP(server.Listener.Addr().String(), clientConfig, 1)
	defer client.Close()

	header := map[string]string{"Authorization": "Bearer x"}
	bodies := []string{"a", "bc"}
	post := client.Call(Request{
		Method: http.MethodPost, Path: "/", Header: header,
		Body:  func() []byte { next := bodies[0]; bodies = bodies[1:]; return []byte(next) },
		Check: expect("POST Bearer x a"),
	})
	if err := post(t.Context()); err != nil {
		t.Error(err)
	}
	if err := post(t.Context()); !errors.Is(err, errWrong) {
		t.Errorf("the second body is another: %v", err)
	}
	if err := client.Call(Request{Method: http.MethodGet, Path: "/", Check: expect("GET  ")})(t.Context()); err != nil {
		t.Error(err)
	}
	if err := client.Call(Request{Method: http.MethodGet, Path: "/teapot", Check: expect("GET  ")})(t.Context()); !errors.Is(err, ErrStatus) {
		t.Errorf("status 418: %v", err)
	}
	if len(connections) != 1 {
		t.Errorf("%d connections for one client", len(connections))
	}
}

// echo answers every call with its authorization and what it was sent.
func echo(_ any, stream grpc.ServerStream) error {
	var message []byte
	if err := stream.RecvMsg(&message); err != nil {
		return err
	}
	if string(message) == "fail" {
		return status.Error(codes.NotFound, "no")
	}
	incoming, _ := metadata.FromIncomingContext(stream.Context())
	for _, authorization := range incoming.Get("authorization") {
		message = append(message, authorization...)
	}
	return stream.SendMsg(&message)
}

func TestGRPC(t *testing.T) {
	config, clientConfig := testTLS(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewTLS(config)), grpc.ForceServerCodecV2(bytesCodec{}), grpc.UnknownServiceHandler(echo))
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	client, err := NewGRPC(listener.Addr().String(), clientConfig, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	body := func(text string) func() []byte { return func() []byte { return []byte(text) } }
	texts, text := []string{"long", "b", "longer"}, ""
	varied := client.Call(0, Message{
		Method: "/test.Echo/Echo",
		Body:   func() []byte { text, texts = texts[0], texts[1:]; return []byte(text) },
		Check:  func(got []byte) error { return expect(text)(got) },
	})
	for len(texts) > 0 { // each answer is read into the memory of the one before
		if err := varied(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for number, test := range []struct {
		message Message
		want    func(error) bool
	}{
		{Message{Authorization: "Bearer x", Body: body("a"), Check: expect("aBearer x")}, func(err error) bool { return err == nil }},
		{Message{Body: body("bc"), Check: expect("bc")}, func(err error) bool { return err == nil }},
		{Message{Body: body("bc"), Check: expect("b")}, func(err error) bool { return errors.Is(err, errWrong) }},
		{Message{Body: body("fail"), Check: expect("")}, func(err error) bool { return status.Code(err) == codes.NotFound }},
	} {
		test.message.Method = "/test.Echo/Echo"
		call := client.Call(number, test.message)
		if err := call(t.Context()); !test.want(err) {
			t.Errorf("call %d: %v", number, err)
		}
	}
}
