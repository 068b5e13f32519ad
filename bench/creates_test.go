package main

import (
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"ordermanagement/bench/order"
	ordermanagementv2 "ordermanagement/gen/ordermanagement/v2"
)

// TestKeyed: every request has a request id of its own, and is otherwise the message that it was made of.
func TestKeyed(t *testing.T) {
	request := &ordermanagementv2.CreateOrderRequest{
		Order:     &ordermanagementv2.Order{ExternalId: order.Key, Description: "a lamp"},
		RequestId: requestID,
	}
	message, err := proto.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	requests, err := order.NewUnique(new(atomic.Int64), message, plain)
	if err != nil {
		t.Fatal(err)
	}
	next, seen := keyed(requests, requestID), make(map[string]bool)
	for range 12 {
		got := new(ordermanagementv2.CreateOrderRequest)
		if err := proto.Unmarshal(next(), got); err != nil {
			t.Fatal(err)
		}
		if len(got.RequestId) != len(requestID) || seen[got.RequestId] || seen[got.Order.ExternalId] {
			t.Errorf("%v", got)
		}
		seen[got.RequestId], seen[got.Order.ExternalId] = true, true
		got.RequestId, got.Order.ExternalId = request.RequestId, request.Order.ExternalId
		if !proto.Equal(got, request) {
			t.Errorf("%v, want %v", got, request)
		}
	}
}
