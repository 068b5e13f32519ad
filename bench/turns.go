package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ordermanagement/bench/load"
	"ordermanagement/bench/measure"
	"ordermanagement/bench/report"
)

// measure starts both contestants of a row, lets them take turns, and stops them.
func (l *lab) measure(ctx context.Context, r row, o options) (result report.Row, err error) {
	result = report.Row{
		Claim: r.claim, Protocol: r.protocol, Clients: r.clients, Ours: r.ours.name, Peer: r.peer.name, Target: r.target,
		Note: r.peer.note,
	}
	defer func() { result.Err = err }()
	peer, err := l.enter(ctx, r.peer, r.clients)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, peer.leave()) }()
	ours, err := l.enter(ctx, r.ours, r.clients)
	if err != nil {
		return result, err
	}
	defer func() { err = errors.Join(err, ours.leave()) }()

	turn := func(e *entrant, length time.Duration) func() (measure.Slice, error) {
		return func() (measure.Slice, error) { return e.turn(ctx, length) }
	}
	// To warm up: connections, caches, the heap's size.
	if _, err := measure.NewRound(turn(peer, o.slice/2), turn(ours, o.slice/2)); err != nil {
		return result, err
	}
	var rounds []measure.Round
	var syncs []float64
	for range o.rounds {
		round, err := measure.NewRound(turn(peer, o.slice), turn(ours, o.slice))
		if err != nil {
			return result, err
		}
		rounds = append(rounds, round)
		if r.durable {
			rate, err := measure.Syncs(l.dir, o.slice/2)
			if err != nil {
				return result, err
			}
			syncs = append(syncs, rate)
		}
	}
	result.Result = measure.Compare(rounds)
	if r.durable {
		result.Syncs = measure.NewSpread(syncs).Median
	}
	if o.profiles != "" {
		if err := ours.profile(ctx, o, r.name()); err != nil {
			return result, err
		}
	}
	return result, errors.Join(peer.check(ctx), ours.check(ctx))
}

// An entrant is a contestant that is running, with clients connected to it.
type entrant struct {
	name    string
	running *running
	clients *load.Clients
}

func (l *lab) enter(ctx context.Context, s side, clients int) (*entrant, error) {
	r, err := l.start(ctx, s.start)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.name, err)
	}
	connected, err := s.call(l, r, clients)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.name, err), r.stop())
	}
	return &entrant{name: s.name, running: r, clients: connected}, nil
}

func (e *entrant) turn(ctx context.Context, length time.Duration) (measure.Slice, error) {
	before, err := e.running.cpu()
	if err != nil {
		return measure.Slice{}, fmt.Errorf("%s: %w", e.name, err)
	}
	slice, err := e.clients.Run(ctx, length)
	if err != nil {
		return measure.Slice{}, fmt.Errorf("%s: %w", e.name, err)
	}
	after, err := e.running.cpu()
	if err != nil {
		return measure.Slice{}, fmt.Errorf("%s: %w", e.name, err)
	}
	return measure.Slice{
		Requests: slice.Requests, Elapsed: slice.Elapsed, CPU: after - before, Latencies: slice.Latencies,
	}, nil
}

// check looks at what the calls have left behind.
func (e *entrant) check(ctx context.Context) error {
	if e.clients.After == nil {
		return nil
	}
	if err := e.clients.After(ctx); err != nil {
		return fmt.Errorf("%s: %w", e.name, err)
	}
	return nil
}

func (e *entrant) leave() error {
	e.clients.Close()
	return e.running.stop()
}
