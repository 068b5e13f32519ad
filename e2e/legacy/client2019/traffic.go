package main

import (
	"context"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"
)

// counts are what interceptors and a stats handler saw of a step.
type counts struct {
	Calls       int `json:"calls"`    // as the interceptors saw them
	Sent        int `json:"sent"`     // messages, as the interceptors saw them
	Received    int `json:"received"` // messages, as the interceptors saw them
	Bytes       int `json:"bytes"`    // of the messages received
	WireBytes   int `json:"wireBytes"`
	Connections int `json:"connections"` // made since the client started
}

// traffic counts what goes over the connection, with a client's interceptors for both kinds of calls.
type traffic struct {
	mu     sync.Mutex
	counts counts
}

func (t *traffic) options() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithUnaryInterceptor(t.unary),
		grpc.WithStreamInterceptor(t.stream),
		grpc.WithStatsHandler(t),
	}
}

func (t *traffic) add(change func(*counts)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.counts)
}

func (t *traffic) reset() { t.add(func(c *counts) { *c = counts{Connections: c.Connections} }) }

func (t *traffic) seen() (seen counts) {
	t.add(func(c *counts) { seen = *c })
	return seen
}

func (t *traffic) unary(ctx context.Context, method string, request, reply interface{}, connection *grpc.ClientConn,
	invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	t.add(func(c *counts) { c.Calls++; c.Sent++ })
	err := invoke(ctx, method, request, reply, connection, options...)
	if err == nil {
		t.add(func(c *counts) { c.Received++ })
	}
	return err
}

func (t *traffic) stream(ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string,
	open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	t.add(func(c *counts) { c.Calls++ })
	stream, err := open(ctx, description, connection, method, options...)
	if err != nil {
		return nil, err
	}
	return &countedStream{stream, t}, nil
}

type countedStream struct {
	grpc.ClientStream
	traffic *traffic
}

func (s *countedStream) SendMsg(message interface{}) error {
	err := s.ClientStream.SendMsg(message)
	if err == nil {
		s.traffic.add(func(c *counts) { c.Sent++ })
	}
	return err
}

func (s *countedStream) RecvMsg(message interface{}) error {
	err := s.ClientStream.RecvMsg(message)
	if err == nil {
		s.traffic.add(func(c *counts) { c.Received++ })
	}
	return err
}

func (t *traffic) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (t *traffic) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

func (t *traffic) HandleRPC(_ context.Context, event stats.RPCStats) {
	if payload, ok := event.(*stats.InPayload); ok {
		t.add(func(c *counts) { c.Bytes += payload.Length; c.WireBytes += payload.WireLength })
	}
}

func (t *traffic) HandleConn(_ context.Context, event stats.ConnStats) {
	if _, ok := event.(*stats.ConnBegin); ok {
		t.add(func(c *counts) { c.Connections++ })
	}
}
