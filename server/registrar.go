package server

import (
	"context"
	"errors"
	"io"
	"sync"

	"google.golang.org/grpc"
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
	maxBytes  int             // of a message; the network server has checked it already
	running   *sync.WaitGroup // handlers, so that shutdown can wait for those of the in-process connection
	err       error           // the first service that can't be registered
}

// RegisterService implements grpc.ServiceRegistrar.
func (r *registrar) RegisterService(desc *grpc.ServiceDesc, implementation any) {
	wrapped := *desc
	wrapped.Methods = make([]grpc.MethodDesc, len(desc.Methods))
	for i, md := range desc.Methods {
		m := r.method(desc.ServiceName, md.MethodName, "unary")
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
	return m
}

func (r *registrar) unary(m *method, handler grpc.MethodHandler) grpc.MethodHandler {
	return func(implementation any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		r.running.Add(1)
		defer r.running.Done()
		var response any
		err := r.chain.run(ctx, &call{method: m, inProcess: r.inProcess}, func(ctx context.Context) error {
			var err error
			response, err = handler(implementation, ctx, func(message any) error {
				if err := decode(message); err != nil {
					return malformed(err)
				}
				return r.admit(message)
			}, nil)
			return err
		})
		if err != nil {
			return nil, err
		}
		return response, nil
	}
}

func (r *registrar) stream(m *method, handler grpc.StreamHandler) grpc.StreamHandler {
	return func(implementation any, stream grpc.ServerStream) error {
		r.running.Add(1)
		defer r.running.Done()
		return r.chain.run(stream.Context(), &call{method: m, inProcess: r.inProcess}, func(ctx context.Context) error {
			return handler(implementation, &checkedStream{ServerStream: stream, ctx: ctx, registrar: r})
		})
	}
}

// checkedStream checks every message that is received.
type checkedStream struct {
	grpc.ServerStream
	ctx       context.Context
	registrar *registrar
}

func (s *checkedStream) Context() context.Context { return s.ctx }

func (s *checkedStream) RecvMsg(message any) error {
	err := s.ServerStream.RecvMsg(message)
	switch {
	case err == nil:
		return s.registrar.admit(message)
	case errors.Is(err, io.EOF):
		return io.EOF
	case s.ctx.Err() != nil:
		return s.ctx.Err()
	default:
		return malformed(err)
	}
}

// admit checks the size and the field rules of a message that was received.
func (r *registrar) admit(message any) error {
	m, ok := message.(proto.Message)
	if !ok {
		return errors.New("not a protobuf message")
	}
	if r.inProcess && proto.Size(m) > r.maxBytes {
		return apierror.Newf(apiv1.ErrorReason_REQUEST_TOO_LARGE, "the message is larger than %d bytes; split it", r.maxBytes).Err()
	}
	return r.check(m)
}
