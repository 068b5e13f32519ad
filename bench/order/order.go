// Package order is the order that every contestant keeps or answers with, and the checks of their answers.
package order

import (
	_ "embed"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	ordermanagementv2 "ordermanagement/gen/ordermanagement/v2"
)

// ID is the id of the order that reads ask for.
const ID = "01KAPW5V5QJ8S2T4B6N0R9X7CE"

// Name is its resource name.
const Name = "orders/" + ID

//go:embed order.json
var draft []byte

// Draft is what a client sends to have the order created, as the service's own types. external_id is left to the
// caller, since it is unique.
func Draft() (*ordermanagementv2.Order, error) {
	order := new(ordermanagementv2.Order)
	if err := protojson.Unmarshal(draft, order); err != nil {
		return nil, fmt.Errorf("order.json: %w", err)
	}
	return order, nil
}

// maxForms is in how many ways one contestant may write the same order: the entries of a map come in any order.
const maxForms = 8

// Same makes a check that an answer is this order, for one client. Each form of it is decoded when it is first seen,
// and compared byte by byte from then on.
func Same(want *ordermanagementv2.Order, decode func([]byte, proto.Message) error) func([]byte) error {
	var forms []string
	return func(answer []byte) error {
		for _, form := range forms {
			if string(answer) == form {
				return nil
			}
		}
		got := new(ordermanagementv2.Order)
		if err := decode(answer, got); err != nil {
			return fmt.Errorf("answer %.200q: %w", answer, err)
		}
		if !proto.Equal(got, want) {
			return fmt.Errorf("another order than the expected one: %v", got)
		}
		if len(forms) == maxForms {
			return fmt.Errorf("more than %d forms of one order", maxForms)
		}
		forms = append(forms, string(answer))
		return nil
	}
}
