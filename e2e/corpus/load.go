package corpus

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"ordermanagement/e2e/documents"
)

// Corpus is everything in testdata.
type Corpus struct {
	Cases []*Case
	// Reasons are the gRPC and the HTTP code of every reason.
	Reasons map[string]Codes
	// Documents is where the OpenAPI documents and the service differ on purpose.
	Documents documents.Rules
}

// Codes are the two codes of an error.
type Codes struct {
	GRPC string `json:"grpc"`
	HTTP int    `json:"http"`
}

// Load reads the corpus from a folder of YAML files.
func Load(files fs.FS) (*Corpus, error) {
	c := &Corpus{Reasons: map[string]Codes{}}
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		if err := c.add(strings.TrimSuffix(path.Base(name), ".yaml"), data); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	seen := map[string]bool{}
	for i, one := range c.Cases {
		if seen[one.Name] {
			return nil, fmt.Errorf("two cases are called %q", one.Name)
		}
		seen[one.Name] = true
		one.id = i
	}
	return c, nil
}

// file is what a file of the corpus may hold.
type file struct {
	Cases       []*Case          `json:"cases"`
	Reasons     map[string]Codes `json:"reasons"`
	Transitions *transitions     `json:"transitions"`
	Documents   *documents.Rules `json:"documents"`
}

func (c *Corpus) add(topic string, data []byte) error {
	var raw map[string]any
	if err := yaml.Unmarshal(data, &raw); err != nil {
		return err
	}
	var f file
	if err := decode(raw, &f); err != nil {
		return err
	}
	maps.Copy(c.Reasons, f.Reasons)
	if f.Documents != nil {
		c.Documents = *f.Documents
	}
	cases := f.Cases
	if f.Transitions != nil {
		cases = append(cases, f.Transitions.cases()...)
	}
	for _, one := range cases {
		one.Name = topic + ": " + one.Name
		if one.Server == "" {
			one.Server = "default"
		}
		steps, err := expand(one.Steps)
		if err != nil {
			return fmt.Errorf("%s: %w", one.Name, err)
		}
		one.Steps = steps
		c.Cases = append(c.Cases, one)
	}
	return nil
}

// decode reads a value of YAML or JSON into a type that knows every field of it.
func decode(value, into any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	return decoder.Decode(into)
}

// expand repeats every step that has `each`, once for each row. What a row says under the name of a field of Step takes
// the place of that field; all of a row are variables.
func expand(steps []map[string]any) ([]map[string]any, error) {
	var all []map[string]any
	for i, step := range steps {
		rows, ok := step["each"].([]any)
		if !ok {
			if step["each"] != nil {
				return nil, fmt.Errorf("step %d: each is not a list", i)
			}
			rows = []any{map[string]any{}}
		}
		for _, row := range rows {
			row, ok := row.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("step %d: a row of each is not a map", i)
			}
			one := maps.Clone(step)
			delete(one, "each")
			vars := map[string]any{}
			for key, value := range row {
				vars[key] = value
				if slices.Contains(stepFields, key) || key == "grpc" || key == "rest" {
					one[key] = value
				}
			}
			if len(vars) > 0 {
				one["vars"] = vars
			}
			if _, err := forProtocol(one, ""); err != nil {
				return nil, fmt.Errorf("step %d: %w", i, err)
			}
			all = append(all, one)
		}
	}
	return all, nil
}

// stepFields are the names of Step's fields.
var stepFields = func() []string {
	var names []string
	for field := range reflect.TypeFor[Step]().Fields() {
		names = append(names, field.Tag.Get("json"))
	}
	return names
}()

// forProtocol is a step as it is for one protocol: what stands under "grpc" or "rest" takes the place of the rest.
func forProtocol(step map[string]any, protocol string) (map[string]any, error) {
	one := maps.Clone(step)
	for _, name := range []string{"grpc", "rest"} {
		override, _ := one[name].(map[string]any)
		delete(one, name)
		if name == protocol {
			maps.Copy(one, override)
		}
		for key := range override {
			if !slices.Contains(stepFields, key) {
				return nil, fmt.Errorf("there is no field %q", key)
			}
		}
	}
	for key := range one {
		if !slices.Contains(stepFields, key) {
			return nil, fmt.Errorf("there is no field %q", key)
		}
	}
	return one, checkNames(one)
}

// checkNames makes sure that a step names callers and transports that there are: with a misspelt one it would prove nothing.
func checkNames(step map[string]any) error {
	as, _ := step["as"].(string)
	if _, known := callers[as]; as != "" && as != nobody && !known && !strings.Contains(as, "${") {
		return fmt.Errorf("there is no caller %q", as)
	}
	for _, name := range texts(step["only"]) {
		if !slices.Contains([]string{"grpc", "rest", "server", "published", "serve", "gateway"}, name) {
			return fmt.Errorf("there is no transport %q", name)
		}
	}
	if (step["call"] == nil) == (step["http"] == nil) {
		return errors.New("a step has either a call or an HTTP request")
	}
	return nil
}

// transitions is the table of an order's states: how each is reached, and what each method makes of it.
type transitions struct {
	Reach map[string][]string          `json:"reach"`
	Table map[string]map[string]string `json:"table"`
}

// cases makes one case of each state: an order for every method, brought there, then the method tried on it.
func (t *transitions) cases() []*Case {
	var cases []*Case
	for _, state := range slices.Sorted(maps.Keys(t.Table)) {
		one := &Case{Name: "from " + state}
		for _, method := range slices.Sorted(maps.Keys(t.Table[state])) {
			order := "orders/" + strings.ToLower(method)
			one.Steps = append(one.Steps, map[string]any{
				"call":    "ordermanagement.v2.OrderService/CreateOrder",
				"request": map[string]any{"orderId": strings.ToLower(method), "order": "${draft}"},
			})
			for _, before := range t.Reach[state] {
				one.Steps = append(one.Steps, transition(before, order))
			}
			last := transition(method, order)
			switch outcome := t.Table[state][method]; {
			case outcome == strings.ToUpper(outcome) && slices.Contains(states, outcome):
				last["answer"] = map[string]any{"state": outcome}
			default:
				last["reason"] = outcome
			}
			last["why"] = method + " from " + state
			one.Steps = append(one.Steps, last)
		}
		cases = append(cases, one)
	}
	return cases
}

// states are what an outcome in the table may be, besides a reason.
var states = []string{"DRAFT", "CONFIRMED", "ON_HOLD", "CANCELED"}

func transition(method, order string) map[string]any {
	return map[string]any{"call": "ordermanagement.v2.OrderService/" + method, "request": map[string]any{"name": order}}
}
