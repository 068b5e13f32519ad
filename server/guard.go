package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/tap"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/auth"
	"ordermanagement/server/rpc"
)

// translate turns whatever went wrong into a status that may leave the service, and keeps the rest for the log.
//
// cut ends when the server cuts off what still runs: its callers have not gone away, the server has.
func translate(cut context.Context) link {
	return link{name: "translate", after: []string{"record", "measure"}, run: func(ctx context.Context, c *call, next next) error {
		err := next(ctx)
		if err == nil {
			return nil
		}
		st := rpc.Status(err)
		if st.Code() == codes.Canceled && cut.Err() != nil {
			st = shuttingDown()
		}
		if reason, _ := apierror.Reason(st); reason == apiv1.ErrorReason_INTERNAL_ERROR || reason == apiv1.ErrorReason_SERVICE_UNAVAILABLE {
			c.refusal = err
		}
		if c.method.v1 {
			st = withBareViolation(st)
		}
		return st.Err()
	}}
}

// contain turns a panic into an INTERNAL_ERROR, and logs where it happened.
func contain(logger *slog.Logger) link {
	return link{name: "contain", after: []string{"translate"}, run: func(ctx context.Context, c *call, next next) (err error) {
		defer func() {
			if cause := recover(); cause != nil {
				logger.ErrorContext(ctx, "panic", "request_id", c.requestID, "method", c.method.full, "cause", cause, "stack", string(debug.Stack()))
				err = fmt.Errorf("panic: %v", cause)
			}
		}()
		return next(ctx)
	}}
}

// limit caps the time of a unary call. A stream lives as long as its connection. On the network the time has begun with
// the header of the call (see tapLimit), and the call ends with its connection; in process it ends when calls are cut off.
func limit(timeout time.Duration, cut context.Context) link {
	return link{name: "limit", after: []string{"translate"}, run: func(ctx context.Context, c *call, next next) error {
		if c.method.kind != unaryKind {
			return next(ctx)
		}
		end, limited := ctx.Value(endKey{}).(context.CancelFunc)
		if !limited {
			ctx, end = context.WithTimeout(ctx, timeout)
			defer context.AfterFunc(cut, end)()
		}
		defer end()
		return next(ctx)
	}}
}

// endKey is that of the function which frees what tapLimit has made.
type endKey struct{}

// tapLimit gives each unary call from the network a context that ends in time before grpc-go waits for its message, so
// that a client can't keep half a message in our memory for as long as it likes.
func tapLimit(methods map[string]*method, timeout time.Duration) tap.ServerInHandle {
	return func(ctx context.Context, info *tap.Info) (context.Context, error) {
		if m, ok := methods[info.FullMethodName]; !ok || m.kind != unaryKind {
			return ctx, nil
		}
		ctx, end := context.WithTimeout(ctx, timeout)
		return context.WithValue(ctx, endKey{}, end), nil
	}
}

// authenticate finds out who is calling. A credential that is there and wrong is refused, even where none is needed.
func authenticate(authenticator auth.Authenticator) link {
	return link{name: "authenticate", after: []string{"translate", "contain"}, run: func(ctx context.Context, c *call, next next) error {
		caller, err := authenticator.Authenticate(ctx, auth.Credentials{
			Authorization: metadata.ValueFromIncomingContext(ctx, "authorization"),
			ForwardedFor:  metadata.ValueFromIncomingContext(ctx, "x-forwarded-for"),
		})
		switch {
		case err == nil:
			c.Caller = caller
			return next(ctx)
		case errors.Is(err, auth.ErrMissing) && c.method.public:
			return next(ctx)
		case errors.Is(err, auth.ErrMissing):
			c.refusal = err
			challenge(ctx, authenticator, err)
			return apierror.New(apiv1.ErrorReason_CREDENTIALS_MISSING, "no credential; send \"Authorization: Bearer TOKEN\"").Err()
		case errors.Is(err, auth.ErrInvalid):
			c.refusal = err
			challenge(ctx, authenticator, err)
			return apierror.New(apiv1.ErrorReason_CREDENTIALS_INVALID, "the credential is not valid; send \"Authorization: Bearer TOKEN\" with a token that is let in").Err()
		default:
			return err
		}
	}}
}

func challenge(ctx context.Context, authenticator auth.Authenticator, refused error) {
	for _, value := range authenticator.Challenges(refused) {
		rpc.SetHeader(ctx, "www-authenticate", value)
	}
}

// authorize checks that the caller may call the method: its policy stands in the contract.
func authorize() link {
	return link{name: "authorize", after: []string{"authenticate"}, run: func(ctx context.Context, c *call, next next) error {
		if c.method.public || c.Caller.Has(c.method.scope) {
			return next(ctx)
		}
		return apierror.WithMetadata(apiv1.ErrorReason_SCOPE_MISSING, "the caller lacks the scope "+c.method.scope+"; ask an operator for it",
			map[string]string{"scope": c.method.scope}).Err()
	}}
}
