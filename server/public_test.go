package server_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gen/ecommerce"
	"ordermanagement/gen/helloworld"
	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/auth"
	"ordermanagement/server"
)

// known calls a method that takes a credential, which whatever strangers do must not hinder.
func (r *rig) known(t *testing.T) {
	t.Helper()
	_, err := ecommerce.NewOrderManagementClient(r.network).GetOrder(r.as(t.Context()), wrapperspb.String("none"))
	if status.Code(err) != codes.NotFound {
		t.Errorf("a caller that is known gets %v", err)
	}
}

// Who has no credential can't have the memory of many messages that never arrive.
func TestHalfMessagesOfStrangers(t *testing.T) {
	r := start(t, nil)
	open := func(method string) (refused int) {
		for range 100 {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			t.Cleanup(cancel)
			stream, err := r.network.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, method)
			if err == nil {
				got := make(chan error, 1)
				go func() { got <- stream.RecvMsg(&helloworld.HelloReply{}) }()
				select {
				case err = <-got: // refused at once
				case <-time.After(10 * time.Millisecond):
				}
			}
			if err != nil {
				wantReason(t, err, codes.ResourceExhausted, apiv1.ErrorReason_RATE_LIMITED)
				refused++
			}
		}
		return refused
	}
	if refused := open(helloworld.Greeter_SayHello_FullMethodName); refused != 100-32 {
		t.Errorf("%d of 100 are refused", refused)
	}
	if refused := open("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"); refused != 100 {
		t.Errorf("%d of 100 streams more are refused", refused)
	}
	r.known(t)
}

func TestFloodOfStrangers(t *testing.T) {
	r := start(t, nil)
	taken := 0
	began := time.Now()
	for range 2000 {
		_, err := helloworld.NewGreeterClient(r.network).SayHello(t.Context(), &helloworld.HelloRequest{})
		if err == nil {
			taken++
			continue
		}
		wantReason(t, err, codes.ResourceExhausted, apiv1.ErrorReason_RATE_LIMITED)
	}
	if most := 250 + int(25*time.Since(began).Seconds()) + 1; taken > most || taken < 250 {
		t.Errorf("%d are taken in %v", taken, time.Since(began))
	}
	r.known(t)
}

// changing is who calls, as far as anybody knows now.
type changing struct {
	mu     sync.Mutex
	caller auth.Caller
	err    error
	asked  bool
}

func (c *changing) set(caller auth.Caller, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.caller, c.err, c.asked = caller, err, false
}

func (c *changing) wasAsked() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked
}

func (c *changing) Authenticate(context.Context, auth.Credentials) (auth.Caller, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = true
	return c.caller, c.err
}

func (c *changing) Challenges(*auth.Refusal) []string { return nil }

// A stream ends with its caller's credential: when its next message comes.
func TestStreamOutlivesNoCredential(t *testing.T) {
	for name, now := range map[string]struct {
		answer auth.Caller
		err    error
		code   codes.Code
	}{
		"taken away":     {err: auth.Refuse(auth.KindToken, auth.Unknown, "taken away"), code: codes.Unauthenticated},
		"expired":        {err: auth.Refuse(auth.KindJWT, auth.Expired, "a second ago"), code: codes.Unauthenticated},
		"somebody else":  {answer: auth.Caller{Subject: "token:b", Tenant: "t", Scopes: auth.AllScopes()}, code: codes.Unauthenticated},
		"another tenant": {answer: auth.Caller{Subject: "token:a", Tenant: "u", Scopes: auth.AllScopes()}, code: codes.Unauthenticated},
		"less scopes":    {answer: auth.Caller{Subject: "token:a", Tenant: "t", Scopes: []string{"orders.read"}}, code: codes.PermissionDenied},
		"not to be told": {err: auth.Refuse(auth.KindIntrospect, auth.Unavailable, "no answer"), code: codes.OK},
		"still let in":   {answer: auth.Caller{Subject: "token:a", Tenant: "t", Scopes: auth.AllScopes()}, code: codes.OK},
		"broken inside":  {err: errors.New("broken"), code: codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			who := &changing{caller: auth.Caller{Subject: "token:a", Tenant: "t", Scopes: auth.AllScopes()}}
			r := start(t, func(o *server.Options) { o.Authenticator, o.Limits.RecheckInterval = who, time.Nanosecond })
			for where, conn := range r.conns() {
				who.set(auth.Caller{Subject: "token:a", Tenant: "t", Scopes: auth.AllScopes()}, nil)
				stream, err := ecommerce.NewOrderManagementClient(conn).ProcessOrders(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for end := time.Now().Add(10 * time.Second); !who.wasAsked(); time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatal("the stream has not begun")
					}
				}
				who.set(now.answer, now.err)
				sent := stream.Send(wrapperspb.String("none"))
				if now.code == codes.OK {
					_ = stream.CloseSend()
					if _, err := stream.Recv(); status.Code(err) != codes.NotFound { // there is no such order
						t.Errorf("%s: %v", where, err)
					}
					continue
				}
				if _, err := stream.Recv(); status.Code(err) != now.code {
					t.Errorf("%s: got %v, sent %v", where, err, sent)
				}
			}
		})
	}
}

// Idle streams of one tenant, whoever of it opens them, don't take all places of a gateway.
func TestStreamsOfOneTenant(t *testing.T) {
	who := &changing{}
	r := start(t, func(o *server.Options) { o.Authenticator = who })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var kept []grpc.ClientStream // those in process end when nobody has them any more
	defer func() { runtime.KeepAlive(kept) }()
	open := func(tenant, subject string, n int) {
		t.Helper()
		who.set(auth.Caller{Subject: subject, Tenant: tenant, Scopes: auth.AllScopes()}, nil)
		for i := range n {
			stream, err := ecommerce.NewOrderManagementClient(r.server.Conn()).ProcessOrders(ctx)
			if err != nil {
				t.Fatal(err)
			}
			kept = append(kept, stream)
			if i < n-1 {
				if _, err := stream.Header(); err != nil { // it is open
					t.Fatalf("stream %d: %v", i, err)
				}
				continue
			}
			_, err = stream.Recv()
			wantReason(t, err, codes.ResourceExhausted, apiv1.ErrorReason_RATE_LIMITED)
		}
	}
	open("t", "token:a", 256+1)
	open("t", "token:b", 256+1) // the tenant has 512 then, too
	open("t", "token:c", 1)
	who.set(auth.Caller{Subject: "token:a", Tenant: "u", Scopes: auth.AllScopes()}, nil)
	stream, err := ecommerce.NewOrderManagementClient(r.server.Conn()).ProcessOrders(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(wrapperspb.String("none"))
	_ = stream.CloseSend()
	if _, err := stream.Recv(); status.Code(err) != codes.NotFound {
		t.Errorf("another tenant: %v", err)
	}
}

// Watching health lasts, and is for strangers too, but not for any number of them.
func TestWatchesOfStrangers(t *testing.T) {
	r := start(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	watching := 0
	for range 250 { // of one connection, and of the pace
		stream, err := healthpb.NewHealthClient(r.network).Watch(ctx, &healthpb.HealthCheckRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		if err == nil {
			watching++
		}
	}
	if watching != 250 {
		t.Errorf("%d watch", watching)
	}
	r.known(t)
}
