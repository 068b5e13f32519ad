package drain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"

	pbv1 "ordermanagement/gen/ordermanagement/v1"
	pbv2 "ordermanagement/gen/ordermanagement/v2"
)

// load is callers that call one after the other until they are told to stop. Every failure is kept.
type load struct {
	pair   *pair
	ctx    context.Context // of calls; it ends only if they hang
	stop   chan struct{}
	ended  sync.WaitGroup
	routed [2]atomic.Bool // whether REST goes to the server, as a balancer decides by its readiness

	mu       sync.Mutex
	done     map[string]int // calls that went well, by kind
	failures []error
}

func startLoad(t *testing.T, p *pair) *load {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	l := &load{pair: p, ctx: ctx, stop: make(chan struct{}), done: make(map[string]int)}
	t.Cleanup(func() {
		l.end()
		cancel()
	})
	conn := p.dial(t)
	for range 3 {
		l.repeat("unary", func() error { return read(ctx, conn) })
		l.repeat("write", func() error { return write(ctx, conn) })
	}
	for range 2 {
		l.repeat("stream", func() error { return stream(ctx, conn) })
	}
	l.balance()
	for major := 1; major <= 2; major++ {
		for range 2 {
			client, turn := p.http(t, major), 0
			l.repeat(fmt.Sprintf("HTTP/%d", major), func() error {
				turn++
				return l.rest(client, turn)
			})
		}
	}
	return l
}

func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.ended.Wait()
}

func (l *load) repeat(kind string, call func() error) {
	l.ended.Go(func() {
		for {
			select {
			case <-l.stop:
				return
			default:
			}
			err := call()
			l.mu.Lock()
			if err != nil {
				l.failures = append(l.failures, fmt.Errorf("%s: %w", kind, err))
			} else {
				l.done[kind]++
			}
			l.mu.Unlock()
		}
	})
}

// counts are the calls of each kind that went well so far.
func (l *load) counts() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := make(map[string]int)
	for kind, n := range l.done {
		counts[kind] = n
	}
	return counts
}

// progress waits until every kind of call has gone well some times more.
func (l *load) progress(t *testing.T, more int) {
	t.Helper()
	before := l.counts()
	until(t, "calls of every kind", func() bool {
		now := l.counts()
		for _, kind := range []string{"unary", "write", "stream", "HTTP/1", "HTTP/2"} {
			if now[kind] < before[kind]+more {
				return false
			}
		}
		return true
	})
}

// balance asks both servers for their readiness, and routes REST accordingly.
func (l *load) balance() {
	for i, s := range l.pair.servers {
		l.routed[i].Store(true)
		l.ended.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-l.stop:
					return
				case <-tick.C:
					l.routed[i].Store(ready(s))
				}
			}
		})
	}
}

func read(ctx context.Context, conn *grpc.ClientConn) error {
	_, err := pbv2.NewOrderServiceClient(conn).GetOrder(ctx, &pbv2.GetOrderRequest{Name: "orders/102"})
	return err
}

func draft() *pbv2.Order {
	return &pbv2.Order{CurrencyCode: "USD"}
}

func write(ctx context.Context, conn *grpc.ClientConn) error {
	_, err := pbv2.NewOrderServiceClient(conn).CreateOrder(ctx, &pbv2.CreateOrderRequest{Order: draft()})
	return err
}

// stream is a whole conversation.
func stream(ctx context.Context, conn *grpc.ClientConn) error {
	return converse(pbv1.NewOrderManagementClient(conn).ProcessOrders(ctx))
}

func converse(s pbv1.OrderManagement_ProcessOrdersClient, err error) error {
	if err != nil {
		return err
	}
	for _, id := range []string{"102", "103", "104"} {
		if err := s.Send(wrapperspb.String(id)); err != nil && !errors.Is(err, io.EOF) { // Recv tells why
			return err
		}
	}
	if err := s.CloseSend(); err != nil {
		return err
	}
	for answers := 0; ; answers++ {
		_, err := s.Recv()
		if errors.Is(err, io.EOF) && answers > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// rest calls by turns the servers that are ready, reading and writing; a write is not repeated by net/http.
func (l *load) rest(client *http.Client, turn int) error {
	i := turn % 2
	if !l.routed[i].Load() {
		i = 1 - i
	}
	method, path, body := http.MethodGet, "/v1/orders/102", ""
	if turn%4 < 2 {
		method, path, body = http.MethodPost, "/v2/orders", `{"currencyCode":"USD"}`
	}
	response, err := l.pair.send(l.ctx, client, i, method, path, body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s", method, path, response.Status)
	}
	return err
}

func (p *pair) send(ctx context.Context, client *http.Client, i int, method, path, body string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "https://"+p.servers[i].HTTP+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	return response, err
}
