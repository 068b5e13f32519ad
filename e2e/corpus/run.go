package corpus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// stepTimeout is how long one step may take.
const stepTimeout = 30 * time.Second

// Record is what came of one step, for comparing it with what came of it elsewhere.
type Record struct {
	Step     int
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
	step, err := r.prepare(raw)
	if err != nil || !r.can(step) {
		return nil, err
	}
	refusal := step.Reason != "" || step.Code != ""
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
	record := &Record{Why: step.Why, Protocol: r.Transport.Protocol(), Result: result,
		Apart: step.Undecodable != nil || raw["grpc"] != nil || raw["rest"] != nil || result.Code == codes.Canceled}
	record.Broken = step.Undecodable != nil || step.Reason == "REQUEST_TOO_LARGE" ||
		slices.ContainsFunc(step.Dialog, func(turn Turn) bool { return turn.Undecodable != nil })
	record.Apart = record.Apart || record.Broken
	err = errors.Join(err, r.check(step, result))
	if step.Save != "" && result.Error == nil {
		r.save(step.Save, result)
	}
	r.snapshot = ""
	if refusal && !step.Changes {
		after, readErr := r.stored(ctx)
		if readErr == nil && after != before {
			readErr = fmt.Errorf("it was refused, but something has changed: from %s to %s", before, after)
		}
		err = errors.Join(err, readErr)
	}
	return record, err
}

// prepare makes the step that this transport runs, with variables put in.
func (r *Runner) prepare(raw map[string]any) (*Step, error) {
	one, err := forProtocol(raw, r.Transport.Protocol())
	if err != nil {
		return nil, err
	}
	vars := maps.Clone(r.vars)
	if row, ok := one["vars"].(map[string]any); ok {
		filled, err := fill(row, vars) // what a row makes may stand anywhere
		if err != nil {
			return nil, err
		}
		maps.Copy(vars, filled.(map[string]any))
	}
	delete(one, "vars")
	if !r.can(&Step{Only: texts(one["only"]), HTTP: fmt.Sprint(one["http"])}) && one["http"] != nil {
		return &Step{Only: []string{"another"}}, nil // its variables may not be there
	}
	filled, err := fill(one, vars)
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
func (r *Runner) can(step *Step) bool {
	if step.HTTP != "" && r.Transport.Protocol() != "rest" {
		return false
	}
	return len(step.Only) == 0 || slices.Contains(step.Only, r.Transport.Name()) || slices.Contains(step.Only, r.Transport.Protocol())
}

func (r *Runner) save(name string, result *Result) {
	if len(result.Answers) == 1 {
		r.vars[name] = result.Answers[0]
		return
	}
	r.vars[name] = result.Answers
}

func (r *Runner) do(ctx context.Context, step *Step) (*Result, error) {
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
	token, known := r.Tokens[as]
	for name := range all {
		known = known && http.CanonicalHeaderKey(name) != "Authorization"
	}
	if known {
		all["authorization"] = Values{"Bearer " + token}
	}
	return all
}

// stored is all that is stored in the tenants of the case, as this transport shows it.
func (r *Runner) stored(ctx context.Context) (string, error) {
	if r.snapshot != "" {
		return r.snapshot, nil
	}
	for _, caller := range []string{"owner", stranger} {
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

// conversation is one call on its way.
type conversation struct {
	exchange Exchange
	method   protoreflect.MethodDescriptor
	cancel   context.CancelFunc
	canceled bool
	answers  []any
	result   *Result
	wrong    error // answers in a dialog that are not those expected
}

// hold holds the conversation that the step describes.
func (c *conversation) hold(step *Step) error {
	turns := step.Dialog
	if turns == nil {
		requests := step.Requests
		if !c.method.IsStreamingClient() {
			requests = []any{step.Request}
		}
		if step.Undecodable != nil && !c.method.IsStreamingClient() {
			m, err := parse(c.method.Input(), step.Request)
			if err != nil {
				return err
			}
			if err := c.exchange.Send(&message{proto: m, undecodable: step.Undecodable}); err != nil {
				return err
			}
			requests = nil
		}
		turns = []Turn{{Send: requests}}
	}
	closed := false
	for _, turn := range turns {
		if err := c.take(turn); err != nil {
			return err
		}
		closed = closed || turn.Close || turn.Cancel
	}
	if !closed {
		if err := c.exchange.CloseSend(); err != nil {
			return err
		}
	}
	for more := true; more; {
		var err error
		if more, err = c.receive(); err != nil {
			return err
		}
	}
	c.result = c.exchange.Result()
	c.result.Answers = c.answers
	if c.canceled {
		c.result = &Result{Code: codes.Canceled}
	}
	return nil
}

func (c *conversation) take(turn Turn) error {
	for _, request := range turn.Send {
		m, err := parse(c.method.Input(), request)
		if err != nil {
			return err
		}
		if err := c.exchange.Send(&message{proto: m}); err != nil {
			return err
		}
	}
	if turn.Undecodable != nil {
		if err := c.exchange.Send(&message{undecodable: turn.Undecodable}); err != nil {
			return err
		}
	}
	for i, want := range turn.Receive {
		more, err := c.receive()
		if err != nil {
			return err
		}
		if !more {
			return fmt.Errorf("the call has ended before answer %d of this turn: %v", i, c.exchange.Result().Error)
		}
		if difference := differ("turn", want, c.answers[len(c.answers)-1]); difference != "" {
			c.wrong = errors.Join(c.wrong, errors.New(difference))
		}
	}
	switch {
	case turn.Close:
		return c.exchange.CloseSend()
	case turn.Cancel:
		c.canceled = true
		c.cancel()
	}
	return nil
}

func (c *conversation) receive() (bool, error) {
	answer, err := c.exchange.Receive()
	if err != nil || answer == nil {
		return false, err
	}
	value, err := jsonOf(answer)
	c.answers = append(c.answers, value)
	return true, err
}
