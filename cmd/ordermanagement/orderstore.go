package main

import (
	"context"
	"fmt"

	"ordermanagement/internal/lifecycle"
	"ordermanagement/internal/order"
	"ordermanagement/internal/store/postgres"
	"ordermanagement/internal/store/sqlite"
	"ordermanagement/internal/store/traced"
)

// pageTokenSecret is the name of the key that seals page tokens, where it is in the database.
const pageTokenSecret = "page-token-key"

// orderStore is the store and the use cases over it.
type orderStore struct {
	store   order.Store
	service *order.Service
}

// openStore opens the embedded store, unless there is one already, loads the sample data if it is wanted, and adds the task
// that keeps the store small.
func (p *process) openStore(store order.Store, files *files) (*orderStore, error) {
	if store == nil {
		embedded, err := sqlite.Open(p.ctx, sqlite.Options{Path: files.database})
		if err != nil {
			return nil, err
		}
		store = embedded
		p.addStore(store)
	}
	if p.tracerProvider != nil {
		store = traced.Store(store, p.tracerProvider)
	}
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

// addStore has the store closed on the way down.
func (p *process) addStore(store order.Store) {
	p.cleanups.Push(lifecycle.Cleanup{Name: "the store", Limit: p.settings.Shutdown.ShutdownTimeout, Stop: func(context.Context) error {
		return store.Close()
	}})
}

// openDatabase opens the database that the settings name; nil for the embedded one.
func (p *process) openDatabase() (order.Store, []byte, error) {
	s := p.settings
	if s.serverSettings == nil || s.Database.DatabaseURL == "" {
		return nil, nil, nil
	}
	options := s.Database.options()
	if p.tracerProvider != nil {
		options.Tracer = traced.NewStatements(p.tracerProvider)
	}
	options.Connections, options.Timeout = s.Pool.DatabaseConnections, s.Pool.DatabaseTimeout
	store, err := postgres.Open(p.ctx, options)
	if err != nil {
		return nil, nil, err
	}
	p.addStore(store)
	key, err := sharedPageTokenKey(p.ctx, store)
	return store, key, err
}

// sharedPageTokenKey is the key that seals page tokens, which replicas find in their database: a list that began with one
// of them goes on with another, and no file has to be the same on all machines.
func sharedPageTokenKey(ctx context.Context, store *postgres.Store) ([]byte, error) {
	key, err := store.Secret(ctx, pageTokenSecret, newPageTokenKey())
	if err == nil && len(key) != pageTokenKeyBytes {
		err = fmt.Errorf("the secret %s in the database has not %d bytes; remove it to have a new one made, which ends running lists", pageTokenSecret, pageTokenKeyBytes)
	}
	return key, err
}

// options are what it takes to reach the database.
func (s databaseSettings) options() postgres.Options {
	return postgres.Options{URL: s.DatabaseURL, TransactionPooler: s.DatabasePooler == poolerTransaction}
}
