package server

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/server/rpc"
)

// V1 is how the legacy version is offered.
type V1 struct {
	Enabled     bool
	Currency    string    // ISO 4217; the currency of v1's prices
	Location    string    // what v1's answers carry as the header "location"
	Deprecation time.Time // since when it is deprecated (RFC 9745); zero: it is not
	Sunset      time.Time // when it will be switched off (RFC 8594); zero: not known
	Successor   string    // a URL about the version to use instead, sent as a Link with rel="successor-version"
}

// retire refuses every method of v1 when that is switched off, before anything else is looked at.
func retire(v1 V1) link {
	return link{name: "retire", after: []string{"translate"}, run: func(ctx context.Context, c *call, next next) error {
		if !c.method.v1 || v1.Enabled {
			return next(ctx)
		}
		return apierror.WithMetadata(apiv1.ErrorReason_VERSION_RETIRED, "v1 is switched off; use ordermanagement.v2",
			map[string]string{"successor": "ordermanagement.v2"}).Err()
	}}
}

// announce tells the callers of v1 that its end is near, on answers and on errors.
func announce(v1 V1) link {
	type header struct{ key, value string }
	var headers []header
	if !v1.Deprecation.IsZero() {
		headers = append(headers, header{"deprecation", fmt.Sprintf("@%d", v1.Deprecation.Unix())})
	}
	if !v1.Sunset.IsZero() {
		headers = append(headers, header{"sunset", v1.Sunset.UTC().Format(http.TimeFormat)})
	}
	if v1.Successor != "" {
		headers = append(headers, header{"link", fmt.Sprintf("<%s>; rel=%q", v1.Successor, "successor-version")})
	}
	return link{name: "announce", run: func(ctx context.Context, c *call, next next) error {
		if c.method.v1 {
			for _, h := range headers {
				rpc.SetHeader(ctx, h.key, h.value)
			}
		}
		return next(ctx)
	}}
}

// withBareViolation adds the detail that v1's old clients look for: the bare violation, beside the BadRequest that holds
// it.
func withBareViolation(st *status.Status) *status.Status {
	for _, detail := range st.Details() {
		bad, ok := detail.(*errdetails.BadRequest)
		if !ok || len(bad.GetFieldViolations()) == 0 {
			continue
		}
		if more, err := st.WithDetails(bad.GetFieldViolations()[0]); err == nil {
			return more
		}
	}
	return st
}
