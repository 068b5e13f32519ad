package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"ordermanagement/bench/order"
	"ordermanagement/bench/process"
	"ordermanagement/bench/report"
)

// A quantity is something of ours that has no peer.
type quantity struct {
	what   string
	unit   string
	target float64 // at most; zero for none
	// measure answers the values, and what a reader has to know of them.
	measure func(ctx context.Context, l *lab, o options) (values []float64, note string, err error)
}

// name is what -run matches.
func (q quantity) name() string { return q.what }

func quantities() []quantity {
	return []quantity{
		{"resident memory of serve, its peak under the loads above at 64 clients", "MiB", 64, peakMemory},
		{"resident memory of server on PostgreSQL, its peak under reads and creates at 64 clients", "MiB", 96, peakMemoryOnPostgres},
		{"start of serve to its first HTTPS answer, which is an order", "ms", 50, startTime},
		{"the same in an empty data directory: authority, keys and database are made", "ms", 0, firstStartTime},
		{"p99 of 16 gRPC clients with a JWT under a flood of wrong passwords, to that without", "×", 2, passwordFlood},
		{"growth of resident memory of server by different tokens at 64 clients", "MiB", 16, tokenMemory},
	}
}

const (
	memoryClients = 64
	memoryTurns   = 2 // of each load
	starts        = 11
	pollInterval  = time.Millisecond // how often a start is tried; what it measures is at most that much too long
)

// peakMemory reads what the kernel has seen at most, after every kind of load.
func peakMemory(ctx context.Context, l *lab, o options) (values []float64, note string, err error) {
	return l.peak(ctx, o, oursServe, getOverHTTP, getOverGRPC, createOverHTTP, createOverGRPC)
}

func peakMemoryOnPostgres(ctx context.Context, l *lab, o options) (values []float64, note string, err error) {
	return l.peak(ctx, o, oursOnPostgres, getOverGRPC, createKeyedOverGRPC)
}

func (l *lab) peak(ctx context.Context, o options, s starter, calls ...caller) (values []float64, note string, err error) {
	r, err := l.start(ctx, s)
	if err != nil {
		return nil, "", err
	}
	for _, call := range calls {
		for range memoryTurns {
			if err := l.exert(ctx, r, call, o); err != nil {
				return nil, "", errors.Join(err, r.stop())
			}
		}
	}
	memory, err := r.server().Memory()
	return []float64{float64(memory.Peak) / (1 << 20)}, "", errors.Join(err, r.stop())
}

func (l *lab) exert(ctx context.Context, r *running, call caller, o options) error {
	clients, err := call(l, r, memoryClients)
	if err != nil {
		return err
	}
	defer clients.Close()
	_, err = clients.Run(ctx, o.slice)
	return err
}

// startTime is from the fork to an answer, with files and database as they were left.
func startTime(ctx context.Context, l *lab, _ options) (values []float64, note string, err error) {
	values, err = repeatStart(ctx, l, "/v2/"+order.Name, func(data string) error { return os.CopyFS(data, os.DirFS(l.template())) })
	return values, "", err
}

func firstStartTime(ctx context.Context, l *lab, _ options) (values []float64, note string, err error) {
	values, err = repeatStart(ctx, l, "/v2/orders", func(string) error { return nil })
	return values, "", err
}

func repeatStart(ctx context.Context, l *lab, path string, prepare func(data string) error) ([]float64, error) {
	program, err := l.build(ctx, ".", "cmd/ordermanagement")
	if err != nil {
		return nil, err
	}
	var times []float64
	for range starts {
		r := &running{data: l.newPath(".data")}
		if err := prepare(r.data); err != nil {
			return nil, err
		}
		took, err := startOnce(ctx, l, r, program, path)
		if err != nil {
			return nil, err
		}
		times = append(times, float64(took)/float64(time.Millisecond))
	}
	return times, nil
}

func startOnce(ctx context.Context, l *lab, r *running, program, path string) (time.Duration, error) {
	args, err := r.arguments("serve")
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, process.StartLimit)
	defer cancel()
	begin := time.Now()
	p, err := process.Start(l.newPath(".log"), program, args...)
	if err != nil {
		return 0, err
	}
	err = p.Await(ctx, pollInterval, func() error {
		config, token, err := credentials(r.data)
		if err != nil {
			return err
		}
		r.credential = token
		_, err = requestOnce(ctx, config, r, http.MethodGet, path, nil)
		return err
	})
	took := time.Since(begin)
	if err != nil {
		p.Kill()
		return 0, fmt.Errorf("start: %w", err)
	}
	return took, p.Stop()
}

// measureQuantity fills in a line of the table.
func (l *lab) measureQuantity(ctx context.Context, q quantity, o options) report.Quantity {
	values, note, err := q.measure(ctx, l, o)
	return report.Quantity{What: q.what, Unit: q.unit, Target: q.target, Values: values, Note: note, Err: err}
}
