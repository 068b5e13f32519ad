package server

import (
	"context"
	"math"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/crowd"
)

// How many streams may be open at the same time, of one caller and of all callers of one tenant. A gateway has so many
// places for streams that no tenant can take more than half of them: streams may be idle for minutes.
const (
	maxStreamsOfCaller = 256
	maxStreamsOfTenant = 512
)

// boundStreams bounds the streams that are open.
func boundStreams() link {
	callers := crowd.New[callerKey](math.MaxInt64, maxStreamsOfCaller)
	tenants := crowd.New[string](math.MaxInt64, maxStreamsOfTenant)
	return link{name: "bound streams", after: []string{"authenticate"}, run: func(ctx context.Context, c *call, next next) error {
		if c.method.kind == unaryKind || c.Caller.Subject == "" || c.rehearsal {
			return next(ctx)
		}
		who := callerKey{c.Caller.Tenant, c.Caller.Subject}
		if !callers.Enter(who, 1) {
			return errManyStreams
		}
		defer callers.Leave(who, 1)
		if !tenants.Enter(who.tenant, 1) {
			return errManyStreams
		}
		defer tenants.Leave(who.tenant, 1)
		return next(ctx)
	}}
}

var errManyStreams = apierror.New(apiv1.ErrorReason_RATE_LIMITED,
	"too many streams of this caller, or of its tenant, are open; end some", apierror.RetryAfter(apierror.RetryDelay)).Err()
