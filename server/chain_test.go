package server_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gen/helloworld"
	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	pbv1 "ordermanagement/gen/ordermanagement/v1"
	pbv2 "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/auth"
	"ordermanagement/server"
)

// wantReason checks the code and the reason of an error.
func wantReason(t *testing.T, err error, code codes.Code, reason apiv1.ErrorReason) {
	t.Helper()
	st := status.Convert(err)
	if got, _ := apierror.Reason(st); st.Code() != code || got != reason {
		t.Errorf("got %v %v (%v), want %v %v", st.Code(), got, err, code, reason)
	}
}

// rawCodec sends a request that can't be decoded: a string field that is not UTF-8.
type rawCodec struct{}

func (rawCodec) Marshal(any) ([]byte, error) { return []byte{0x0a, 0x01, 0xff}, nil }
func (rawCodec) Unmarshal([]byte, any) error { return nil }
func (rawCodec) Name() string                { return "proto" }

func TestCallerIsKnownBeforeTheRequestIsDecoded(t *testing.T) {
	r := start(t, nil)
	for name, test := range map[string]struct {
		authorization string
		code          codes.Code
		reason        apiv1.ErrorReason
	}{
		"without a credential": {"", codes.Unauthenticated, apiv1.ErrorReason_CREDENTIALS_MISSING},
		"with a wrong one":     {"Bearer wrong", codes.Unauthenticated, apiv1.ErrorReason_CREDENTIALS_INVALID},
		"without the scope":    {"Bearer reader-secret", codes.PermissionDenied, apiv1.ErrorReason_SCOPE_MISSING},
		"with the right one":   {"Bearer " + r.token, codes.InvalidArgument, apiv1.ErrorReason_MALFORMED_REQUEST},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if test.authorization != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "authorization", test.authorization)
			}
			var header metadata.MD
			err := r.network.Invoke(ctx, pbv2.OrderService_ConfirmOrder_FullMethodName, &pbv2.ConfirmOrderRequest{}, &pbv2.Order{},
				grpc.ForceCodec(rawCodec{}), grpc.Header(&header))
			wantReason(t, err, test.code, test.reason)
			refused := test.code == codes.Unauthenticated || test.code == codes.PermissionDenied
			if challenged := len(header.Get("www-authenticate")) == 1; challenged != refused {
				t.Errorf("challenges: %v", header.Get("www-authenticate"))
			}
			if len(header.Get("x-request-id")) != 1 {
				t.Errorf("request ids: %v", header.Get("x-request-id"))
			}
		})
	}
}

func TestStreamsAreGuardedLikeUnaryCalls(t *testing.T) {
	r := start(t, nil)
	for name, conn := range r.conns() {
		t.Run(name, func(t *testing.T) {
			client := pbv1.NewOrderManagementClient(conn)
			search, err := client.SearchOrders(t.Context(), wrapperspb.String("x"))
			if err != nil {
				t.Fatal(err)
			}
			_, err = search.Recv()
			wantReason(t, err, codes.Unauthenticated, apiv1.ErrorReason_CREDENTIALS_MISSING)

			reader := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer reader-secret")
			process, err := client.ProcessOrders(reader)
			if err != nil {
				t.Fatal(err)
			}
			_, err = process.Recv()
			wantReason(t, err, codes.PermissionDenied, apiv1.ErrorReason_SCOPE_MISSING)

			update, err := client.UpdateOrders(reader)
			if err != nil {
				t.Fatal(err)
			}
			_, err = update.CloseAndRecv()
			wantReason(t, err, codes.PermissionDenied, apiv1.ErrorReason_SCOPE_MISSING)
		})
	}
}

func TestPublicMethodTakesNoCredentialButNoWrongOne(t *testing.T) {
	r := start(t, nil)
	for name, conn := range r.conns() {
		t.Run(name, func(t *testing.T) {
			client := helloworld.NewGreeterClient(conn)
			reply, err := client.SayHello(t.Context(), &helloworld.HelloRequest{Name: "Ada"})
			if err != nil || reply.GetMessage() != "Hello Ada" {
				t.Errorf("got %v, %v", reply, err)
			}
			_, err = client.SayHello(metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer wrong"), &helloworld.HelloRequest{})
			wantReason(t, err, codes.Unauthenticated, apiv1.ErrorReason_CREDENTIALS_INVALID)
		})
	}
}

// panicking panics where the chain calls it, with something that must not leave the process.
type panicking struct{ auth.Anonymous }

func (panicking) Authenticate(context.Context, auth.Credentials) (auth.Caller, error) {
	panic("secret of the inside")
}

// failing fails with something that must not leave the process.
type failing struct{ auth.Anonymous }

func (failing) Authenticate(context.Context, auth.Credentials) (auth.Caller, error) {
	return auth.Caller{}, errors.New("secret of the inside")
}

func TestFaultsStayInside(t *testing.T) {
	for name, authenticator := range map[string]auth.Authenticator{"panic": panicking{}, "error": failing{}} {
		t.Run(name, func(t *testing.T) {
			r := start(t, func(o *server.Options) { o.Authenticator = authenticator })
			for way, conn := range r.conns() {
				_, err := pbv2.NewOrderServiceClient(conn).GetOrder(t.Context(), &pbv2.GetOrderRequest{Name: "orders/1"})
				wantReason(t, err, codes.Internal, apiv1.ErrorReason_INTERNAL_ERROR)
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("%s: the answer says %v", way, err)
				}
			}
			if !strings.Contains(r.log.String(), "secret of the inside") {
				t.Error("the log does not say what went wrong")
			}
		})
	}
}

