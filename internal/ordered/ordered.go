// Package ordered holds JSON objects whose members keep their order.
package ordered

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
)

// Object is a JSON object whose members keep their order: people read documents from top to bottom.
type Object[V any] struct {
	keys   []string
	values map[string]V
}

// Set adds a member at the end, or replaces the value of one that is there.
func (o *Object[V]) Set(key string, value V) {
	if o.values == nil {
		o.values = map[string]V{}
	}
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

// Get finds a member.
func (o *Object[V]) Get(key string) (V, bool) {
	if o == nil {
		var none V
		return none, false
	}
	value, ok := o.values[key]
	return value, ok
}

// All goes through the members in their order.
func (o *Object[V]) All() iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		if o == nil {
			return
		}
		for _, key := range o.keys {
			if !yield(key, o.values[key]) {
				return
			}
		}
	}
}

// MarshalJSON writes the members in their order.
func (o *Object[V]) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for key, value := range o.All() {
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		member, err := Encode(map[string]V{key: value})
		if err != nil {
			return nil, err
		}
		out.Write(bytes.TrimSuffix(bytes.TrimPrefix(member, []byte("{")), []byte("}")))
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// UnmarshalJSON keeps the order in which the members come.
func (o *Object[V]) UnmarshalJSON(data []byte) error {
	*o = Object[V]{}
	decoder := json.NewDecoder(bytes.NewReader(data))
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return fmt.Errorf("%.40s… is no JSON object", data)
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			return err
		}
		var value V
		if err := Decode(raw, &value); err != nil {
			return fmt.Errorf("%v: %w", key, err)
		}
		o.Set(key.(string), value)
	}
	return nil
}

// Decode refuses what it has no field for: a part of a document that we don't know must not get lost.
func Decode(data []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
}

// Encode writes JSON in one line, with <, > and & as they are.
func Encode(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
