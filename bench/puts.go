package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"google.golang.org/protobuf/encoding/protowire"

	"ordermanagement/bench/load"
	"ordermanagement/bench/order"
)

// The fields of etcd's messages that are used here (etcd/api/etcdserverpb/rpc.proto).
const (
	putKey, putValue = 1, 2 // PutRequest
	answerHeader     = 1    // PutResponse
	headerRevision   = 3    // ResponseHeader
)

// putOverGRPC puts the order's bytes under new keys.
func putOverGRPC(l *lab, r *running, clients int) (*load.Clients, error) {
	client, err := r.dialGRPC(l, clients)
	if err != nil {
		return nil, err
	}
	value, err := os.ReadFile(l.orderPB)
	if err != nil {
		return nil, err
	}
	message := protowire.AppendTag(nil, putKey, protowire.BytesType)
	message = protowire.AppendString(message, order.Key)
	message = protowire.AppendTag(message, putValue, protowire.BytesType)
	message = protowire.AppendBytes(message, value)
	made := &load.Clients{Close: client.Close}
	var puts []*order.Unique
	for i := range clients {
		requests, err := order.NewUnique(&r.keys, message, plain)
		if err != nil {
			return nil, err
		}
		puts = append(puts, requests)
		made.Calls = append(made.Calls, client.Call(i, load.Message{
			Method: "/etcdserverpb.KV/Put", Body: requests.Next, Check: order.Growing(putRevision),
		}))
	}
	made.After = func(ctx context.Context) error { return l.readPuts(ctx, r, puts, value) }
	return made, nil
}

// putRevision is the revision in a PutResponse.
func putRevision(answer []byte) (int64, error) {
	header, err := field(answer, answerHeader, protowire.BytesType, protowire.ConsumeBytes)
	if err != nil {
		return 0, err
	}
	revision, err := field(header, headerRevision, protowire.VarintType, protowire.ConsumeVarint)
	return int64(revision), err
}

// field is the first field of a message that has this number and type.
func field[T any](message []byte, number protowire.Number, kind protowire.Type, consume func([]byte) (T, int)) (value T, err error) {
	for len(message) > 0 {
		n, k, size := protowire.ConsumeTag(message)
		if size < 0 {
			return value, protowire.ParseError(size)
		}
		message = message[size:]
		if n == number && k == kind {
			value, size = consume(message)
			return value, protowire.ParseError(size)
		}
		if size = protowire.ConsumeFieldValue(n, k, message); size < 0 {
			return value, protowire.ParseError(size)
		}
		message = message[size:]
	}
	return value, fmt.Errorf("no field %d", number)
}

// inBase64 is the encoding of keys and values in etcd's JSON.
func inBase64(data []byte) []byte { return base64.StdEncoding.AppendEncode(nil, data) }

// putOverHTTP puts the order's bytes under new keys.
func putOverHTTP(l *lab, r *running, clients int) (*load.Clients, error) {
	value, err := os.ReadFile(l.orderPB)
	if err != nil {
		return nil, err
	}
	message, err := json.Marshal(map[string][]byte{"key": []byte(order.Key), "value": value})
	if err != nil {
		return nil, err
	}
	client := r.dialHTTP(l, clients)
	made := &load.Clients{Close: client.Close}
	var puts []*order.Unique
	for range clients {
		requests, err := order.NewUnique(&r.keys, message, inBase64)
		if err != nil {
			return nil, err
		}
		puts = append(puts, requests)
		made.Calls = append(made.Calls, client.Call(load.Request{
			Method: http.MethodPost, Path: "/v3/kv/put", Header: map[string]string{"Content-Type": "application/json"},
			Body: requests.Next, Check: order.Growing(order.NumberAfter(`"revision":"`)),
		}))
	}
	made.After = func(ctx context.Context) error { return l.readPuts(ctx, r, puts, value) }
	return made, nil
}

// readPuts reads the last value that each client put.
func (l *lab) readPuts(ctx context.Context, r *running, puts []*order.Unique, value []byte) error {
	for _, put := range puts {
		question, err := json.Marshal(map[string][]byte{"key": put.Key()})
		if err != nil {
			return err
		}
		answer, err := l.request(ctx, r, http.MethodPost, "/v3/kv/range", question)
		if err != nil {
			return err
		}
		var got struct{ Kvs []struct{ Value []byte } }
		if err := json.Unmarshal(answer, &got); err != nil {
			return err
		}
		if len(got.Kvs) != 1 || string(got.Kvs[0].Value) != string(value) {
			return fmt.Errorf("key %s after it was put: %.500s", put.Key(), answer)
		}
	}
	return nil
}
