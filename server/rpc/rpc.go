// Package rpc is what the translations of every version share: the caller of a call, what a write says beside its
// message, and the status of an error of the domain.
package rpc

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/order"
)

// Call is what the chain and the handler of one call share.
type Call struct {
	Caller auth.Caller

	unary  bool
	header metadata.MD // of a unary call, to be sent with its answer
}

type callKey struct{}

// Begin makes a call known to all that get the context.
func (c *Call) Begin(ctx context.Context, unary bool) context.Context {
	c.unary = unary
	return context.WithValue(ctx, callKey{}, c)
}

// SetHeader adds header metadata to the answer. Keys are in lower case.
func SetHeader(ctx context.Context, key, value string) {
	c, ok := ctx.Value(callKey{}).(*Call)
	if !ok || !c.unary {
		_ = grpc.SetHeader(ctx, metadata.MD{key: {value}}) // fails only when the header is sent already
		return
	}
	if c.header == nil {
		c.header = metadata.MD{}
	}
	c.header[key] = append(c.header[key], value)
}

// SendHeader hands over what SetHeader has collected since the last time: a unary call's header costs less when it is set at once.
func (c *Call) SendHeader(ctx context.Context) {
	if c.header != nil {
		_ = grpc.SetHeader(ctx, c.header) // fails only when the call is over already
		c.header = nil
	}
}

// Actor is the caller as the domain knows it. Where nobody is known, as in a public method, it sees no tenant.
func Actor(ctx context.Context) order.Actor {
	c, ok := ctx.Value(callKey{}).(*Call)
	if !ok {
		return order.Actor{}
	}
	return order.Actor{Tenant: c.Caller.Tenant, Subject: c.Caller.Subject}
}
