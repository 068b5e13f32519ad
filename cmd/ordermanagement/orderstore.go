package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ordermanagement/internal/lifecycle"
	"ordermanagement/internal/order"
	"ordermanagement/internal/store/sqlite"
)

// sweepInterval is how often outcomes under idempotency keys that are no longer kept are removed.
const sweepInterval = 10 * time.Minute

// orderStore is the store and the use cases over it.
type orderStore struct {
	store   order.Store
	service *order.Service
}

// openStore opens the store, loads the sample data if it is wanted, and adds the task that keeps the store small.
func (p *process) openStore(files *files) (*orderStore, error) {
	store, err := sqlite.Open(p.ctx, sqlite.Options{Path: files.database})
	if err != nil {
		return nil, err
	}
	p.cleanups.Push(lifecycle.Cleanup{Name: "the store", Limit: p.settings.Shutdown.ShutdownTimeout, Stop: func(context.Context) error {
		return store.Close()
	}})
	service := order.NewService(store)
	if p.settings.API.SampleData {
		if err := loadSampleData(p.ctx, service, p.settings.API.V1Currency); err != nil {
			return nil, fmt.Errorf("load the sample data: %w", err)
		}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.ctx))
	p.cleanups.Push(lifecycle.Cleanup{Name: "sweeping", Limit: closeTimeout, Stop: func(context.Context) error {
		cancel()
		return nil
	}})
	p.tasks = append(p.tasks, func(context.Context) error {
		p.sweep(ctx, store)
		return nil
	})
	return &orderStore{store: store, service: service}, nil
}

// sweep removes what the store no longer needs, until the context ends.
func (p *process) sweep(ctx context.Context, store order.Store) {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		removed, err := store.Sweep(ctx, time.Now().Add(-order.KeyRetention))
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !errors.Is(err, context.Canceled):
			p.log.Warn("can't remove old idempotency keys; trying again later", "error", err)
		case removed > 0:
			continue // there may be more: one sweep is bounded
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
