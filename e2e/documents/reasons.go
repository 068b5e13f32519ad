package documents

import (
	"encoding/json"
	"fmt"
	"iter"
	"mime"
	"net/http"
	"strings"

	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
)

// failure is one error of an exchange.
type failure struct {
	status     int // 200 for one that came after records
	reason     string
	violations []violation
	scope      string // that the caller lacks
}

// violation is one of BadRequest's.
type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

func (f failure) String() string {
	return fmt.Sprintf("%d %s %v", f.status, f.reason, f.violations)
}

// only is the reason of the one failure; "" when all went well.
func only(failures []failure) string {
	if len(failures) == 0 {
		return ""
	}
	return failures[0].reason
}

// failuresOf finds the error of an answer: its body, or the last record of a stream.
func failuresOf(e *Exchange) ([]failure, error) {
	body := e.AnswerBody
	switch {
	case e.Request.Method == http.MethodHead || len(body) == 0:
		return nil, nil
	case e.Answer.StatusCode >= http.StatusBadRequest:
	case isRecords(e.Answer):
		mediaType, _, _ := mime.ParseMediaType(e.Answer.Header.Get("Content-Type"))
		records, err := recordsOf(mediaType, wholeRecords(body))
		if err != nil || len(records) == 0 {
			return nil, err
		}
		var record struct{ Error json.RawMessage }
		if err := json.Unmarshal(records[len(records)-1], &record); err != nil || record.Error == nil {
			return nil, err
		}
		body = record.Error
	default:
		return nil, nil
	}
	var status struct {
		Details []struct {
			Reason          string `json:"reason"`
			Metadata        struct{ Scope string }
			FieldViolations []violation `json:"fieldViolations"`
		} `json:"details"`
	}
	if err := json.Unmarshal(body, &status); err != nil {
		return nil, fmt.Errorf("the error can't be read: %w: %.200q", err, body)
	}
	found := failure{status: e.Answer.StatusCode}
	for _, detail := range status.Details {
		found.reason += detail.Reason
		found.scope += detail.Metadata.Scope
		found.violations = append(found.violations, detail.FieldViolations...)
	}
	return []failure{found}, nil
}

// reasons are those that are documented for a status. Those of an error that comes after records stand with their own.
func (o *operation) reasons(status int) []string {
	if status == http.StatusOK {
		return o.allReasons()
	}
	return reasonsOf(o.Responses.Codes.GetOrZero(fmt.Sprint(status)))
}

func (o *operation) allReasons() []string {
	var all []string
	for _, response := range o.Responses.Codes.FromOldest() {
		all = append(all, reasonsOf(response)...)
	}
	return all
}

// reasonsOf reads the extension that lists the reasons of an error; none if it is not a list of texts.
func reasonsOf(response *v3.Response) (reasons []string) {
	if response == nil || response.Extensions == nil {
		return nil
	}
	if node, ok := response.Extensions.Get("x-error-reasons"); ok {
		if err := node.Decode(&reasons); err != nil {
			return nil
		}
	}
	return reasons
}

// scopes are those that a caller needs.
func (o *operation) scopes() (scopes []string) {
	for _, requirement := range o.Security {
		for _, needed := range requirement.Requirements.FromOldest() {
			scopes = append(scopes, needed...)
		}
	}
	return scopes
}

// mediaType is that of the request's body, "" if it has none.
func (o *operation) mediaType() string {
	if o.RequestBody == nil || o.RequestBody.Content == nil {
		return ""
	}
	for mediaType := range o.RequestBody.Content.FromOldest() {
		return mediaType
	}
	return ""
}

func (o *operation) parameter(in, name string) *v3.Parameter {
	for _, parameter := range append(o.Parameters, o.route.PathItem.Parameters...) {
		if parameter.In == in && parameter.Name == name {
			return parameter
		}
	}
	return nil
}

func caseInsensitive[T any](all iter.Seq2[string, T], name string) (found T, ok bool) {
	for key, value := range all {
		if strings.EqualFold(key, name) {
			return value, true
		}
	}
	return found, false
}
