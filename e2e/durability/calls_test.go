package durability

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"

	_ "google.golang.org/genproto/googleapis/rpc/errdetails" // the details that errors carry
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/e2e/process"
	"ordermanagement/gen/ecommerce"
	v1 "ordermanagement/gen/ordermanagement/v1"
	v2 "ordermanagement/gen/ordermanagement/v2"
)

// calls are the calls of the tests, each over the protocol that its caller chooses.
type calls struct {
	service *process.Service
	legacy  ecommerce.OrderManagementClient
	orders  v2.OrderServiceClient
	http    *http.Client
}

func connect(t testing.TB, service *process.Service) *calls {
	t.Helper()
	connection := service.Dial(t)
	return &calls{
		service: service,
		legacy:  ecommerce.NewOrderManagementClient(connection),
		orders:  v2.NewOrderServiceClient(connection),
		http:    service.Client(t),
	}
}

// A protocol is the way of a call.
type protocol string

const (
	overGRPC protocol = "gRPC"
	overREST protocol = "REST"
)

// create creates an order under an idempotency key.
func (c *calls) create(ctx context.Context, way protocol, key string, order *v2.Order) (answer *v2.Order, replayed bool, err error) {
	if way == overREST {
		answer = &v2.Order{}
		replayed, err = c.post(ctx, "/v2/orders", key, order, answer)
		return answer, replayed, err
	}
	var header metadata.MD
	answer, err = c.orders.CreateOrder(ctx, &v2.CreateOrderRequest{Order: order, RequestId: key}, grpc.Header(&header))
	return answer, isReplay(header), err
}

// confirm confirms an order under an idempotency key.
func (c *calls) confirm(ctx context.Context, way protocol, key, name string) (answer *v2.Order, replayed bool, err error) {
	if way == overREST {
		answer = &v2.Order{}
		replayed, err = c.post(ctx, "/v2/"+name+":confirm", key, &v2.ConfirmOrderRequest{}, answer)
		return answer, replayed, err
	}
	var header metadata.MD
	answer, err = c.orders.ConfirmOrder(ctx, &v2.ConfirmOrderRequest{Name: name, RequestId: key}, grpc.Header(&header))
	return answer, isReplay(header), err
}

func isReplay(header metadata.MD) bool {
	values := header.Get("idempotency-replayed")
	return len(values) == 1 && values[0] == "true"
}

// add adds an order of v1.
func (c *calls) add(ctx context.Context, way protocol, order *v1.Order) (string, error) {
	answer := &wrapperspb.StringValue{}
	var err error
	if way == overREST {
		_, err = c.post(ctx, "/v1/orders", "", order, answer)
	} else {
		answer, err = c.legacy.AddOrder(ctx, order)
	}
	return answer.GetValue(), err
}

// update replaces orders of v1.
func (c *calls) update(ctx context.Context, orders []*v1.Order) (string, error) {
	stream, err := c.legacy.UpdateOrders(ctx)
	if err != nil {
		return "", err
	}
	for _, order := range orders {
		if stream.Send(order) != nil {
			break // why is what CloseAndRecv says
		}
	}
	answer, err := stream.CloseAndRecv()
	return answer.GetValue(), err
}

// list reads every order, page by page.
func (c *calls) list(ctx context.Context) ([]*v2.Order, error) {
	var all []*v2.Order
	request := &v2.ListOrdersRequest{PageSize: 200, OrderBy: "create_time"}
	for {
		page, err := c.orders.ListOrders(ctx, request)
		if err != nil {
			return nil, err
		}
		all = append(all, page.GetOrders()...)
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return all, nil
		}
	}
}

// post calls a method over HTTP. An answer that is an error comes back as the status it carries; any other error means
// that there was no whole answer.
func (c *calls) post(ctx context.Context, path, key string, body, answer proto.Message) (replayed bool, err error) {
	sent, err := protojson.Marshal(body)
	if err != nil {
		return false, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.service.URL(path), bytes.NewReader(sent))
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return false, errors.Join(errLost, err)
	}
	defer response.Body.Close()
	received, err := io.ReadAll(response.Body)
	if err != nil {
		return false, errors.Join(errLost, err)
	}
	if response.StatusCode != http.StatusOK {
		refusal := &spb.Status{}
		if err := protojson.Unmarshal(received, refusal); err != nil {
			return false, fmt.Errorf("%s: %s: %w", path, response.Status, err)
		}
		return false, status.FromProto(refusal).Err()
	}
	return response.Header.Get("Idempotency-Replayed") == "true", protojson.Unmarshal(received, answer)
}

var errLost = errors.New("no whole answer")

// lost says whether an error is what a caller sees of a process that goes: the call may have been done or not.
func lost(err error) bool {
	return errors.Is(err, errLost) || status.Code(err) == codes.Unavailable
}
