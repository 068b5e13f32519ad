package gateway_test

import (
	"fmt"
	"io"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
)

// What is over the limits of headers is refused in the shape of all errors, over HTTP/1.1 and HTTP/2.
func TestLargeHeader(t *testing.T) {
	fields := func(n int) (header []string) {
		for i := range n {
			header = append(header, fmt.Sprintf("Grpc-Metadata-Colour-%d", i), "red")
		}
		return header
	}
	var repeated []string
	for range 200 {
		repeated = append(repeated, "Grpc-Metadata-Colour", "red")
	}
	cases := []struct {
		name, path string
		header     []string
		refused    bool
	}{
		{"100 fields", "/v1/orders/1", fields(100), false},
		{"129 fields", "/v1/orders/1", fields(129), true},
		{"2000 fields", "/v1/orders/1", fields(2000), true},
		{"one field, repeated", "/v1/orders/1", repeated, true},
		{"a long field", "/v1/orders/1", []string{"Grpc-Metadata-Colour", strings.Repeat("x", 60<<10)}, false},
		{"a field that is too long", "/v1/orders/1", []string{"Grpc-Metadata-Colour", strings.Repeat("x", 64<<10)}, true},
		{"a name that is too long", "/v1/orders/1", []string{"Grpc-Metadata-" + strings.Repeat("x", 64<<10), "x"}, true},
		{"fields that are too long together", "/v1/orders/1", []string{"A", strings.Repeat("x", 30<<10), "B", strings.Repeat("x", 40<<10)}, true},
		{"a cookie that is too long", "/v1/orders/1", []string{"Cookie", "a=" + strings.Repeat("b", 70<<10)}, true},
		{"where nothing is", "/nothing", []string{"A", strings.Repeat("x", 64<<10)}, true},
		{"a long query", "/v1/orders:search?value=" + strings.Repeat("x", 90<<10), nil, false},
		{"a query that is too long", "/v1/orders:search?value=" + strings.Repeat("x", 100<<10), nil, true},
		{"a path that is too long", "/v1/orders/" + strings.Repeat("x", 100<<10), nil, true},
	}
	everyWay(t, oneRecord(), func(t *testing.T, front *front) {
		for _, test := range cases {
			a := front.ask(t, "GET", test.path, "", test.header...)
			switch {
			case test.refused:
				failed(t, a, 431, "HEADERS_TOO_LARGE")
			case a.StatusCode != 200:
				t.Errorf("%s: %d %s", test.name, a.StatusCode, a.body)
			}
		}
		if !strings.Contains(front.log.String(), `"status":431`) {
			t.Error("what was refused is not in the log")
		}
	})
}

// The limit is the same to the byte, whatever the version of HTTP.
func TestHeaderLimitIsTheSame(t *testing.T) {
	var limits []int
	for _, major := range []int{1, 2} {
		front := serve(t, inProcess(t, oneRecord()), major)
		limits = append(limits, sort.Search(70<<10, func(n int) bool {
			return front.ask(t, "GET", "/v1/orders/1", "", "A", strings.Repeat("x", n)).StatusCode == 431
		}))
	}
	if slices.Min(limits) != slices.Max(limits) || limits[0] < 64<<10-1000 || limits[0] > 64<<10 {
		t.Errorf("limits are %d", limits)
	}
}

// What is larger by far net/http refuses before there is a handler. HTTP/2 announces where that begins, and Go's client
// obeys.
func TestHeaderBeyondNetHTTP(t *testing.T) {
	value := strings.Repeat("x", 250<<10)
	front1, front2 := serve(t, inProcess(t, oneRecord()), 1), serve(t, inProcess(t, oneRecord()), 2)
	conn := front1.dial(t)
	var sent sync.WaitGroup
	sent.Go(func() {
		_, _ = io.WriteString(conn, "GET /v1/orders/1 HTTP/1.1\r\nHost: example.com\r\nA: "+value+"\r\n\r\n")
	})
	got := make([]byte, len("HTTP/1.1 431 "))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != "HTTP/1.1 431 " {
		t.Errorf("HTTP/1.1: %q, %v", got, err)
	}
	_ = conn.Close()
	sent.Wait()
	front2.ask(t, "GET", "/v1/orders/1", "") // so that the client has the settings
	_, err := front2.http.Do(front2.request(t, "GET", "/v1/orders/1", nil, "A", value))
	if err == nil || !strings.Contains(err.Error(), "larger than peer's advertised limit") {
		t.Errorf("HTTP/2: %v", err)
	}
}
