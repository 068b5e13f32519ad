package measure

import (
	"errors"
	"slices"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	for _, test := range []struct {
		values []float64
		want   Spread
	}{
		{[]float64{2}, Spread{2, 2, 2}},
		{[]float64{3, 1, 2}, Spread{2, 1, 3}},
		{[]float64{4, 1, 3, 2}, Spread{2.5, 1, 4}},
	} {
		if got := NewSpread(test.values); got != test.want {
			t.Errorf("NewSpread(%v) = %v, want %v", test.values, got, test.want)
		}
	}
	values := []float64{3, 1, 2}
	if NewSpread(values); !slices.Equal(values, []float64{3, 1, 2}) {
		t.Errorf("NewSpread has changed its values: %v", values)
	}
}

func TestQuantile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for _, test := range []struct {
		sorted []int
		q      float64
		want   int
	}{
		{nil, 0.5, 0},
		{[]int{7}, 0.99, 7},
		{[]int{1, 2, 3, 4}, 0.5, 2},
		{[]int{1, 2, 3}, 0.5, 2},
		{hundred, 0, 1},
		{hundred, 0.99, 99},
		{hundred, 1, 100},
	} {
		if got := Quantile(test.sorted, test.q); got != test.want {
			t.Errorf("Quantile of %d values, %v = %d, want %d", len(test.sorted), test.q, got, test.want)
		}
	}
}

func TestRoundTakesTurns(t *testing.T) {
	var order []string
	turn := func(name string) func() (Slice, error) {
		return func() (Slice, error) {
			order = append(order, name)
			return Slice{Requests: len(order)}, nil
		}
	}
	round, err := NewRound(turn("peer"), turn("ours"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"peer", "ours", "ours", "peer"}; !slices.Equal(order, want) {
		t.Errorf("turns: %v, want %v", order, want)
	}
	requests := []int{round.Peer[0].Requests, round.Ours[0].Requests, round.Ours[1].Requests, round.Peer[1].Requests}
	if !slices.Equal(requests, []int{1, 2, 3, 4}) {
		t.Errorf("slices of the turns: %v", requests)
	}
}

func TestRoundEndsAtTheFirstFailure(t *testing.T) {
	broken := errors.New("broken")
	turns := 0
	_, err := NewRound(
		func() (Slice, error) { turns++; return Slice{}, nil },
		func() (Slice, error) { turns++; return Slice{}, broken },
	)
	if !errors.Is(err, broken) || turns != 2 {
		t.Errorf("%v after %d turns", err, turns)
	}
}

func TestCompare(t *testing.T) {
	slice := func(requests int, cpu time.Duration, latencies ...time.Duration) Slice {
		return Slice{Requests: requests, Elapsed: time.Second, CPU: cpu, Latencies: latencies}
	}
	rounds := []Round{
		{ // twice as many requests, a quarter of the CPU for each
			Peer: [2]Slice{slice(100, time.Second, 5, 1), slice(100, time.Second, 2)},
			Ours: [2]Slice{slice(150, 500*time.Millisecond, 9), slice(250, 500*time.Millisecond, 4)},
		},
		{ // as many
			Peer: [2]Slice{slice(100, time.Second), slice(100, time.Second)},
			Ours: [2]Slice{slice(100, time.Second), slice(100, time.Second)},
		},
		{ // a quarter as many
			Peer: [2]Slice{slice(100, time.Second), slice(100, time.Second)},
			Ours: [2]Slice{slice(25, time.Second/2), slice(25, time.Second/2)},
		},
	}
	got := Compare(rounds)
	want := Comparison{
		RPS:  Spread{Median: 1, Min: 0.25, Max: 2},
		CPU:  Spread{Median: 1, Min: 0.25, Max: 2},
		Peer: Side{Requests: 600, RPS: 100, CPU: 10 * time.Millisecond, P50: 2, P99: 5},
		Ours: Side{Requests: 650, RPS: 100, CPU: 10 * time.Millisecond, P50: 4, P99: 9},
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestSlowdown(t *testing.T) {
	round := Round{
		Peer: [2]Slice{{Latencies: []time.Duration{2, 1}}, {Latencies: []time.Duration{4, 3}}},
		Ours: [2]Slice{{Latencies: []time.Duration{10}}, {Latencies: []time.Duration{6, 5}}},
	}
	for q, want := range map[float64]float64{1: 2.5, 0.5: 3} {
		if got := round.Slowdown(q); got != want {
			t.Errorf("Slowdown(%v) = %v, want %v", q, got, want)
		}
	}
}

func TestSyncs(t *testing.T) {
	dir := t.TempDir()
	rate, err := Syncs(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	if rate <= 0 {
		t.Errorf("%v syncs a second", rate)
	}
	if _, err := Syncs(dir+"/missing", 0); err == nil {
		t.Error("a directory that is missing has a rate")
	}
}
