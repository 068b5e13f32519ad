package server

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// registrar puts the chain around every method that is registered through it, on the network server and on the
// in-process one alike. grpc-go decodes a unary request before its interceptors run; wrapping the handlers themselves
// lets the chain know the caller before anything of the request is decoded.
type registrar struct {
	target    grpc.ServiceRegistrar
	chain     chain
	check     func(proto.Message) error // the field rules of the contract
	inProcess bool
	maxBytes  int           // of a message; the network server has checked it already
	strangers *strangers    // bounds what public methods receive
	idle      time.Duration // for the next message of a stream to arrive
	send      time.Duration // for a message of a stream to be taken
	handlers  *inFlight     // so that shutdown can wait for those of the in-process connection
	methods   map[string]*method
	err       error // the first service that can't be registered
}

// RegisterService implements grpc.ServiceRegistrar.
func (r *registrar) RegisterService(desc *grpc.ServiceDesc, implementation any) {
	wrapped := *desc
	wrapped.Methods = make([]grpc.MethodDesc, len(desc.Methods))
	for i, md := range desc.Methods {
		m := r.method(desc.ServiceName, md.MethodName, unaryKind)
		wrapped.Methods[i] = grpc.MethodDesc{MethodName: md.MethodName, Handler: r.unary(m, md.Handler)}
	}
	wrapped.Streams = make([]grpc.StreamDesc, len(desc.Streams))
	for i, sd := range desc.Streams {
		m := r.method(desc.ServiceName, sd.StreamName, streamKind(&sd))
		wrapped.Streams[i] = sd
		wrapped.Streams[i].Handler = r.stream(m, sd.Handler)
	}
	r.target.RegisterService(&wrapped, implementation)
}

func (r *registrar) method(service, name, kind string) *method {
	m, err := newMethod(service, name, kind)
	if err != nil && r.err == nil {
		r.err = err
	}
	r.methods["/"+service+"/"+name] = m
	return m
}

func (r *registrar) unary(m *method, handler grpc.MethodHandler) grpc.MethodHandler {
	return func(implementation any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		r.handlers.enter()
		defer r.handlers.leave()
		var response any
		c := &call{method: m, inProcess: r.inProcess}
		err := r.chain.run(c.Begin(ctx, true), c, func(ctx context.Context) error {
			var err error
			response, err = handler(implementation, ctx, func(message any) error {
				if !r.inProcess {
					c.SendHeader(ctx) // grpc-go answers a message that it can't take itself, here
				}
				return r.receive(m, message, decode)
			}, nil)
			return err
		})
		c.SendHeader(ctx)
		if err != nil {
			return nil, err
		}
		return response, nil
	}
}

func (r *registrar) stream(m *method, handler grpc.StreamHandler) grpc.StreamHandler {
	return func(implementation any, stream grpc.ServerStream) error {
		r.handlers.enter()
		defer r.handlers.leave()
		c := &call{method: m, inProcess: r.inProcess}
		return r.chain.run(c.Begin(stream.Context(), false), c, func(ctx context.Context) error {
			return handler(implementation, &checkedStream{ServerStream: stream, ctx: ctx, registrar: r, call: c})
		})
	}
}

// checkedStream checks every message that is received, and whether the caller may still send and receive any.
type checkedStream struct {
	grpc.ServerStream
	ctx       context.Context
	registrar *registrar
	call      *call
}

func (s *checkedStream) Context() context.Context { return s.ctx }

func (s *checkedStream) RecvMsg(message any) error {
	err := s.registrar.receive(s.call.method, message, func(message any) error {
		return s.inTime(s.registrar.idle, errIdle, func() error { return s.receive(message) })
	})
	if err == nil {
		err = s.call.stillLetIn(s.ctx)
	}
	if err == nil && s.call.allowance != nil && s.call.method.kind != serverStreamKind {
		err = s.call.allowance.wait(s.ctx, s.registrar.idle)
	}
	if err == nil {
		s.call.messages.Received()
	}
	// The end of a stream that was canceled is no half-close: what has come is not all there is.
	return s.orEnd(err)
}

func (s *checkedStream) receive(message any) error {
	if s.call.method.public && !s.registrar.inProcess {
		return s.registrar.strangers.receive(s.ctx, func() error { return s.ServerStream.RecvMsg(message) })
	}
	return s.ServerStream.RecvMsg(message)
}

func (s *checkedStream) SendMsg(message any) error {
	if err := s.call.stillLetIn(s.ctx); err != nil {
		return err
	}
	err := s.inTime(s.registrar.send, errNotTaken, func() error { return s.ServerStream.SendMsg(message) })
	if err == nil {
		s.call.messages.Sent()
	}
	// The in-process connection answers a bare io.EOF when its client is gone.
	return s.orEnd(err)
}

// inTime does what may have to wait for the client. Waiting for the network ends with the stream, and so with the handler
// that gives up here: a client can't keep half a message, or one that it doesn't take, in our memory for as long as it
// likes. Of a unary call tapLimit ends the whole stream; in process the gateway times its own client.
func (s *checkedStream) inTime(limit time.Duration, late error, do func() error) error {
	if s.registrar.inProcess {
		return do()
	}
	ctx, cancel := context.WithTimeoutCause(s.ctx, limit, late)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if cause := recover(); cause != nil { // which contain would not see: it is not its goroutine
				done <- fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
			}
		}()
		done <- do()
	}()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// orEnd prefers why the stream has ended to an error.
func (s *checkedStream) orEnd(err error) error {
	if err != nil && s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	return err
}

var errIdle = apierror.New(apiv1.ErrorReason_STREAM_IDLE, "the next message did not arrive in time; send it sooner, or close the stream").Err()

var errNotTaken = apierror.New(apiv1.ErrorReason_STREAM_IDLE, "the client did not take the answer in time; read it sooner").Err()

// receive decodes a message, and checks its size and the field rules of the contract.
func (r *registrar) receive(method *method, message any, decode func(any) error) error {
	m, ok := message.(proto.Message)
	if !ok {
		return errors.New("not a protobuf message")
	}
	maxBytes := r.maxBytes
	if method.ofGRPC {
		maxBytes = maxBytesOfGRPC
	}
	if r.inProcess {
		if err := decode(m); err != nil {
			return err
		}
		if proto.Size(m) > maxBytes {
			return tooLarge(maxBytes)
		}
		return r.check(m)
	}
	incoming := received{message: m, maxBytes: maxBytes}
	if err := decode(&incoming); err != nil {
		if status.Code(err) == codes.Internal {
			// What grpc-go says of a request that breaks the protocol, e.g. of a second message where one is due.
			return malformedMessage
		}
		return err // of the connection, or the end of the stream
	}
	if incoming.excess != nil {
		return incoming.excess
	}
	if incoming.err != nil {
		return malformedMessage
	}
	return r.check(m)
}

var malformedMessage = apierror.New(apiv1.ErrorReason_MALFORMED_REQUEST, "the message is not valid protobuf for this method; generate the client from the current contract").Err()
