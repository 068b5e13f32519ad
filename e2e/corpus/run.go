package corpus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/descriptorpb"

	"ordermanagement/e2e/documents"
)

// stepTimeout is how long one step may take.
const stepTimeout = 30 * time.Second

// Record is what came of one step, for comparing it with what came of it elsewhere.
type Record struct {
	Step     int
	Call     string // the method; "" of an HTTP request
	Why      string
	Protocol string
	Result   *Result
	// Apart says that the protocols can't say the same here.
	Apart bool
	// Broken says that the request could not be read to its end: which headers are on their way by then is chance.
	Broken bool
}

// Runner runs a case over a transport.
type Runner struct {
	Transport Transport
	Reasons   map[string]Codes
	Case      *Case
	// Tokens are the bearer tokens of the case's callers by name; empty when nobody is asked for one.
	Tokens map[string]string
	// Settle waits until no call of a method, such as "UpdateOrders", is running any more.
	Settle func(ctx context.Context, method string) error
	// Documents are what requests and answers over HTTP must be like; nil when nobody looks at that.
	Documents *documents.Documents
	// Report is told what is wrong.
	Report func(format string, args ...any)

	vars     map[string]any
	snapshot string // of all that is stored in the case's tenants; "" when it must be read again
}

// Run runs all steps and answers what came of those that the transport can do, by the step's number. After each step that is
// refused it makes sure that nothing has changed.
func (r *Runner) Run(ctx context.Context) []*Record {
	tokens := map[string]any{}
	for name, token := range r.Tokens {
		tokens[name] = token
	}
	r.vars = map[string]any{"token": tokens, "draft": draft, "tenant": r.Case.tenantOf("owner")}
	var records []*Record
	for i, raw := range r.Case.Steps {
		record, err := r.runStep(ctx, raw)
		if err != nil {
			why := ""
			if text, ok := raw["why"].(string); ok {
				why = " (" + text + ")"
			} else if vars, ok := raw["vars"].(map[string]any); ok {
				why = fmt.Sprintf(" (%v)", clip(vars))
			}
			r.Report("step %d%s: %v", i+1, why, err)
		}
		if record != nil {
			record.Step = i
			records = append(records, record)
		}
	}
	return records
}

// draft is the smallest order that can be confirmed: ${draft} in every case.
var draft = map[string]any{"currencyCode": "USD", "lineItems": []any{map[string]any{
	"title": "Pen", "quantity": 1, "unitPrice": map[string]any{"currencyCode": "USD", "units": "2"},
}}}

