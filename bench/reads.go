package main

import (
	"net/http"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"ordermanagement/bench/load"
	"ordermanagement/bench/order"
	ordermanagementv2 "ordermanagement/gen/ordermanagement/v2"
)

// getOrderName is the number of GetOrderRequest's one field.
const getOrderName = 1

// A caller connects so many clients to a contestant.
type caller func(l *lab, r *running, clients int) (*load.Clients, error)

// getOverGRPC reads the order.
func getOverGRPC(l *lab, r *running, clients int) (*load.Clients, error) {
	client, err := r.dialGRPC(l, clients)
	if err != nil {
		return nil, err
	}
	made := &load.Clients{Close: client.Close}
	for i := range clients {
		made.Calls = append(made.Calls, client.Call(i, getMessage(r.credential, r.stored(l))))
	}
	return made, nil
}

// stored is the order that reads ask for.
func (r *running) stored(l *lab) *ordermanagementv2.Order {
	if r.order != nil {
		return r.order
	}
	return l.order
}

// getMessage reads an order and expects it to be this one.
func getMessage(c credential, want *ordermanagementv2.Order) load.Message {
	body := protowire.AppendString(protowire.AppendTag(nil, getOrderName, protowire.BytesType), want.GetName())
	return load.Message{
		Method:        ordermanagementv2.OrderService_GetOrder_FullMethodName,
		Authorization: c.authorization,
		Body:          func() []byte { return body },
		Check:         order.Same(want, proto.Unmarshal),
	}
}

// getOverHTTP reads the order.
func getOverHTTP(l *lab, r *running, clients int) (*load.Clients, error) {
	client := r.dialHTTP(l, clients)
	made := &load.Clients{Close: client.Close}
	for range clients {
		made.Calls = append(made.Calls, client.Call(load.Request{
			Method: http.MethodGet, Path: "/v2/" + order.Name, Header: r.header(),
			Check: order.Same(l.order, protojson.Unmarshal),
		}))
	}
	return made, nil
}
