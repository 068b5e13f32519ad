package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"ordermanagement/bench/load"
	"ordermanagement/bench/order"
	ordermanagementv2 "ordermanagement/gen/ordermanagement/v2"
)

// ulidLength is that of the ids that the service gives to orders.
const ulidLength = 26

// plain is the encoding of a key that is sent as it is.
func plain(key []byte) []byte { return key }

// createOverGRPC creates orders.
func createOverGRPC(l *lab, r *running, clients int) (*load.Clients, error) {
	return l.createAll(r, clients, "")
}

// createKeyedOverGRPC creates orders, each with a request id of its own.
func createKeyedOverGRPC(l *lab, r *running, clients int) (*load.Clients, error) {
	return l.createAll(r, clients, requestID)
}

const (
	// A request id is a UUID, whose last digits are here those of the order's key.
	requestIDStart  = "6f1c2b1e-0a4d-4c59-8f7e-"
	requestIDDigits = 12
	// requestID is a stand-in for that of a request.
	requestID = requestIDStart + "000000000000"
)

// createAll makes clients that create orders, with request ids like the given one unless it is empty.
func (l *lab) createAll(r *running, clients int, id string) (*load.Clients, error) {
	client, err := r.dialGRPC(l, clients)
	if err != nil {
		return nil, err
	}
	draft, err := order.Draft()
	if err != nil {
		return nil, err
	}
	draft.ExternalId = order.Key
	message, err := proto.Marshal(&ordermanagementv2.CreateOrderRequest{Order: draft, RequestId: id})
	if err != nil {
		return nil, err
	}
	made := &load.Clients{Close: client.Close}
	var created []*order.Created
	for i := range clients {
		requests, err := order.NewUnique(&r.keys, message, plain)
		if err != nil {
			return nil, err
		}
		check := order.NewCreated(requests, "orders/", ulidLength)
		created = append(created, check)
		made.Calls = append(made.Calls, client.Call(i, load.Message{
			Method:        ordermanagementv2.OrderService_CreateOrder_FullMethodName,
			Authorization: r.authorization,
			Body:          keyed(requests, id),
			Check:         check.Check,
		}))
	}
	made.After = func(ctx context.Context) error { return l.readBack(ctx, r, created, proto.Unmarshal) }
	return made, nil
}

// keyed gives each request a request id of its own, in the place of the given one.
func keyed(requests *order.Unique, id string) func() []byte {
	if id == "" {
		return requests.Next
	}
	at := -1
	return func() []byte {
		message, key := requests.Next(), requests.Key()
		if at < 0 {
			at = bytes.Index(message, []byte(requestIDStart)) + len(requestIDStart)
		}
		copy(message[at:], key[len(key)-requestIDDigits:])
		return message
	}
}

// createOverHTTP creates orders.
func createOverHTTP(l *lab, r *running, clients int) (*load.Clients, error) {
	made, created, err := l.postDrafts(r, clients, "/v2/orders", "orders/", ulidLength)
	if err != nil {
		return nil, err
	}
	made.After = func(ctx context.Context) error { return l.readBack(ctx, r, created, protojson.Unmarshal) }
	return made, nil
}

// createInPocketBase creates records with the same fields.
func createInPocketBase(l *lab, r *running, clients int) (*load.Clients, error) {
	const idLength, path = 15, "/api/collections/orders/records"
	made, created, err := l.postDrafts(r, clients, path, `"id":"`, idLength)
	if err != nil {
		return nil, err
	}
	made.After = func(ctx context.Context) error {
		for _, c := range created {
			id, want := c.Last()
			got, err := l.request(ctx, r, http.MethodGet, path+"/"+id, nil)
			if err != nil {
				return err
			}
			if string(got) != string(want) {
				return fmt.Errorf("record %s reads %s, it was %s when it was created", id, got, want)
			}
		}
		return nil
	}
	return made, nil
}

// postDrafts makes clients that post the draft of an order as JSON.
func (l *lab) postDrafts(r *running, clients int, path, idAfter string, idLength int) (*load.Clients, []*order.Created, error) {
	draft, err := order.Draft()
	if err != nil {
		return nil, nil, err
	}
	draft.ExternalId = order.Key
	message, err := compactJSON(draft)
	if err != nil {
		return nil, nil, err
	}
	header := r.header()
	header["Content-Type"] = "application/json"
	client := r.dialHTTP(l, clients)
	made := &load.Clients{Close: client.Close}
	var created []*order.Created
	for range clients {
		requests, err := order.NewUnique(&r.keys, message, plain)
		if err != nil {
			return nil, nil, err
		}
		check := order.NewCreated(requests, idAfter, idLength)
		created = append(created, check)
		made.Calls = append(made.Calls, client.Call(load.Request{
			Method: http.MethodPost, Path: path, Header: header, Body: requests.Next, Check: check.Check,
		}))
	}
	return made, created, nil
}

// readBack reads the last order that each client created: it must be what the answer to its creation said.
func (l *lab) readBack(ctx context.Context, r *running, created []*order.Created, decode func([]byte, proto.Message) error) error {
	client, err := r.dialGRPC(l, 1)
	if err != nil {
		return err
	}
	defer client.Close()
	for _, c := range created {
		id, answer := c.Last()
		want := new(ordermanagementv2.Order)
		if err := decode(answer, want); err != nil {
			return err
		}
		if err := client.Call(0, getMessage(r.credential, want))(ctx); err != nil {
			return fmt.Errorf("order %s after it was created: %w", id, err)
		}
	}
	return nil
}

// compactJSON is ProtoJSON without the spaces that protojson puts here and there.
func compactJSON(message proto.Message) ([]byte, error) {
	spaced, err := protojson.Marshal(message)
	if err != nil {
		return nil, err
	}
	var compact bytes.Buffer
	err = json.Compact(&compact, spaced)
	return compact.Bytes(), err
}
