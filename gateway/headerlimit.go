package gateway

import (
	"net/http"

	"google.golang.org/grpc/status"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// Limits of a request's header, which are the same over HTTP/1.1 and HTTP/2.
const (
	// maxFieldBytes is for all fields together, in bytes: names, values, and fieldOverhead each.
	maxFieldBytes = 64 << 10
	maxFields     = 128

	// fieldOverhead is what HTTP/2 counts for a field besides its name and value, in bytes (RFC 9113, 6.5.2).
	fieldOverhead = 32

	// maxTargetBytes is for the path and the query, in bytes. RFC 9110, 4.1, asks for 8000 at least; more is room for
	// the names of a thousand resources of 63 characters each, as a batch read has them in its query.
	maxTargetBytes = 96 << 10

	// maxHeaderBytes is where net/http stops reading, in bytes. It is more than all of the above, so that a header that
	// is too large gets an error in the shape of all others. What is larger still, net/http refuses itself, before
	// there is a handler: over HTTP/1.1 with 431 in plain text and the connection closed; over HTTP/2, which announces
	// the limit (SETTINGS_MAX_HEADER_LIST_SIZE), with 431 in HTML or, when it is exceeded by far, by closing the
	// connection.
	maxHeaderBytes = 192 << 10
)

// refuseLargeHeader answers 431 (RFC 6585, 5) to headers over the limits.
func (g *gateway) refuseLargeHeader(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if st := checkHeaderSize(r); st != nil {
			callOf(r.Context()).w.writeError(st)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func checkHeaderSize(r *http.Request) *status.Status {
	if len(r.RequestURI) > maxTargetBytes {
		return apierror.Newf(apiv1.ErrorReason_HEADERS_TOO_LARGE, "path and query are longer than %d bytes; ask for less at once", maxTargetBytes)
	}
	fields, size := 1, len("Host")+len(r.Host)+fieldOverhead
	for name, values := range r.Header {
		fields += len(values)
		for _, value := range values {
			size += len(name) + len(value) + fieldOverhead
		}
	}
	switch {
	case fields > maxFields:
		return apierror.Newf(apiv1.ErrorReason_HEADERS_TOO_LARGE, "the header has more than %d fields; send fewer", maxFields)
	case size > maxFieldBytes:
		return apierror.Newf(apiv1.ErrorReason_HEADERS_TOO_LARGE, "the fields of the header are larger than %d bytes; send fewer or shorter ones", maxFieldBytes)
	}
	return nil
}