func (r *Runner) runStep(ctx context.Context, raw map[string]any) (*Record, error) {
	mine, err := forProtocol(raw, r.Transport.Protocol())
	if err != nil || !r.can(mine) {
		return nil, err
	}
	step, err := r.prepare(mine)
	if err != nil {
		return nil, err
	}
	refusal := (step.Reason != "" || step.Code != "") && !step.Changes && !step.harmless()
	before := ""
	if refusal {
		if before, err = r.stored(ctx); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	result, err := r.do(ctx, step)
	if result == nil {
		r.snapshot = ""
		return nil, err
	}
	record := &Record{Call: step.Call, Why: step.Why, Protocol: r.Transport.Protocol(), Result: result, Broken: step.broken()}
	record.Apart = record.Broken || raw["grpc"] != nil || raw["rest"] != nil || result.Code == codes.Canceled
	err = errors.Join(err, r.check(step, result))
	if step.Save != "" && result.Error == nil {
		r.save(step.Save, result)
	}
	r.snapshot = ""
	if result.Code == codes.Canceled && step.Call != "" {
		// The client is gone, the handler may not be yet.
		_, name, _ := strings.Cut(step.Call, "/")
		err = errors.Join(err, r.Settle(ctx, name))
	}
	if refusal {
		after, readErr := r.stored(ctx)
		if readErr == nil && after != before {
			readErr = fmt.Errorf("it was refused, but something has changed: from %s to %s", before, after)
		}
		err = errors.Join(err, readErr)
	}
	return record, err
}

// prepare puts variables into a step.
func (r *Runner) prepare(raw map[string]any) (*Step, error) {
	vars := maps.Clone(r.vars)
	if row, ok := raw["vars"].(map[string]any); ok {
		filled, err := fill(row, vars) // what a row makes may stand anywhere
		if err != nil {
			return nil, err
		}
		maps.Copy(vars, filled.(map[string]any))
	}
	bare := maps.Clone(raw)
	delete(bare, "vars")
	filled, err := fill(bare, vars)
	if err != nil {
		return nil, err
	}
	step := &Step{}
	return step, decode(filled, step)
}

func texts(value any) []string {
	list, _ := value.([]any)
	all := make([]string, len(list))
	for i := range list {
		all[i] = fmt.Sprint(list[i])
	}
	return all
}

// can says whether the transport can do the step.
func (r *Runner) can(raw map[string]any) bool {
	if raw["http"] != nil && r.Transport.Protocol() != "rest" {
		return false
	}
	only := texts(raw["only"])
	return len(only) == 0 || slices.Contains(only, r.Transport.Name()) || slices.Contains(only, r.Transport.Protocol())
}

func (r *Runner) save(name string, result *Result) {
	if len(result.Answers) == 1 {
		r.vars[name] = result.Answers[0]
		return
	}
	r.vars[name] = result.Answers
}

// do takes a step, and checks what was sent over HTTP against the documents.
func (r *Runner) do(ctx context.Context, step *Step) (*Result, error) {
	result, err := r.take(ctx, step)
	if r.Documents != nil && result != nil && result.Exchange != nil {
		result.Exchange.Open = len(r.Tokens) == 0
		err = errors.Join(err, r.Documents.Check(result.Exchange))
	}
	return result, err
}

func (r *Runner) take(ctx context.Context, step *Step) (*Result, error) {
	if step.HTTP != "" {
		header := http.Header{}
		for name, values := range r.credentials(step.As, step.Headers) {
			header[http.CanonicalHeaderKey(name)] = values
		}
		raw, ok := r.Transport.(interface {
			Raw(context.Context, *Step, http.Header) (*Result, error)
		})
		if !ok {
			return nil, fmt.Errorf("%s has no HTTP", r.Transport.Name())
		}
		result, err := raw.Raw(ctx, step, header)
		if result != nil {
			result.Header = ownHeaders(result.Header)
		}
		return result, err
	}
	method, err := methodOf(step.Call)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	exchange, err := r.Transport.Begin(ctx, Call{Method: method, Path: step.Path, Metadata: r.credentials(step.As, step.Metadata)})
	if err != nil {
		return nil, err
	}
	c := &conversation{exchange: exchange, method: method, cancel: cancel}
	if err := c.hold(step); err != nil {
		return nil, err
	}
	return c.result, c.wrong
}

// credentials adds the caller's token, unless the step says itself what stands in Authorization.
func (r *Runner) credentials(as string, given map[string]Values) map[string]Values {
	all := maps.Clone(given)
	if all == nil {
		all = map[string]Values{}
	}
	if as == "" {
		as = "owner"
	}
	token, known := r.Tokens[as] // nobody has none
	for name := range all {
		known = known && http.CanonicalHeaderKey(name) != "Authorization"
	}
	if known {
		all["authorization"] = Values{"Bearer " + token}
	}
	return all
}

// broken says whether the request can't be read to its end.
func (s *Step) broken() bool {
	return s.Undecodable != nil || s.Reason == "REQUEST_TOO_LARGE" ||
		slices.ContainsFunc(s.Dialog, func(turn Turn) bool { return turn.Undecodable != nil })
}

// harmless says whether the step calls what can't change anything, as the contract says it.
func (s *Step) harmless() bool {
	if s.HTTP != "" {
		return strings.HasPrefix(s.HTTP, "GET ") || strings.HasPrefix(s.HTTP, "HEAD ")
	}
	method, err := methodOf(s.Call)
	return err == nil && method.Options().(*descriptorpb.MethodOptions).GetIdempotencyLevel() == descriptorpb.MethodOptions_NO_SIDE_EFFECTS
}

// stored is all that is stored in the tenants of the case, as this transport shows it.
func (r *Runner) stored(ctx context.Context) (string, error) {
	if r.snapshot != "" {
		return r.snapshot, nil
	}
	tenants := []string{"owner"}
	if slices.ContainsFunc(r.Case.Steps, func(step map[string]any) bool { return step["as"] == stranger }) {
		tenants = append(tenants, stranger)
	}
	for _, caller := range tenants {
		for _, list := range []struct {
			call    string
			request map[string]any
		}{
			{"ordermanagement.v2.OrderService/ListOrders", map[string]any{"pageSize": 1000, "showDeleted": true}},
			{"ordermanagement.v2.CatalogService/ListProducts", map[string]any{"pageSize": 1000}},
		} {
			result, err := r.do(ctx, &Step{Call: list.call, As: caller, Request: list.request})
			if err == nil && result.Error != nil {
				err = fmt.Errorf("%v", result.Error)
			}
			if err != nil {
				return "", fmt.Errorf("see what is stored: %s: %w", list.call, err)
			}
			r.snapshot += fmt.Sprintln(result.Answers...)
		}
	}
	return r.snapshot, nil
}
