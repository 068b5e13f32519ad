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
		err := validator.Validate(m)
		if err == nil {
			return nil
		}
		var broken *protovalidate.ValidationError
		if !errors.As(err, &broken) {
			return err
		}
		violations := make([]*errdetails.BadRequest_FieldViolation, len(broken.Violations))
		texts := make([]string, len(broken.Violations))
		for i, v := range broken.Violations {
			violations[i] = apierror.Field(protovalidate.FieldPathString(v.Proto.GetField()), v.Proto.GetMessage())
			texts[i] = violations[i].GetField() + ": " + violations[i].GetDescription()
		}
		return apierror.New(apiv1.ErrorReason_INVALID_FIELD, strings.Join(texts, "; "), apierror.BadRequest(violations...)).Err()
	}, nil
}
