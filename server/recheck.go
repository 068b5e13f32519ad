package server

import (
	"context"
	"errors"
	"sync"
	"time"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/auth"
)

// recheck looks again, while messages of a stream come and go, whether its caller is still let in: a stream may live for
// as long as its connection, a credential that expires or is taken away must not.
type recheck struct {
	authenticator auth.Authenticator
	credentials   auth.Credentials
	refusals      *refusals
	interval      time.Duration

	mu   sync.Mutex // messages come and go at the same time
	last time.Time
}

// stillLetIn says why the caller of a stream isn't let in any more. One about whom nothing can be found out now was known
// when the stream began, and goes on.
func (c *call) stillLetIn(ctx context.Context) error {
	r := c.recheck
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.last) < r.interval {
		return nil
	}
	r.last = time.Now()
	caller, err := r.authenticator.Authenticate(ctx, r.credentials)
	var refused *auth.Refusal
	switch {
	case errors.Is(err, auth.ErrUnavailable) || errors.Is(err, auth.ErrThrottled):
		return nil
	case errors.As(err, &refused):
		c.refusal = refused
		r.refusals.count(refused.Kind, refused.Cause)
		return refusedCredential(refused)
	case err != nil:
		return err
	case caller.Subject != c.Caller.Subject || caller.Tenant != c.Caller.Tenant:
		return apierror.New(apiv1.ErrorReason_CREDENTIALS_INVALID, "the credential is now somebody else's; begin again").Err()
	case !caller.Has(c.method.scope):
		r.refusals.count(caller.Kind, causeScope)
		return missingScope(c.method.scope)
	}
	return nil
}
