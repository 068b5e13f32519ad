package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
)

// ordered is a JSON object whose members keep their order: people read the documents from top to bottom.
type ordered[V any] struct {
	keys   []string
	values map[string]V
}

func (o *ordered[V]) set(key string, value V) {
	if o.values == nil {
		o.values = map[string]V{}
	}
	if _, ok := o.values[key]; !ok {
		o.keys = append(o.keys, key)
	}
	o.values[key] = value
}

func (o *ordered[V]) get(key string) (V, bool) {
	if o == nil {
		var none V
		return none, false
	}
	value, ok := o.values[key]
	return value, ok
}

func (o *ordered[V]) all() iter.Seq2[string, V] {
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
func (o *ordered[V]) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for key, value := range o.all() {
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		member, err := encode(map[string]V{key: value})
		if err != nil {
			return nil, err
		}
		out.Write(bytes.TrimSuffix(bytes.TrimPrefix(member, []byte("{")), []byte("}")))
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// UnmarshalJSON keeps the order in which the members come.
func (o *ordered[V]) UnmarshalJSON(data []byte) error {
	*o = ordered[V]{}
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
		if err := decode(raw, &value); err != nil {
			return fmt.Errorf("%v: %w", key, err)
		}
		o.set(key.(string), value)
	}
	return nil
}

// decode refuses what it has no field for: a part of a document that we don't know must not get lost.
func decode(data []byte, v any) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	return decoder.Decode(v)
}

// encode writes JSON in one line, with <, > and & as they are.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
