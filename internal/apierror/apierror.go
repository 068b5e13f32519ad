// Package apierror makes every error that leaves the service: a gRPC status that carries google.rpc.ErrorInfo (AIP-193)
// with a reason from the contract, and the HTTP code that belongs to it. The codes are read from the options of the
// enum ordermanagement.api.v1.ErrorReason, the one table of them.
package apierror

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
)

// Domain is the domain of every ErrorInfo of this service (AIP-193).
const Domain = "ordermanagement"

// New makes the status of a reason. The message is for people and says what to do next; the details help programs.
func New(reason apiv1.ErrorReason, message string, details ...protoadapt.MessageV1) *status.Status {
	return WithMetadata(reason, message, nil, details...)
}

// WithMetadata is New with the metadata of ErrorInfo, e.g. the scope that is missing.
func WithMetadata(reason apiv1.ErrorReason, message string, metadata map[string]string, details ...protoadapt.MessageV1) *status.Status {
	info := &errdetails.ErrorInfo{Reason: reason.String(), Domain: Domain, Metadata: metadata}
	st, err := status.New(Code(reason), message).WithDetails(append([]protoadapt.MessageV1{info}, details...)...)
	if err != nil {
		// Only a code of OK or a message that is not valid UTF-8 gets here; the reason matters more than the text.
		return status.New(codes.Internal, reason.String())
	}
	return st
}

// Newf is New without details, with a formatted message.
func Newf(reason apiv1.ErrorReason, format string, args ...any) *status.Status {
	return New(reason, fmt.Sprintf(format, args...))
}

// Field is one violation of a field rule. The path is in proto field names, e.g. "order.line_items[2].quantity".
func Field(path, description string) *errdetails.BadRequest_FieldViolation {
	return &errdetails.BadRequest_FieldViolation{Field: path, Description: description}
}

// BadRequest makes the detail that lists violations of field rules.
func BadRequest(violations ...*errdetails.BadRequest_FieldViolation) *errdetails.BadRequest {
	return &errdetails.BadRequest{FieldViolations: violations}
}

// RetryAfter makes the detail that says when to try again.
func RetryAfter(delay time.Duration) *errdetails.RetryInfo {
	return &errdetails.RetryInfo{RetryDelay: durationpb.New(delay)}
}

// Code is the gRPC code of a reason; Internal for one the contract gives none.
func Code(reason apiv1.ErrorReason) codes.Code {
	if e := errorStatus(reason); e != nil {
		return codes.Code(e.GetGrpc())
	}
	return codes.Internal
}

// Reason reads the reason out of a status of this service.
func Reason(st *status.Status) (apiv1.ErrorReason, bool) {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == Domain {
			number, ok := apiv1.ErrorReason_value[info.GetReason()]
			return apiv1.ErrorReason(number), ok
		}
	}
	return 0, false
}

// errorStatus reads the option of the enum value; nil when it has none.
func errorStatus(reason apiv1.ErrorReason) *apiv1.ErrorStatus {
	value := reason.Descriptor().Values().ByNumber(reason.Number())
	if value == nil || !proto.HasExtension(value.Options(), apiv1.E_Error) {
		return nil
	}
	return proto.GetExtension(value.Options(), apiv1.E_Error).(*apiv1.ErrorStatus)
}
