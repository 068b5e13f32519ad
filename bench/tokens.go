package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ordermanagement/bench/callers"
	"ordermanagement/bench/load"
)

// tokenMemory is by how much the server's resident memory grows when many different tokens come, in MiB: from the state
// after as many clients have called it with one token.
func tokenMemory(ctx context.Context, l *lab, o options) (growth []float64, note string, err error) {
	r, err := l.start(ctx, knowing(asJWT))
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	for range memoryTurns {
		if err := l.exert(ctx, r, getOverGRPC, o); err != nil {
			return nil, "", err
		}
	}
	var resident []float64 // before, after half of the tokens, and after all of them
	begin, sent := time.Now(), 0
	for _, until := range []int{0, o.tokens / 2, o.tokens} {
		if err := l.sendTokens(ctx, r, until-sent); err != nil {
			return nil, "", err
		}
		sent = until
		memory, err := r.server().Memory()
		if err != nil {
			return nil, "", err
		}
		resident = append(resident, float64(memory.Resident)/(1<<20))
	}
	note = fmt.Sprintf("%d tokens in %.0f s, a quarter of each kind: JWTs, JWTs with a wrong signature, tokens that introspection "+
		"knows and that it does not; from %.1f MiB, by %.1f after half of them",
		sent, time.Since(begin).Seconds(), resident[0], resident[1]-resident[0])
	return []float64{resident[2] - resident[0]}, note, nil
}

// sendTokens calls with so many tokens, none of which comes twice.
func (l *lab) sendTokens(ctx context.Context, r *running, tokens int) error {
	client, err := r.dialGRPC(l, memoryClients)
	if err != nil {
		return err
	}
	defer client.Close()
	forged, err := r.world.JWT()
	if err != nil {
		return err
	}
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for i := range memoryClients {
		message := getMessage(r.credential, l.order)
		group.Go(func() error {
			for {
				n := next.Add(1)
				if n > int64(tokens) {
					return nil
				}
				token, want, err := differentToken(r.world, forged, n)
				if err != nil {
					return err
				}
				message.Authorization = callers.Bearer(token)
				if err := expectCode(client.Call(i, message), want)(ctx); err != nil {
					return fmt.Errorf("token %d: %w", n, err)
				}
			}
		})
	}
	return group.Wait()
}

// differentToken makes a token of each kind in turn, and says how it is answered.
func differentToken(w *callers.World, forged string, n int64) (token string, want codes.Code, err error) {
	switch n % 4 {
	case 0:
		token, err = w.JWT()
		return token, codes.OK, err
	case 1:
		return callers.Forged(forged), codes.Unauthenticated, nil
	case 2:
		return callers.Active(), codes.OK, nil
	default:
		return callers.Unknown(), codes.Unauthenticated, nil
	}
}

// expectCode makes a call that succeeds if it is answered with this code.
func expectCode(call load.Call, want codes.Code) load.Call {
	return func(ctx context.Context) error {
		if err := call(ctx); status.Code(err) != want {
			return fmt.Errorf("want %s, got: %w", want, err)
		}
		return nil
	}
}