func TestLogHoldsNoCredentialAndNoBody(t *testing.T) {
	r := start(t, nil)
	order := &pbv2.Order{CurrencyCode: "USD", Description: "confidential text"}
	if _, err := pbv2.NewOrderServiceClient(r.network).CreateOrder(r.as(t.Context()), &pbv2.CreateOrderRequest{Order: order}); err != nil {
		t.Fatal(err)
	}
	text := r.log.String()
	for _, want := range []string{`"method":"/ordermanagement.v2.OrderService/CreateOrder"`, `"caller":"token:writer"`, `"code":"OK"`, `"request_id":"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %s:\n%s", want, text)
		}
	}
	for _, never := range []string{r.token, "confidential"} {
		if strings.Contains(text, never) {
			t.Errorf("the log holds %q", never)
		}
	}
}

func TestUnknownMethod(t *testing.T) {
	r := start(t, nil)
	for _, method := range []string{"/ordermanagement.v2.OrderService/Nothing", "/nothing.Nowhere/Nothing"} {
		err := r.network.Invoke(t.Context(), method, &pbv2.GetOrderRequest{}, &pbv2.Order{})
		wantReason(t, err, codes.Unimplemented, apiv1.ErrorReason_METHOD_UNKNOWN)
	}
}

func TestMessageOverTheLimit(t *testing.T) {
	r := start(t, func(o *server.Options) { o.Limits.MessageBytes = 1 << 10 })
	for name, conn := range r.conns() {
		t.Run(name, func(t *testing.T) {
			order := &pbv2.Order{CurrencyCode: "USD", Description: strings.Repeat("x", 2<<10)}
			_, err := pbv2.NewOrderServiceClient(conn).CreateOrder(r.as(t.Context()), &pbv2.CreateOrderRequest{Order: order})
			if name == "network" { // grpc-go refuses it by itself, before anything of ours
				wantReason(t, err, codes.ResourceExhausted, 0)
				return
			}
			wantReason(t, err, codes.ResourceExhausted, apiv1.ErrorReason_REQUEST_TOO_LARGE)
		})
	}
}

func TestRequestID(t *testing.T) {
	r := start(t, nil)
	for name, test := range map[string]struct {
		sent []string
		kept bool
	}{
		"a caller's own":       {[]string{"abc-1.2_3"}, true},
		"none":                 {nil, false},
		"two":                  {[]string{"a", "b"}, false},
		"one that breaks logs": {[]string{`a" injected="`}, false},
		"an endless one":       {[]string{strings.Repeat("x", 129)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			for _, id := range test.sent {
				ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", id)
			}
			var header metadata.MD
			if _, err := helloworld.NewGreeterClient(r.network).SayHello(ctx, &helloworld.HelloRequest{}, grpc.Header(&header)); err != nil {
				t.Fatal(err)
			}
			got := header.Get("x-request-id")
			if len(got) != 1 || (len(test.sent) > 0 && got[0] == test.sent[0]) != test.kept {
				t.Errorf("sent %q, got %q", test.sent, got)
			}
		})
	}
}

// What Admit refuses is refused as the call itself would be, headers and all; what it admits is left to the call.
func TestAdmit(t *testing.T) {
	r := start(t, nil)
	const confirm = pbv2.OrderService_ConfirmOrder_FullMethodName
	for name, test := range map[string]struct {
		method, authorization string
		code                  codes.Code
		reason                apiv1.ErrorReason
	}{
		"admitted":       {confirm, "Bearer " + r.token, codes.OK, 0},
		"no credential":  {confirm, "", codes.Unauthenticated, apiv1.ErrorReason_CREDENTIALS_MISSING},
		"wrong":          {confirm, "Bearer wrong", codes.Unauthenticated, apiv1.ErrorReason_CREDENTIALS_INVALID},
		"no scope":       {confirm, "Bearer reader-secret", codes.PermissionDenied, apiv1.ErrorReason_SCOPE_MISSING},
		"public":         {helloworld.Greeter_SayHello_FullMethodName, "", codes.OK, 0},
		"unknown method": {"/nothing.Nowhere/Nothing", "", codes.OK, 0},
	} {
		t.Run(name, func(t *testing.T) {
			md := metadata.Pairs("x-request-id", "id-1")
			if test.authorization != "" {
				md.Set("authorization", test.authorization)
			}
			header, err := r.server.Admit(t.Context(), test.method, md)
			wantReason(t, err, test.code, test.reason)
			if test.code == codes.Unauthenticated && (len(header.Get("www-authenticate")) != 1 || header.Get("x-request-id")[0] != "id-1") {
				t.Errorf("headers are %v", header)
			}
		})
	}
	if got := strings.Count(r.log.String(), `"msg":"call"`); got != 3 {
		t.Errorf("the log has %d calls, want the 3 that were refused", got)
	}
}
