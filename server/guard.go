package server

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/tap"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
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
			if c.refusal == nil {
				c.refusal = err
			}
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
// that a client can't keep half a message in our memory for as long as it likes; and it bounds what strangers call.
func tapLimit(methods map[string]*method, timeout time.Duration, strangers *strangers) tap.ServerInHandle {
	return func(ctx context.Context, info *tap.Info) (context.Context, error) {
		m, ok := methods[info.FullMethodName]
		if ok && m.public {
			if err := strangers.admit(ctx, m.kind); err != nil {
				return ctx, err
			}
		}
		if !ok || m.kind != unaryKind {
			return ctx, nil
		}
		ctx, end := context.WithTimeout(ctx, timeout)
		return context.WithValue(ctx, endKey{}, end), nil
	}
}
