package report

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ordermanagement/bench/measure"
)

func TestVerdict(t *testing.T) {
	full := Target{RPS: 1, CPU: 0.9, Mark: 0.6}
	for _, test := range []struct {
		name     string
		target   Target
		rps, cpu float64
		want     string
	}{
		{"both", full, 1, 0.9, pass},
		{"too much CPU", full, 1.5, 0.91, miss + ", first mark reached"},
		{"on the way", full, 0.6, 0.1, miss + ", first mark reached"},
		{"not even that", full, 0.59, 0.1, miss},
		{"no mark", Target{RPS: 5, CPU: 0.25}, 4.99, 0.1, miss},
		{"CPU is not aimed at", Target{RPS: 1.4}, 1.4, 9, pass},
		{"no target", Target{}, 0.1, 9, information},
	} {
		c := measure.Comparison{RPS: measure.Spread{Median: test.rps}, CPU: measure.Spread{Median: test.cpu}}
		if got := test.target.Verdict(c); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func TestComparisons(t *testing.T) {
	side := measure.Side{Requests: 10, RPS: 1234.5, CPU: 35500, P50: time.Millisecond, P99: 2 * time.Millisecond}
	got := Comparisons([]Row{
		{
			Claim: "GetOrder", Protocol: "gRPC", Clients: 64, Ours: "server", Peer: "bare", Target: Target{RPS: 1, CPU: 0.9, Mark: 0.6},
			Result: measure.Comparison{RPS: measure.Spread{Median: 0.7, Min: 0.6, Max: 0.8}, CPU: measure.Spread{Median: 2, Min: 1, Max: 3}, Ours: side, Peer: side},
			Syncs:  900.4, Note: "does nothing",
		},
		{Claim: "CreateOrder", Protocol: "gRPC", Clients: 1, Ours: "server", Peer: "etcd", Err: errors.New("no answer")},
		{Claim: "CreateOrder", Protocol: "gRPC", Clients: 2, Ours: "server", Peer: "bare", Note: "does nothing", Err: errors.New("no answer")},
	})
	want := `
| what              | clients | ours   | against | × rps (min–max)  | target                 | × CPU (min–max)  | target | verdict                  | rps ours / peer | CPU µs a request | p50 ms      | p99 ms      | requests | fdatasync/s |
| ----------------- | ------- | ------ | ------- | ---------------- | ---------------------- | ---------------- | ------ | ------------------------ | --------------- | ---------------- | ----------- | ----------- | -------- | ----------- |
| GetOrder, gRPC    | 64      | server | bare    | 0.70 (0.60–0.80) | ≥ 1.0 (first mark 0.6) | 2.00 (1.00–3.00) | ≤ 0.90 | MISS, first mark reached | 1234 / 1234     | 36 / 36          | 1.00 / 1.00 | 2.00 / 2.00 | 10 / 10  | 900         |
| CreateOrder, gRPC | 1       | server | etcd    |                  | –                      |                  | –      | FAILED                   |                 |                  |             |             |          |             |
| CreateOrder, gRPC | 2       | server | bare    |                  | –                      |                  | –      | FAILED                   |                 |                  |             |             |          |             |

- bare: does nothing.
`
	if got != want[1:] {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPeerWithoutCPU(t *testing.T) {
	got := Comparisons([]Row{{Result: measure.Comparison{CPU: measure.Spread{Median: 7}, Ours: measure.Side{CPU: time.Millisecond}}}})
	if !strings.Contains(got, "1000 / –") || strings.Contains(got, "7.00") {
		t.Errorf("%s", got)
	}
}

func TestQuantities(t *testing.T) {
	got := Quantities([]Quantity{
		{What: "memory", Unit: "MiB", Target: 64, Values: []float64{64}, Note: "at its peak"},
		{What: "start", Unit: "ms", Target: 50, Values: []float64{80, 51, 49}},
		{What: "first start", Unit: "ms", Values: []float64{80}},
		{What: "stop", Unit: "ms", Target: 50, Err: errors.New("no")},
	})
	want := `
| what        | measured (min–max)           | target   | verdict         |
| ----------- | ---------------------------- | -------- | --------------- |
| memory      | 64.0 MiB                     | ≤ 64 MiB | PASS            |
| start       | 51.0 ms (49.0–80.0), 3 times | ≤ 50 ms  | MISS            |
| first start | 80.0 ms                      | –        | for information |
| stop        |                              | ≤ 50 ms  | FAILED          |

- memory: at its peak.
`
	if got != want[1:] {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNoTableWithoutRows(t *testing.T) {
	if got := strings.TrimSpace(Comparisons(nil) + Quantities(nil)); got != "" {
		t.Errorf("%q", got)
	}
}
