package server

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/auth"
	"ordermanagement/server/rpc"
)

const wwwAuthenticate = "www-authenticate"

// authenticate finds out who is calling. A credential that is there and wrong is refused, even where none is needed.
func authenticate(authenticator auth.Authenticator, gateway trust, refusals *refusals, again time.Duration) link {
	return link{name: "authenticate", after: []string{"translate", "contain"}, run: func(ctx context.Context, c *call, next next) error {
		credentials, err := gateway.credentials(ctx, c)
		if err == nil {
			c.Caller, err = authenticator.Authenticate(ctx, credentials)
		}
		if err == nil {
			if c.method.kind != unaryKind && !c.method.public {
				c.recheck = &recheck{authenticator: authenticator, credentials: credentials, refusals: refusals, interval: again, last: time.Now()}
			}
			return next(ctx)
		}
		var refused *auth.Refusal
		if !errors.As(err, &refused) {
			return err
		}
		if c.method.public && (refused.Cause == auth.Missing || refused.Kind == auth.KindCertificate && refused.Cause == auth.Unknown) {
			return next(ctx) // a certificate may be there for the connection alone, as in a mesh
		}
		c.refusal = refused
		refusals.count(refused.Kind, refused.Cause)
		if refused.Cause != auth.Throttled && refused.Cause != auth.Unavailable {
			for _, value := range authenticator.Challenges(refused) {
				rpc.SetHeader(ctx, wwwAuthenticate, value)
			}
		}
		return refusedCredential(refused)
	}}
}

// refusedCredential is what the caller is told. Why exactly stands in the log: a caller that guesses must not learn how
// close it is.
func refusedCredential(refused *auth.Refusal) error {
	switch {
	case errors.Is(refused, auth.ErrMissing):
		return apierror.New(apiv1.ErrorReason_CREDENTIALS_MISSING, "no credential; send \"Authorization: Bearer TOKEN\"").Err()
	case errors.Is(refused, auth.ErrThrottled):
		return apierror.New(apiv1.ErrorReason_TOO_MANY_ATTEMPTS, "too many wrong passwords have come; try again later", apierror.RetryAfter(max(refused.RetryAfter, apierror.RetryDelay))).Err()
	case errors.Is(refused, auth.ErrUnavailable):
		return apierror.New(apiv1.ErrorReason_SERVICE_UNAVAILABLE, "whether the credential is valid can't be found out now; try again", apierror.RetryAfter(apierror.RetryDelay)).Err()
	case refused.Kind == auth.KindCertificate && refused.Cause != auth.Unknown:
		return apierror.New(apiv1.ErrorReason_CREDENTIALS_INVALID, "the client certificate can't be taken; show another one, or send \"Authorization: Bearer TOKEN\"").Err()
	case refused.Cause == auth.Expired: // it was a good one, so this tells nothing to who has made it up
		return apierror.New(apiv1.ErrorReason_CREDENTIALS_INVALID, "the token has expired; get a new one").Err()
	case refused.Kind == auth.KindCertificate:
		return apierror.New(apiv1.ErrorReason_CREDENTIALS_INVALID, "the client certificate is no caller's; ask an operator to add it to the callers file, or send \"Authorization: Bearer TOKEN\"").Err()
	default:
		return apierror.New(apiv1.ErrorReason_CREDENTIALS_INVALID, "the credential is not valid; send one that is let in, of a kind that WWW-Authenticate names, such as \"Authorization: Bearer TOKEN\"").Err()
	}
}

// authorize checks that the caller may call the method: its policy stands in the contract.
func authorize(refusals *refusals) link {
	return link{name: "authorize", after: []string{"authenticate"}, run: func(ctx context.Context, c *call, next next) error {
		if c.method.public || c.Caller.Has(c.method.scope) {
			return next(ctx)
		}
		refusals.count(c.Caller.Kind, causeScope)
		if challenge, ok := auth.Insufficient(c.Caller, c.method.scope); ok {
			rpc.SetHeader(ctx, wwwAuthenticate, challenge)
		}
		return missingScope(c.method.scope)
	}}
}

func missingScope(scope string) error {
	return apierror.WithMetadata(apiv1.ErrorReason_SCOPE_MISSING, "the caller lacks the scope "+scope+"; ask an operator for it",
		map[string]string{"scope": scope}).Err()
}

// causeScope counts callers that are known but may not do what they ask for.
const causeScope auth.Cause = "scope_missing"

// refusals counts the calls of callers that were not let in.
type refusals struct{ total *prometheus.CounterVec }

func newRefusals(registry prometheus.Registerer) (*refusals, error) {
	r := &refusals{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "auth_refusals_total", Help: "Calls that were refused for their caller, by the kind of its credential and the cause.",
	}, []string{"kind", "cause"})}
	return r, registry.Register(r.total)
}

func (r *refusals) count(kind auth.Kind, cause auth.Cause) {
	r.total.WithLabelValues(string(kind), string(cause)).Inc()
}
