// Package report prints what was measured beside what was aimed at, as Markdown tables that are aligned for reading in a
// terminal too.
package report

import (
	"fmt"
	"time"

	"ordermanagement/bench/measure"
)

// Verdicts.
const (
	pass        = "PASS"
	miss        = "MISS"
	failed      = "FAILED"
	information = "for information"
)

// Target is what a row aims at. What is zero is not aimed at.
type Target struct {
	RPS  float64 // at least so many times the peer's requests a second
	CPU  float64 // at most so many times the peer's CPU a request
	Mark float64 // times the peer's requests a second: reached on the way to RPS
}

// Verdict says whether a comparison reaches the target.
func (t Target) Verdict(c measure.Comparison) string {
	switch {
	case t.RPS == 0 && t.CPU == 0:
		return information
	case c.RPS.Median >= t.RPS && (t.CPU == 0 || c.CPU.Median <= t.CPU):
		return pass
	case t.Mark > 0 && c.RPS.Median >= t.Mark:
		return miss + ", first mark reached"
	default:
		return miss
	}
}

func (t Target) rps() string {
	switch {
	case t.RPS == 0:
		return "–"
	case t.Mark > 0:
		return fmt.Sprintf("≥ %.1f (first mark %.1f)", t.RPS, t.Mark)
	default:
		return fmt.Sprintf("≥ %.1f", t.RPS)
	}
}

func (t Target) cpu() string {
	if t.CPU == 0 {
		return "–"
	}
	return fmt.Sprintf("≤ %.2f", t.CPU)
}

// Row is one comparison.
type Row struct {
	Claim, Protocol string
	Clients         int
	Ours, Peer      string
	Target          Target
	Result          measure.Comparison
	Syncs           float64 // what the disk can do meanwhile, a second; zero where nothing waits for it
	Note            string  // what a reader has to know of the peer
	Err             error   // why there is no result
}

// Comparisons is the table of comparisons, and the notes below it.
func Comparisons(rows []Row) string {
	t := table{header: []string{
		"what", "clients", "ours", "against", "× rps (min–max)", "target", "× CPU (min–max)", "target", "verdict",
		"rps ours / peer", "CPU µs a request", "p50 ms", "p99 ms", "requests", "fdatasync/s",
	}}
	for _, r := range rows {
		cells := []string{r.Claim + ", " + r.Protocol, fmt.Sprint(r.Clients), r.Ours, r.Peer}
		if r.Err != nil {
			t.add(append(cells, "", r.Target.rps(), "", r.Target.cpu(), failed)...)
			continue
		}
		c := r.Result
		t.add(append(cells,
			spread(c.RPS), r.Target.rps(), r.cpu(), r.Target.cpu(), r.Target.Verdict(c),
			fmt.Sprintf("%.0f / %.0f", c.Ours.RPS, c.Peer.RPS),
			fmt.Sprintf("%.0f / %s", micros(c.Ours.CPU), r.peerCPU()),
			fmt.Sprintf("%.2f / %.2f", millis(c.Ours.P50), millis(c.Peer.P50)),
			fmt.Sprintf("%.2f / %.2f", millis(c.Ours.P99), millis(c.Peer.P99)),
			fmt.Sprintf("%d / %d", c.Ours.Requests, c.Peer.Requests), r.syncs(),
		)...)
	}
	var notes notes
	for _, r := range rows {
		notes.add(r.Peer, r.Note)
	}
	return t.String() + notes.String()
}

// cpu is empty when the peer is no process of which the CPU was measured.
func (r Row) cpu() string {
	if r.Result.Peer.CPU == 0 {
		return "–"
	}
	return spread(r.Result.CPU)
}

func (r Row) peerCPU() string {
	if r.Result.Peer.CPU == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", micros(r.Result.Peer.CPU))
}

func (r Row) syncs() string {
	if r.Syncs == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", r.Syncs)
}

// Quantity is something of ours that has no peer.
type Quantity struct {
	What, Unit string
	Target     float64   // at most; zero for none
	Values     []float64 // one of each time it was measured
	Note       string    // what a reader has to know of them
	Err        error     // why there is none
}

// Verdict says whether the median reaches the target.
func (q Quantity) Verdict() string {
	switch {
	case q.Err != nil:
		return failed
	case q.Target == 0:
		return information
	case measure.NewSpread(q.Values).Median <= q.Target:
		return pass
	default:
		return miss
	}
}

// Quantities is the table of quantities.
func Quantities(quantities []Quantity) string {
	t := table{header: []string{"what", "measured (min–max)", "target", "verdict"}}
	var notes notes
	for _, q := range quantities {
		target, measured := "–", ""
		if q.Target > 0 {
			target = fmt.Sprintf("≤ %.0f %s", q.Target, q.Unit)
		}
		if q.Err == nil {
			s := measure.NewSpread(q.Values)
			measured = fmt.Sprintf("%.1f %s", s.Median, q.Unit)
			if len(q.Values) > 1 {
				measured += fmt.Sprintf(" (%.1f–%.1f), %d times", s.Min, s.Max, len(q.Values))
			}
		}
		t.add(q.What, measured, target, q.Verdict())
		notes.add(q.What, q.Note)
	}
	return t.String() + notes.String()
}

func spread(s measure.Spread) string {
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
