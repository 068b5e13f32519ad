// Package measure compares two contestants that take turns under load: A B B A, again and again, so that what the
// machine does meanwhile falls on both alike. Ratios are made within one such round, and their median is the result.
package measure

import (
	"slices"
	"time"
)

// Slice is what one contestant did in one turn.
type Slice struct {
	Requests  int
	Elapsed   time.Duration
	CPU       time.Duration // of all its processes
	Latencies []time.Duration
}

// A Round is four turns: of the peer, ours, ours, the peer.
type Round struct {
	Peer, Ours [2]Slice
}

// NewRound runs a round. The functions run one turn each.
func NewRound(peer, ours func() (Slice, error)) (r Round, err error) {
	for _, turn := range []struct {
		run func() (Slice, error)
		to  *Slice
	}{{peer, &r.Peer[0]}, {ours, &r.Ours[0]}, {ours, &r.Ours[1]}, {peer, &r.Peer[1]}} {
		if *turn.to, err = turn.run(); err != nil {
			return r, err
		}
	}
	return r, nil
}

// Slowdown is ours to the peer's of a quantile of the latencies.
func (r Round) Slowdown(q float64) float64 {
	return float64(latency(r.Ours, q)) / float64(latency(r.Peer, q))
}

// latency is a quantile of all requests of a pair of turns.
func latency(pair [2]Slice, q float64) time.Duration {
	return Quantile(slices.Sorted(slices.Values(slices.Concat(pair[0].Latencies, pair[1].Latencies))), q)
}

// Comparison is what the rounds show.
type Comparison struct {
	RPS, CPU   Spread // ours to the peer's: requests a second, CPU a request
	Peer, Ours Side
}

// A Side is what one contestant did in all rounds.
type Side struct {
	Requests int
	RPS      float64       // median of the rounds
	CPU      time.Duration // a request, median of the rounds
	P50, P99 time.Duration // latency, of all requests
}

// Compare needs at least one round.
func Compare(rounds []Round) Comparison {
	var rps, cpu []float64
	var peer, ours [][2]Slice
	for _, r := range rounds {
		rps = append(rps, rate(r.Ours)/rate(r.Peer))
		cpu = append(cpu, cost(r.Ours)/cost(r.Peer))
		peer, ours = append(peer, r.Peer), append(ours, r.Ours)
	}
	return Comparison{RPS: NewSpread(rps), CPU: NewSpread(cpu), Peer: newSide(peer), Ours: newSide(ours)}
}

func newSide(turns [][2]Slice) Side {
	var s Side
	var rps, cpu []float64
	var latencies []time.Duration
	for _, pair := range turns {
		rps, cpu = append(rps, rate(pair)), append(cpu, cost(pair))
		for _, slice := range pair {
			s.Requests += slice.Requests
			latencies = append(latencies, slice.Latencies...)
		}
	}
	slices.Sort(latencies)
	s.RPS, s.CPU = NewSpread(rps).Median, time.Duration(NewSpread(cpu).Median)
	s.P50, s.P99 = Quantile(latencies, 0.50), Quantile(latencies, 0.99)
	return s
}

// rate is requests a second.
func rate(pair [2]Slice) float64 {
	return float64(pair[0].Requests+pair[1].Requests) / (pair[0].Elapsed + pair[1].Elapsed).Seconds()
}

// cost is nanoseconds of CPU a request.
func cost(pair [2]Slice) float64 {
	return float64(pair[0].CPU+pair[1].CPU) / float64(pair[0].Requests+pair[1].Requests)
}
