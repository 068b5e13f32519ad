package apierror

import (
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// StatusClientClosedRequest is what the logs of proxies call a request whose client went away. It is never seen by that
// client; no RFC assigns it.
const StatusClientClosedRequest = 499

// HTTPStatus is the HTTP code of a status: that of its reason, or, for one that another program made, that of its gRPC
// code (google/rpc/code.proto).
func HTTPStatus(st *status.Status) int {
	if reason, ok := Reason(st); ok {
		if e := errorStatus(reason); e != nil {
			return int(e.GetHttp())
		}
	}
	switch st.Code() {
	case codes.OK:
		return http.StatusOK
	case codes.Canceled:
		return StatusClientClosedRequest
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange:
		return http.StatusBadRequest
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	case codes.NotFound:
		return http.StatusNotFound
	case codes.AlreadyExists, codes.Aborted:
		return http.StatusConflict
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.Unimplemented:
		return http.StatusNotImplemented
	case codes.Unavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}
