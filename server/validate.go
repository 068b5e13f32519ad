package server

import (
	"errors"
	"fmt"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// newFieldRules makes the check of the field rules that the contract states (buf/validate). The rules of a message are
// compiled when the first one comes: that takes milliseconds, of which a start has no more than fifty. A test sees that
// they all compile.
func newFieldRules() (func(proto.Message) error, error) {
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("prepare the field rules: %w", err)
	}
	return func(m proto.Message) error {
		err := validator.Validate(m, protovalidate.WithFailFast())
		if err != nil && proto.Size(m) <= maxExplained {
			err = validator.Validate(m) // all of it, now that it matters
		}
		if err == nil {
			return nil
		}
		var broken *protovalidate.ValidationError
		if !errors.As(err, &broken) {
			return err
		}
		return explain(broken.Violations)
	}, nil
}

// A large message is refused for the first rule that it breaks, a small one for all of them, up to a number: errors
// travel in headers, and their size must not be the caller's to choose.
const (
	maxExplained  = 8 << 10 // bytes of a message
	maxViolations = 20
)

func explain(broken []*protovalidate.Violation) error {
	var violations []*errdetails.BadRequest_FieldViolation
	var texts []string
	for _, v := range broken[:min(len(broken), maxViolations)] {
		violation := apierror.Field(clip(protovalidate.FieldPathString(v.Proto.GetField())), clip(v.Proto.GetMessage()))
		violations = append(violations, violation)
		texts = append(texts, violation.GetField()+": "+violation.GetDescription())
	}
	return apierror.New(apiv1.ErrorReason_INVALID_FIELD, clip(strings.Join(texts, "; ")), apierror.BadRequest(violations...)).Err()
}
