package main

import (
	"context"
	"fmt"

	"ordermanagement/internal/lifecycle"
	"ordermanagement/internal/order"
	"ordermanagement/internal/store/sqlite"
	"ordermanagement/internal/store/traced"
)

// orderStore is the store and the use cases over it.
type orderStore struct {
	store   order.Store
	service *order.Service
}

// openStore opens the store, loads the sample data if it is wanted, and adds the task that keeps the store small.
func (p *process) openStore(files *files) (*orderStore, error) {
	opened, err := sqlite.Open(p.ctx, sqlite.Options{Path: files.database})
	if err != nil {
		return nil, err
	}
	var store order.Store = opened
	if p.tracerProvider != nil {
		store = traced.Store(store, p.tracerProvider)
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
	p.cleanups.Push(lifecycle.Cleanup{Name: "maintenance", Limit: closeTimeout, Stop: func(context.Context) error {
		cancel()
		return nil
	}})
	p.tasks = append(p.tasks, func(context.Context) error {
		service.Maintain(ctx, p.log)
		return nil
	})
	return &orderStore{store: store, service: service}, nil
}
