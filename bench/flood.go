package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ordermanagement/bench/callers"
	"ordermanagement/bench/load"
	"ordermanagement/bench/measure"
)

const (
	goodClients = 16
	// floodRate is how many wrong passwords come a second. The flood shares the processors with what it floods.
	floodRate = 500
	// Whoever floods does not wait for answers: so many connections are shared by as many clients as are waiting when each
	// answer takes two seconds.
	floodConnections = 16
	floodClients     = 2 * floodRate
	// floodQuantile of the latencies is compared.
	floodQuantile = 0.99
	// noteRound is how exactly latencies are said.
	noteRound = 10 * time.Microsecond
)

// passwordFlood is the latency of callers with a JWT while wrong passwords come, by their latency without: one server,
// with and without the flood in turns.
func passwordFlood(ctx context.Context, l *lab, o options) (ratios []float64, note string, err error) {
	good, err := l.enter(ctx, side{"server", knowing(asJWT), getOverGRPC, ""}, goodClients)
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, good.leave()) }()
	client, err := load.NewGRPC(good.running.grpc, l.tls, floodConnections)
	if err != nil {
		return nil, "", err
	}
	defer client.Close()
	f := &flood{answers: make(map[codes.Code]int)}
	for i := range floodClients {
		f.clients = append(f.clients, func(ctx context.Context, authorization string) error {
			message := getMessage(credential{authorization: authorization}, l.order)
			return client.Call(i, message)(ctx)
		})
	}
	calm := func(length time.Duration) func() (measure.Slice, error) {
		return func() (measure.Slice, error) { return good.turn(ctx, length) }
	}
	flooded := func(length time.Duration) func() (measure.Slice, error) {
		return func() (measure.Slice, error) { return f.during(ctx, calm(length)) }
	}
	if _, err := measure.NewRound(calm(o.slice/2), flooded(o.slice/2)); err != nil {
		return nil, "", err
	}
	var rounds []measure.Round
	for range o.rounds {
		round, err := measure.NewRound(calm(o.slice), flooded(o.slice))
		if err != nil {
			return nil, "", err
		}
		rounds = append(rounds, round)
		ratios = append(ratios, round.Slowdown(floodQuantile))
	}
	c := measure.Compare(rounds)
	note = fmt.Sprintf("p99 of %v with the flood, %v without; %s", c.Ours.P99.Round(noteRound), c.Peer.P99.Round(noteRound), f)
	return ratios, note, nil
}

// flood is wrong passwords, of a user that there is and of users that there are not in turn.
type flood struct {
	clients []func(ctx context.Context, authorization string) error

	mu      sync.Mutex
	answers map[codes.Code]int
	sent    int
	lasted  time.Duration
}

// during lets wrong passwords come while a turn runs.
func (f *flood) during(ctx context.Context, turn func() (measure.Slice, error)) (measure.Slice, error) {
	ended := make(chan struct{})
	tick := time.NewTicker(time.Second / floodRate) // whoever is free takes the next
	defer tick.Stop()
	group, ctx := errgroup.WithContext(ctx)
	begin := time.Now()
	for _, client := range f.clients {
		group.Go(func() error {
			for {
				select {
				case <-ended:
					return nil
				case <-ctx.Done():
					return ctx.Err()
				case <-tick.C:
				}
				if err := f.count(client(ctx, callers.Basic(f.nextUser(), callers.Unknown()))); err != nil {
					return err
				}
			}
		})
	}
	slice, err := turn()
	close(ended)
	f.lasted += time.Since(begin)
	return slice, errors.Join(err, group.Wait())
}

func (f *flood) nextUser() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.sent++; f.sent%2 == 0 {
		return callers.Name
	}
	return callers.Unknown()
}

var errLetIn = errors.New("a wrong password was let in")

// count counts an answer. One that refuses nobody, or for another reason than the password, is an error.
func (f *flood) count(answer error) error {
	code := status.Code(answer)
	f.mu.Lock()
	f.answers[code]++
	f.mu.Unlock()
	switch code {
	case codes.Unauthenticated, codes.ResourceExhausted:
		return nil
	case codes.OK:
		return errLetIn
	default:
		return fmt.Errorf("a wrong password: %w", answer)
	}
}

// httpStatus is what the gateway makes of a code.
func httpStatus(code codes.Code) int {
	if code == codes.ResourceExhausted {
		return 429
	}
	return 401
}

// String says what the flood was and how it was answered.
func (f *flood) String() string {
	var answers []string
	for _, code := range slices.Sorted(maps.Keys(f.answers)) {
		answers = append(answers, fmt.Sprintf("%d of %d (%s)", f.answers[code], httpStatus(code), code))
	}
	return fmt.Sprintf("%.0f wrong passwords a second, half of them of a user that there is, by %d clients: %s",
		float64(f.sent)/f.lasted.Seconds(), len(f.clients), strings.Join(answers, ", "))
}
