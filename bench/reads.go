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

// callsPerConnection is how many gRPC clients share a connection, as the parts of one program do.
const callsPerConnection = 8

// getOrderName is the number of GetOrderRequest's one field.
const getOrderName = 1

// A caller connects so many clients to a contestant.
type caller func(l *lab, r *running, clients int) (*load.Clients, error)

// getOverGRPC reads the order.
func getOverGRPC(l *lab, r *running, clients int) (*load.Clients, error) {
	client, err := load.NewGRPC(r.grpc, l.tls, (clients+callsPerConnection-1)/callsPerConnection)
	if err != nil {
		return nil, err
	}
	made := &load.Clients{Close: client.Close}
	for i := range clients {
		made.Calls = append(made.Calls, getCall(l, client, i, l.order))
	}
	return made, nil
}

// getCall reads an order and expects it to be this one.
func getCall(l *lab, client *load.GRPC, number int, want *ordermanagementv2.Order) load.Call {
	body := protowire.AppendString(protowire.AppendTag(nil, getOrderName, protowire.BytesType), want.GetName())
	return client.Call(number, load.Message{
		Method: ordermanagementv2.OrderService_GetOrder_FullMethodName,
		Token:  l.token,
		Body:   func() []byte { return body },
		Check:  order.Same(want, proto.Unmarshal),
	})
}

// getOverHTTP reads the order.
func getOverHTTP(l *lab, r *running, clients int) (*load.Clients, error) {
	client := load.NewHTTP(r.http, l.tls, clients)
	made := &load.Clients{Close: client.Close}
	for range clients {
		made.Calls = append(made.Calls, client.Call(load.Request{
			Method: http.MethodGet, Path: "/v2/" + order.Name, Header: l.authorization(),
			Check: order.Same(l.order, protojson.Unmarshal),
		}))
	}
	return made, nil
}

func (l *lab) authorization() map[string]string {
	return map[string]string{"Authorization": "Bearer " + l.token}
}
