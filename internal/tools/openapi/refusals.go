package main

import (
	"encoding/json"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/protoadapt"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// showRefusal is an example of the error of a reason: the body that the service would make of it, for the method.
func (m *method) showRefusal(reason reason) (json.RawMessage, error) {
	message, _ := firstSentence(reason.comment)
	metadata, details := m.refusalDetails(reason.ErrorReason)
	return canonical(apierror.WithMetadata(reason.ErrorReason, message, metadata, details...).Proto())
}

// refusalDetails is what a reason always has beside its name, as far as it follows from the contract.
func (m *method) refusalDetails(reason apiv1.ErrorReason) (map[string]string, []protoadapt.MessageV1) {
	switch reason {
	case apiv1.ErrorReason_INVALID_FIELD:
		field := string(m.input().Fields().Get(0).Name())
		return nil, []protoadapt.MessageV1{apierror.BadRequest(apierror.Field(field, "breaks a rule of the contract"))}
	case apiv1.ErrorReason_MALFORMED_REQUEST:
		return nil, []protoadapt.MessageV1{apierror.BadRequest(apierror.Field("Grpc-Timeout", "must be a number of at most eight digits and one of the units H, M, S, m, u, n"))}
	case apiv1.ErrorReason_INVALID_TRANSITION:
		return nil, []protoadapt.MessageV1{&errdetails.PreconditionFailure{Violations: []*errdetails.PreconditionFailure_Violation{
			{Type: "STATE", Subject: "orders/102", Description: "its state does not allow the method"},
		}}}
	case apiv1.ErrorReason_SERVICE_UNAVAILABLE:
		return nil, []protoadapt.MessageV1{apierror.RetryAfter(apierror.RetryDelay)}
	case apiv1.ErrorReason_SCOPE_MISSING:
		return map[string]string{"scope": m.scope}, nil
	case apiv1.ErrorReason_VERSION_RETIRED:
		return map[string]string{"successor": "ordermanagement.v2"}, nil
	}
	return nil, nil
}
