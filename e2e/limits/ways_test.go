package limits

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/client"
	"ordermanagement/e2e/process"
	"ordermanagement/gen/helloworld"
	pbv1 "ordermanagement/gen/ordermanagement/v1"
	pbv2 "ordermanagement/gen/ordermanagement/v2"
)

const patience = 30 * time.Second

// answer is what a caller gets, over whichever protocol.
type answer struct {
	status *spb.Status // nil when all went well
	header map[string]string
}

// headers are those that are compared.
var headers = []string{"ratelimit-policy", "ratelimit", "retry-after"}

// calls are made over each way; the sequence of their answers must be the same.
const (
	reading   = "reads an order"
	failing   = "reads an order that is not there"
	searching = "reads a stream"
	greeting  = "calls a public method without a credential"
)

// way calls from a loopback address, each of which is a network of its own.
type way func(t *testing.T, call, from string) answer

// overGRPC calls a server.
func overGRPC(s *process.Service) way {
	return func(t *testing.T, call, from string) answer {
		t.Helper()
		options := []client.Option{client.TLS(s.TLS(t)), client.Dial(grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return dialer(from).DialContext(ctx, "tcp", address)
		}))}
		if call != greeting {
			options = append(options, client.Token(s.Token(t)))
		}
		conn, err := client.New(s.GRPC, options...)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var md metadata.MD
		switch call {
		case greeting:
			_, err = helloworld.NewGreeterClient(conn).SayHello(ctx, &helloworld.HelloRequest{Name: "x"}, grpc.Header(&md))
		case searching:
			var stream grpc.ServerStreamingClient[pbv1.Order]
			if stream, err = pbv1.NewOrderManagementClient(conn).SearchOrders(ctx, wrapperspb.String("Google")); err == nil {
				md, _ = stream.Header()
				for err == nil {
					_, err = stream.Recv()
				}
			}
			if errors.Is(err, io.EOF) {
				err = nil
			}
		default:
			_, err = pbv2.NewOrderServiceClient(conn).GetOrder(ctx, &pbv2.GetOrderRequest{Name: orderOf(call)}, grpc.Header(&md))
		}
		a := answer{header: map[string]string{}}
		for _, name := range headers {
			a.header[name] = strings.Join(md.Get(name), " | ")
		}
		if err != nil {
			a.status = status.Convert(err).Proto()
		}
		return a
	}
}

// overHTTP calls a gateway in front of a server, whose token it takes, or a process that is both.
func overHTTP(gateway, server *process.Service) way {
	return func(t *testing.T, call, from string) answer {
		t.Helper()
		transport := &http.Transport{TLSClientConfig: gateway.TLS(t), DialContext: dialer(from).DialContext, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		path := "/v2/" + orderOf(call)
		switch call {
		case greeting:
			path = "/v1/hello/x"
		case searching:
			path = "/v1/orders:search?value=Google"
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, gateway.URL(path), nil)
		if err != nil {
			t.Fatal(err)
		}
		if call != greeting {
			request.Header.Set("Authorization", "Bearer "+server.Token(t))
		}
		response, err := (&http.Client{Transport: transport, Timeout: patience}).Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		a := answer{header: map[string]string{}}
		for _, name := range headers {
			a.header[name] = strings.Join(response.Header.Values(name), " | ")
		}
		if response.StatusCode != http.StatusOK {
			a.status = &spb.Status{}
			if err := protojson.Unmarshal(text, a.status); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			if want := map[int32]int{5: http.StatusNotFound, 8: http.StatusTooManyRequests}[a.status.GetCode()]; response.StatusCode != want {
				t.Errorf("%s: %s, want %d", call, response.Status, want)
			}
		}
		return a
	}
}

func orderOf(call string) string {
	if call == failing {
		return "orders/none"
	}
	return "orders/102"
}

func dialer(from string) *net.Dialer {
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: patience}
}

// String is the answer as text, without the time that has passed in it: every number of seconds is as good as another.
func (a answer) String() string {
	plain := answer{header: map[string]string{}}
	for name, value := range a.header {
		switch {
		case name == "retry-after" && value != "":
			value = "SECONDS"
		case name == "ratelimit":
			value, _, _ = strings.Cut(value, ";t=")
		}
		plain.header[name] = value
	}
	var details any
	if a.status != nil {
		text, err := protojson.Marshal(a.status)
		if err != nil {
			return err.Error()
		}
		var decoded map[string]any
		if err := json.Unmarshal(text, &decoded); err != nil {
			return err.Error()
		}
		for _, detail := range decoded["details"].([]any) {
			if d := detail.(map[string]any); d["retryDelay"] != nil {
				d["retryDelay"] = "SECONDS"
			}
		}
		details = decoded
	}
	text, err := json.Marshal([]any{plain.header, details})
	if err != nil {
		return err.Error()
	}
	return string(text)
}
