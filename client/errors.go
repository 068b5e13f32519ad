package client

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"
)

// errorDomain is the domain of the service's reasons.
const errorDomain = "ordermanagement"

// ErrorInfo is why the service has refused or failed a call, for programs (AIP-193): GetReason is the name of one of
// ordermanagement.api.v1.ErrorReason, e.g. "SCOPE_MISSING", and GetMetadata what belongs to it, e.g. the scope. It is nil,
// whose reason is empty, for an error that is not the service's own, such as one of the connection. More details that
// help to act on an error are those of status.Convert(err).Details().
func ErrorInfo(err error) *errdetails.ErrorInfo {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == errorDomain {
			return info
		}
	}
	return nil
}
