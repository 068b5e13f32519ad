package apierror

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
)

// RetryDelay is how long a caller is asked to wait after the service was unavailable.
const RetryDelay = time.Second

// Normalize turns whatever a handler, a library or a connection returned into a status that may leave the service. A
// status of ours passes; one that grpc-go made gets the reason that fits its code; anything else is INTERNAL_ERROR, and
// its text stays inside.
func Normalize(err error) *status.Status {
	if err == nil {
		return nil
	}
	if st, ok := status.FromError(err); ok {
		if _, ours := Reason(st); ours {
			return st
		}
		return adopt(st)
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return New(apiv1.ErrorReason_DEADLINE_PASSED, "the deadline passed before the answer was ready")
	case errors.Is(err, context.Canceled):
		return New(apiv1.ErrorReason_CALL_CANCELED, "the caller canceled the call")
	}
	return New(apiv1.ErrorReason_INTERNAL_ERROR, "something went wrong inside; the log has the details under the request id of this answer")
}

// adopt gives a status that grpc-go made the reason that fits its code.
func adopt(st *status.Status) *status.Status {
	switch st.Code() {
	case codes.Canceled:
		return New(apiv1.ErrorReason_CALL_CANCELED, "the caller canceled the call")
	case codes.DeadlineExceeded:
		return New(apiv1.ErrorReason_DEADLINE_PASSED, "the deadline passed before the answer was ready")
	case codes.InvalidArgument:
		return New(apiv1.ErrorReason_MALFORMED_REQUEST, st.Message())
	case codes.ResourceExhausted:
		return New(apiv1.ErrorReason_REQUEST_TOO_LARGE, st.Message())
	case codes.Unimplemented:
		return New(apiv1.ErrorReason_METHOD_UNKNOWN, st.Message())
	case codes.Unavailable:
		return New(apiv1.ErrorReason_SERVICE_UNAVAILABLE, "the service can't be reached; try again", RetryAfter(RetryDelay))
	default:
		return New(apiv1.ErrorReason_INTERNAL_ERROR, "something went wrong inside; the log has the details under the request id of this answer")
	}
}
