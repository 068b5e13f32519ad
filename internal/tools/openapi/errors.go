package main

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/ordered"
)

// universalReasons are those for which any method is refused, whatever it does: they follow from how gateway and server
// treat every request.
func universalReasons() []apiv1.ErrorReason {
	return []apiv1.ErrorReason{
		apiv1.ErrorReason_MALFORMED_REQUEST, // the query, a header, or a body where none is taken
		apiv1.ErrorReason_INVALID_FIELD,
		apiv1.ErrorReason_CREDENTIALS_INVALID, // of a public method too: a wrong credential is never passed over
		apiv1.ErrorReason_CROSS_ORIGIN_REFUSED,
		apiv1.ErrorReason_TOO_MANY_ATTEMPTS, // of a public method too
		apiv1.ErrorReason_RATE_LIMITED,
		apiv1.ErrorReason_HEADERS_TOO_LARGE,
		apiv1.ErrorReason_CALL_CANCELED,
		apiv1.ErrorReason_INTERNAL_ERROR,
		apiv1.ErrorReason_SERVICE_UNAVAILABLE,
		apiv1.ErrorReason_DEADLINE_PASSED,
	}
}

// reasons are all for which the method is refused: the universal ones, those of its kind, and those that the contract
// lists for it.
func (m *method) reasons() []apiv1.ErrorReason {
	reasons := append(universalReasons(), m.errors...)
	if !m.public {
		reasons = append(reasons, apiv1.ErrorReason_CREDENTIALS_MISSING, apiv1.ErrorReason_SCOPE_MISSING)
	}
	if strings.Contains(m.path, "{") {
		reasons = append(reasons, apiv1.ErrorReason_ROUTE_NOT_FOUND) // the path with "" or ".." for the variable
	}
	if m.body != "" {
		reasons = append(reasons, apiv1.ErrorReason_REQUEST_TOO_LARGE, apiv1.ErrorReason_UNSUPPORTED_MEDIA_TYPE, apiv1.ErrorReason_STREAM_IDLE)
	}
	return reasons
}

// errorResponses adds a response for each HTTP status that the method can be refused with.
func (r *reviser) errorResponses(op *operation, m *method) error {
	all := m.reasons()
	byStatus := map[int32][]reason{}
	var statuses []int32
	for _, reason := range r.contract.reasons { // in the order of the enum, whatever the order of options
		if !slices.Contains(all, reason.ErrorReason) {
			continue
		}
		if byStatus[reason.http] == nil {
			statuses = append(statuses, reason.http)
		}
		byStatus[reason.http] = append(byStatus[reason.http], reason)
	}
	slices.Sort(statuses)
	for _, status := range statuses {
		name, err := r.errorResponse(m, status, byStatus[status])
		if err != nil {
			return err
		}
		op.Responses.Set(strconv.Itoa(int(status)), &response{Ref: "#/components/responses/" + name})
	}
	return nil
}

// errorResponse makes the component for a status with these reasons, unless it is there, and returns its name: that of
// the status, when any method can have the reasons, else with the first method's before it.
func (r *reviser) errorResponse(m *method, status int32, reasons []reason) (string, error) {
	name, text := statusName(int(status)), "An error with one of these reasons:\n"
	var names []string
	examples := &ordered.Object[*example]{}
	key := name
	for _, reason := range reasons {
		names = append(names, reason.String())
		text += fmt.Sprintf("\n- `%s`: %s", reason, reason.comment)
		key += " " + reason.String()
		if reason.ErrorReason == apiv1.ErrorReason_SCOPE_MISSING {
			key += "(" + m.scope + ")" // which the example names
		}
		value, err := m.showRefusal(reason)
		if err != nil {
			return "", err
		}
		examples.Set(reason.String(), &example{Value: value})
		if !slices.Contains(universalReasons(), reason.ErrorReason) && name == statusName(int(status)) {
			name = string(m.Name()) + name
		}
	}
	if there, ok := r.refusals[key]; ok {
		return there, nil
	}
	if _, ok := r.doc.Components.Responses.Get(name); ok {
		return "", fmt.Errorf("two responses have the name %s", name)
	}
	r.refusals[key] = name
	headers := &ordered.Object[*header]{}
	has := append(rateLimitHeaders(), "X-Request-Id")
	if r.legacy() {
		has = append(has, legacyHeaders()...)
	}
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		has = append(has, "WWW-Authenticate")
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		has = append(has, "Retry-After")
	}
	addHeaders(headers, has...)
	content := &ordered.Object[*mediaType]{}
	content.Set(typeJSON, &mediaType{Schema: &schema{Ref: schemaRef + "Status"}, Examples: examples})
	r.doc.Components.Responses.Set(name, &response{Description: text, Reasons: names, Headers: headers, Content: content})
	return name, nil
}

// rateLimitHeaders are those of every answer, when calls are limited.
func rateLimitHeaders() []string { return []string{"RateLimit", "RateLimit-Policy"} }

// legacyHeaders are those of the version that can be switched off, on answers and errors.
func legacyHeaders() []string {
	return []string{"Grpc-Metadata-Timestamp", "Grpc-Metadata-Location", "Deprecation", "Sunset", "Link"}
}

// legacy says whether the document is that version's.
func (r *reviser) legacy() bool {
	for _, item := range r.doc.Paths.All() {
		for _, op := range item.All() {
			if m := r.contract.methods[op.OperationID]; m != nil && m.has(apiv1.ErrorReason_VERSION_RETIRED) {
				return true
			}
		}
	}
	return false
}

// statusName is the name of an HTTP status in one word, e.g. "NotFound".
func statusName(status int) string {
	text := http.StatusText(status)
	if text == "" {
		text = "Client Closed Request" // 499, which no RFC assigns
	}
	return strings.NewReplacer(" ", "", "-", "").Replace(text)
}

// addReasonSchema lists all reasons, for ErrorInfo.
func (r *reviser) addReasonSchema() {
	s := &schema{Type: "string"}
	text := "Why a call was refused or failed. More reasons may be added.\n"
	for _, reason := range r.contract.reasons {
		s.Enum = append(s.Enum, reason.String())
		text += fmt.Sprintf("\n- `%s` (%d): %s", reason, reason.http, reason.comment)
	}
	s.Description = text
	r.doc.Components.Schemas.Set("ErrorReason", s)
}
