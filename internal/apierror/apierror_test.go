package apierror_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// Every reason of the contract carries both codes, so that no error can leave without them.
func TestEveryReasonHasItsCodes(t *testing.T) {
	values := apiv1.ErrorReason(0).Descriptor().Values()
	for i := range values.Len() {
		value := values.Get(i)
		if value.Number() == 0 {
			continue
		}
		t.Run(string(value.Name()), func(t *testing.T) {
			if !proto.HasExtension(value.Options(), apiv1.E_Error) {
				t.Fatal("has no (error) option")
			}
			st := apierror.New(apiv1.ErrorReason(value.Number()), "text")
			if st.Code() == codes.OK || st.Code() == codes.Unknown {
				t.Errorf("gRPC code is %v", st.Code())
			}
			if http := apierror.HTTPStatus(st); http < 400 || http > 599 {
				t.Errorf("HTTP code is %d", http)
			}
			if reason, ok := apierror.Reason(st); !ok || reason != apiv1.ErrorReason(value.Number()) {
				t.Errorf("reads back as %v, %v", reason, ok)
			}
		})
	}
}

func TestNormalize(t *testing.T) {
	const secret = "secret: disk /dev/x failed"
	for name, test := range map[string]struct {
		err  error
		code codes.Code
		http int
	}{
		"ours passes":          {apierror.New(apiv1.ErrorReason_VERSION_RETIRED, "gone").Err(), codes.Unimplemented, 410},
		"ours wrapped passes":  {fmt.Errorf("in: %w", apierror.New(apiv1.ErrorReason_IF_MATCH_FAILED, "x").Err()), codes.FailedPrecondition, 412},
		"plain error":          {errors.New(secret), codes.Internal, 500},
		"status unknown":       {status.Error(codes.Unknown, secret), codes.Internal, 500},
		"status data loss":     {status.Error(codes.DataLoss, secret), codes.Internal, 500},
		"unreachable":          {status.Error(codes.Unavailable, secret), codes.Unavailable, 503},
		"deadline":             {fmt.Errorf("%s: %w", secret, context.DeadlineExceeded), codes.DeadlineExceeded, 504},
		"canceled":             {context.Canceled, codes.Canceled, 499},
		"too large by grpc-go": {status.Error(codes.ResourceExhausted, "grpc: received message larger than max"), codes.ResourceExhausted, 413},
	} {
		t.Run(name, func(t *testing.T) {
			st := apierror.Normalize(test.err)
			if st.Code() != test.code || apierror.HTTPStatus(st) != test.http {
				t.Errorf("got %v and HTTP %d, want %v and %d", st.Code(), apierror.HTTPStatus(st), test.code, test.http)
			}
			if _, ok := apierror.Reason(st); !ok {
				t.Error("has no reason")
			}
			if strings.Contains(st.Message(), "secret") {
				t.Errorf("leaks what is inside: %q", st.Message())
			}
		})
	}
}
