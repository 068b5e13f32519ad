package replicas

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	v2 "ordermanagement/gen/ordermanagement/v2"
)

// way is how orders are written and read.
type way interface {
	create(ctx context.Context, key string, order *v2.Order) (answer *v2.Order, replayed bool, err error)
	// describe changes the description of an order that has the etag.
	describe(ctx context.Context, key, name, etag, text string) (answer *v2.Order, replayed bool, err error)
	get(ctx context.Context, name string) (*v2.Order, error)
}

type overGRPC struct{ conn *grpc.ClientConn }

func (w overGRPC) create(ctx context.Context, key string, order *v2.Order) (*v2.Order, bool, error) {
	var header metadata.MD
	answer, err := v2.NewOrderServiceClient(w.conn).CreateOrder(
		metadata.AppendToOutgoingContext(ctx, "idempotency-key", key), &v2.CreateOrderRequest{Order: order}, grpc.Header(&header))
	return answer, replay(header.Get("idempotency-replayed")...), permitted(err, false)
}

func (w overGRPC) describe(ctx context.Context, key, name, etag, text string) (*v2.Order, bool, error) {
	var header metadata.MD
	answer, err := v2.NewOrderServiceClient(w.conn).UpdateOrder(ctx,
		&v2.UpdateOrderRequest{Order: &v2.Order{Name: name, Etag: etag, Description: text}, RequestId: key}, grpc.Header(&header))
	return answer, replay(header.Get("idempotency-replayed")...), permitted(err, false)
}

func (w overGRPC) get(ctx context.Context, name string) (*v2.Order, error) {
	answer, err := v2.NewOrderServiceClient(w.conn).GetOrder(ctx, &v2.GetOrderRequest{Name: name})
	return answer, permitted(err, false)
}

func replay(values ...string) bool { return len(values) == 1 && values[0] == "true" }

// overREST calls a gateway.
type overREST struct {
	client *http.Client
	base   string
}

func (w overREST) create(ctx context.Context, key string, order *v2.Order) (*v2.Order, bool, error) {
	return w.call(ctx, http.MethodPost, "/v2/orders", order, "Idempotency-Key", key)
}

func (w overREST) describe(ctx context.Context, key, name, etag, text string) (*v2.Order, bool, error) {
	return w.call(ctx, http.MethodPatch, "/v2/"+name+"?updateMask=description", &v2.Order{Description: text}, "Idempotency-Key", key, "If-Match", etag)
}

func (w overREST) get(ctx context.Context, name string) (*v2.Order, error) {
	answer, _, err := w.call(ctx, http.MethodGet, "/v2/"+name, nil)
	return answer, err
}

func (w overREST) call(ctx context.Context, method, path string, body *v2.Order, header ...string) (*v2.Order, bool, error) {
	var sent []byte
	if body != nil {
		var err error
		if sent, err = protojson.Marshal(body); err != nil {
			return nil, false, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, w.base+path, bytes.NewReader(sent))
	if err != nil {
		return nil, false, err
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := w.client.Do(request)
	if err != nil {
		return nil, false, err // the gateway is there all the time
	}
	defer response.Body.Close()
	received, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, false, err
	}
	if response.StatusCode != http.StatusOK {
		refusal := &spb.Status{}
		if err := protojson.Unmarshal(received, refusal); err != nil {
			return nil, false, fmt.Errorf("%s %s: %s: %w", method, path, response.Status, err)
		}
		err := permitted(status.FromProto(refusal).Err(), true)
		if isRefusal(err) && response.Header.Get("Retry-After") == "" {
			return nil, false, fmt.Errorf("no Retry-After: %s", received)
		}
		return nil, false, err
	}
	answer := &v2.Order{}
	return answer, replay(response.Header["Idempotency-Replayed"]...), protojson.Unmarshal(received, answer)
}

// refusal is an error after which a caller is right to repeat.
type refusal struct{ error }

func isRefusal(err error) bool { _, ok := err.(refusal); return ok }

// permitted tells refusals from errors that callers must never see. Those that are ours say when to repeat. Over gRPC,
// grpc-go makes one of its own when a connection is lost, which has no details; a gateway's errors are all ours.
func permitted(err error, viaGateway bool) error {
	if err == nil {
		return nil
	}
	st := status.Convert(err)
	if code := st.Code(); code != codes.Unavailable && code != codes.Aborted {
		return err
	}
	ours, retry := viaGateway, false
	for _, detail := range st.Details() {
		switch detail.(type) {
		case *errdetails.ErrorInfo:
			ours = true
		case *errdetails.RetryInfo:
			retry = true
		}
	}
	if ours && !retry {
		return fmt.Errorf("no RetryInfo: %w %v", err, st.Details())
	}
	return refusal{err}
}
