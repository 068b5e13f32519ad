// Package rpc is what the translations of every version share: the caller of a call, what a write says beside its
// message, and the status of an error of the domain.
package rpc

import (
	"context"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/order"
)

type callerKey struct{}

// WithCaller makes the caller known to the handlers.
func WithCaller(ctx context.Context, caller auth.Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}

// Actor is the caller as the domain knows it. Where nobody is known, as in a public method, it sees no tenant.
func Actor(ctx context.Context) order.Actor {
	caller, _ := ctx.Value(callerKey{}).(auth.Caller)
	return order.Actor{Tenant: caller.Tenant, Subject: caller.Subject}
}
