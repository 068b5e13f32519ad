package corpus

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
)

// noReason is what a step expects of errors that grpc-go makes before any code of the service runs.
const noReason = "none"

// errorDomain is the domain of every ErrorInfo.
const errorDomain = "ordermanagement"

// check compares what came of a step with what it expects.
func (r *Runner) check(step *Step, result *Result) error {
	want, err := r.expectedCodes(step, result)
	if err != nil {
		return err
	}
	var wrong []error
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if step.HTTP == "" || result.Error != nil {
		if got := codeName(result.Code); got != want.GRPC {
			complain("want gRPC code %s, got %s: %v", want.GRPC, got, result.Error)
		}
	}
	if result.HTTP != 0 && result.HTTP != want.HTTP {
		complain("want HTTP code %d, got %d: %s", want.HTTP, result.HTTP, clip(result.Body))
	}
	if result.HTTP == http.StatusNotModified && result.Body != "" {
		complain("a 304 has a body: %q", result.Body)
	}
	if step.Reason != "" || result.Error != nil {
		wrong = append(wrong, checkError(step, result.Error))
	}
	wrong = append(wrong, checkAnswers(step, result.Answers))
	name, trailer := httpName, trailerName
	if step.HTTP != "" {
		name, trailer = http.CanonicalHeaderKey, http.CanonicalHeaderKey
	}
	wrong = append(wrong, checkHeader("header", step.Header, result.Header, name), checkHeader("trailer", step.Trailer, result.Trailer, trailer))
	return errors.Join(wrong...)
}

// expectedCodes are the codes that the step should end with.
func (r *Runner) expectedCodes(step *Step, result *Result) (Codes, error) {
	want := Codes{GRPC: "OK", HTTP: http.StatusOK}
	if step.Reason != "" && step.Reason != noReason {
		var ok bool
		if want, ok = r.Reasons[step.Reason]; !ok {
			return want, fmt.Errorf("the corpus knows no reason %q", step.Reason)
		}
		if step.HTTP == "" && len(result.Answers) > 0 {
			want.HTTP = http.StatusOK // the error came after records
		}
	}
	if step.Code != "" {
		want.GRPC = step.Code
	}
	if step.Status != 0 {
		want.HTTP = step.Status
	}
	return want, nil
}

// codeName is a code as the contract writes it.
func codeName(code codes.Code) string {
	for _, name := range []string{"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
		"PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL",
		"UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"} {
		var named codes.Code
		if named.UnmarshalJSON([]byte(`"`+name+`"`)) == nil && named == code {
			return name
		}
	}
	return code.String()
}

// checkError compares reason, fields and details.
func checkError(step *Step, got *status.Status) error {
	if got == nil {
		if step.Reason == noReason {
			return nil
		}
		return fmt.Errorf("want the reason %s, got no error", step.Reason)
	}
	var wrong []error
	var reason string
	var fields []string
	var details []any
	for _, packed := range got.GetDetails() {
		detail, err := packed.UnmarshalNew()
		if err != nil {
			return err
		}
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = detail.GetReason()
			if detail.GetDomain() != errorDomain {
				wrong = append(wrong, fmt.Errorf("the domain of the error is %q", detail.GetDomain()))
			}
		case *errdetails.BadRequest:
			for _, violation := range detail.GetFieldViolations() {
				fields = append(fields, violation.GetField())
			}
		}
		value, err := jsonOf(packed)
		if err != nil {
			return err
		}
		details = append(details, value)
	}
	if want := step.Reason; want != reason && (want != noReason || reason != "") {
		wrong = append(wrong, fmt.Errorf("want the reason %q, got %q: %s", want, reason, got.GetMessage()))
	}
	if got.GetMessage() == "" {
		wrong = append(wrong, errors.New("the error has no message"))
	}
	slices.Sort(fields)
	wantFields := slices.Sorted(slices.Values(step.Fields))
	if step.Fields != nil && !slices.Equal(slices.Compact(fields), wantFields) {
		wrong = append(wrong, fmt.Errorf("want complaints about %q, got %q: %s", wantFields, fields, got.GetMessage()))
	}
	for _, want := range step.Details {
		if !slices.ContainsFunc(details, func(detail any) bool { return differ("", want, detail) == "" }) {
			wrong = append(wrong, fmt.Errorf("want a detail %v, got %v", want, details))
		}
	}
	return errors.Join(wrong...)
}

func checkAnswers(step *Step, got []any) error {
	want := step.Answers
	if step.Answer != nil {
		want = []any{step.Answer}
	}
	if step.Count != nil && len(got) != *step.Count {
		return fmt.Errorf("want %d answers, got %d", *step.Count, len(got))
	}
	if want == nil {
		return nil
	}
	if difference := differ("answers", want, got); difference != "" {
		return errors.New(difference)
	}
	return nil
}

func checkHeader(kind string, want map[string]any, got http.Header, name func(string) string) error {
	var wrong []error
	for key, value := range want {
		values := got.Values(name(key))
		switch {
		case value == nil && len(values) > 0:
			wrong = append(wrong, fmt.Errorf("%s %s is %q, must not be there", kind, key, values))
		case value == nil:
		case len(values) != 1:
			wrong = append(wrong, fmt.Errorf("%s %s: want %v, got %q", kind, key, value, values))
		default:
			if difference := differ(kind+" "+key, value, values[0]); difference != "" {
				wrong = append(wrong, errors.New(difference))
			}
		}
	}
	return errors.Join(wrong...)
}
