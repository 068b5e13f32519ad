package rpc

import (
	"errors"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/order"
)

// Status is the status of whatever went wrong: an error of the domain keeps its reason and what helps to act on it.
func Status(err error) *status.Status {
	var refusal *order.Error
	if errors.As(err, &refusal) {
		return apierror.New(apiv1.ErrorReason(apiv1.ErrorReason_value[string(refusal.Reason)]), refusal.Message, details(refusal)...)
	}
	if errors.Is(err, order.ErrUnavailable) {
		return apierror.New(apiv1.ErrorReason_SERVICE_UNAVAILABLE, "the store can't answer now; try again", apierror.RetryAfter(apierror.RetryDelay))
	}
	return apierror.Normalize(err)
}

func details(e *order.Error) []protoadapt.MessageV1 {
	var all []protoadapt.MessageV1
	if len(e.Violations) > 0 {
		bad := &errdetails.BadRequest{}
		for _, v := range e.Violations {
			bad.FieldViolations = append(bad.FieldViolations, apierror.Field(v.Field, v.Description))
		}
		all = append(all, bad)
	}
	if len(e.Preconditions) > 0 {
		failure := &errdetails.PreconditionFailure{}
		for _, p := range e.Preconditions {
			failure.Violations = append(failure.Violations, &errdetails.PreconditionFailure_Violation{Type: p.Type, Subject: p.Subject, Description: p.Description})
		}
		all = append(all, failure)
	}
	if e.Resource != "" {
		all = append(all, &errdetails.ResourceInfo{ResourceType: resourceType(e.Resource), ResourceName: e.Resource, Description: e.Message})
	}
	return all
}

// resourceType is the type of a resource name, as the contract's google.api.resource options say it.
func resourceType(name string) string {
	switch {
	case strings.HasPrefix(name, order.OrderName("")):
		return apierror.Domain + "/Order"
	case strings.HasPrefix(name, order.ProductName("")):
		return apierror.Domain + "/Product"
	default:
		return apierror.Domain + "/Shipment"
	}
}

// InField puts the violations of an error under a field of the request, e.g. "order".
func InField(field string, err error) error {
	var refusal *order.Error
	if !errors.As(err, &refusal) || len(refusal.Violations) == 0 {
		return err
	}
	moved := *refusal
	moved.Violations = make([]order.Violation, len(refusal.Violations))
	for i, v := range refusal.Violations {
		moved.Violations[i] = order.Violation{Field: field + "." + v.Field, Description: v.Description}
	}
	return &moved
}
