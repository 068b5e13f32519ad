package documents

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	liberrors "github.com/pb33f/libopenapi-validator/errors"
)

// Check says in which ways an exchange is not as the documents say, and notes what of them it has shown.
func (d *Documents) Check(e *Exchange) error {
	if e.Answer == nil {
		return nil
	}
	if e.Request.Method == http.MethodHead && e.Answer.StatusCode == http.StatusMethodNotAllowed {
		return nil // HEAD is what HTTP makes of GET, and the documents don't speak of it
	}
	failures, err := failuresOf(e)
	if err != nil {
		return err
	}
	found := d.find(e.Request)
	if found == nil {
		return d.checkUndocumented(e, failures)
	}
	against := found.checkRequest(e)
	if reason := only(failures); d.rules.isRouting(reason) {
		if len(against) == 0 {
			return fmt.Errorf("%s is documented for %s, which is answered with %s", found, e.Request.URL, reason)
		}
		if !slices.Contains(found.allReasons(), reason) {
			return nil // GET /v2/orders/a:confirm is no order
		}
	}
	wrong := d.judgeRequest(found, against, failures)
	wrong = append(wrong, found.checkAnswer(e)...)
	for _, failure := range failures {
		if !slices.Contains(found.reasons(failure.status), failure.reason) {
			wrong = append(wrong, fmt.Errorf("the reason %s with %d is not documented", failure.reason, failure.status))
		}
		if scope := failure.scope; scope != "" && !slices.Contains(found.scopes(), scope) {
			wrong = append(wrong, fmt.Errorf("the scope %s is not documented", scope))
		}
	}
	d.note(found, e.Answer.StatusCode, failures)
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %s %s: not as documented: %w", found, e.Request.Method, e.Request.URL, errors.Join(wrong...))
}

// checkUndocumented checks an answer at a path that no document has.
func (d *Documents) checkUndocumented(e *Exchange, failures []failure) error {
	if e.Request.Method == http.MethodOptions && e.Answer.StatusCode == http.StatusNoContent {
		return nil // which methods a path has is no operation of the documents
	}
	if e.Request.Method == http.MethodHead && e.Answer.StatusCode >= http.StatusBadRequest {
		return nil // the reason stands in a body that HEAD doesn't get
	}
	if d.rules.isRouting(only(failures)) || d.rules.elsewhere.MatchString(e.Request.URL.Path) {
		return nil
	}
	return fmt.Errorf("%s %s is not documented, and was answered with %d %v", e.Request.Method, e.Request.URL, e.Answer.StatusCode, failures)
}

// judgeRequest compares what the document has against a request with what the service had. A request that is refused for what
// is stored, or for who sends it, may be one that the document refuses too.
func (d *Documents) judgeRequest(o *operation, against []string, failures []failure) []error {
	var wrong []error
	switch {
	case len(failures) > 0 && d.rules.isShape(failures[0].reason):
		if len(against) == 0 && !d.unsaid(o, failures[0]) {
			wrong = append(wrong, fmt.Errorf("the service refuses the request, the document doesn't: %v", failures[0]))
		}
	case len(failures) == 0:
		for _, complaint := range against {
			if !d.lenient(o, complaint) {
				wrong = append(wrong, fmt.Errorf("the document refuses the request, the service doesn't: %s", complaint))
			}
		}
	}
	return wrong
}

// checkRequest lists what the document has against a request.
func (o *operation) checkRequest(e *Exchange) []string {
	request := e.Request.Clone(context.Background())
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(e.RequestBody)), int64(len(e.RequestBody))
	if e.Open {
		request.Header.Set("Authorization", "Bearer nobody asks for it")
	}
	var complaints []string
	if declared := o.mediaType(); declared != "" && len(e.RequestBody) > 0 {
		// A body of another type is still looked at, as what the service takes it for.
		if sent, _, _ := mime.ParseMediaType(request.Header.Get("Content-Type")); sent != declared {
			complaints = append(complaints, fmt.Sprintf("the body is not %s but %q", declared, request.Header.Get("Content-Type")))
			request.Header.Set("Content-Type", declared)
		}
	}
	_, problems := o.document.requests.ValidateHttpRequestSync(request)
	complaints = append(complaints, describe(problems)...)
	// Any parameter that isn't documented is no parameter.
	for name, values := range request.URL.Query() {
		parameter := o.parameter("query", name)
		switch {
		case parameter == nil:
			complaints = append(complaints, fmt.Sprintf("the query parameter %s is not documented", name))
		case len(values) > 1 && !slices.Contains(parameter.Schema.Schema().Type, "array"):
			complaints = append(complaints, fmt.Sprintf("the query parameter %s is no list", name))
		}
	}
	return complaints
}

// checkAnswer lists what is wrong with an answer.
func (o *operation) checkAnswer(e *Exchange) []error {
	var wrong []error
	documented := o.Responses.Codes.GetOrZero(fmt.Sprint(e.Answer.StatusCode))
	if documented == nil { // `default` would document everything
		return []error{fmt.Errorf("the status %d is not documented", e.Answer.StatusCode)}
	}
	for name := range e.Answer.Header {
		if _, ok := caseInsensitive(documented.Headers.FromOldest(), name); !ok && !slices.Contains(GenericHeaders, name) && name != "X-Accel-Buffering" { // which is for proxies
			wrong = append(wrong, fmt.Errorf("the header %s of a %d is not documented", name, e.Answer.StatusCode))
		}
	}
	body := e.AnswerBody
	if !e.Whole && isRecords(e.Answer) {
		body = wholeRecords(body)
	}
	hasContent := documented.Content != nil && documented.Content.Len() > 0
	if !hasContent && len(body) > 0 {
		wrong = append(wrong, fmt.Errorf("no body is documented for a %d", e.Answer.StatusCode))
	}
	answer := *e.Answer
	answer.Body = io.NopCloser(bytes.NewReader(body))
	if e.Request.Method == http.MethodHead {
		answer.Body = http.NoBody
	}
	request := e.Request.Clone(context.Background())
	_, problems := o.document.answers.ValidateHttpResponse(request, &answer)
	for _, complaint := range describe(problems) {
		wrong = append(wrong, errors.New(complaint))
	}
	return wrong
}

// GenericHeaders are those that belong to HTTP, not to an operation.
var GenericHeaders = []string{
	"Content-Type", "Content-Length", "Date", "Trailer", "X-Content-Type-Options", "Vary", "Connection", "Cache-Control",
}

// describe makes a text of each thing that the validator has found.
func describe(problems []*liberrors.ValidationError) []string {
	var texts []string
	for _, problem := range problems {
		var own, consequences []string
		for _, failure := range problem.SchemaValidationErrors {
			text := strings.TrimPrefix(fmt.Sprintf("%s: %s: %s", problem.ParameterName, failure.FieldPath, failure.Reason), ": ")
			if failure.Reason == unevaluated {
				consequences = append(consequences, text)
			} else {
				own = append(own, text)
			}
		}
		switch {
		case len(own) > 0:
			texts = append(texts, own...)
			texts[len(texts)-1] += strings.Join(append([]string{""}, consequences...), ", ")
		case len(consequences) > 0:
			texts = append(texts, consequences...)
		default:
			texts = append(texts, problem.Message+": "+problem.Reason)
		}
	}
	for i := range texts {
		texts[i] = clip(texts[i])
	}
	return texts
}

// unevaluated is what the validator says of a field that no schema has, and of every field beside one that breaks a rule.
const unevaluated = "false schema"

// clip keeps complaints about large bodies short.
func clip(text string) string {
	const most = 1000
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
