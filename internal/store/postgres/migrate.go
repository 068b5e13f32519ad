package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// lockMigrations is the number of the advisory lock that who migrates holds.
const lockMigrations = `SELECT pg_advisory_xact_lock(7126351420984151)`

// Migrate brings the schema of the database to that of the program. Any number of processes may do so at once: one does, and
// the others wait and find it done. Each migration is a transaction; one that fails leaves nothing and can be run again.
func Migrate(ctx context.Context, options Options) (err error) {
	options.complete()
	config, err := options.pool()
	if err != nil {
		return err
	}
	// A migration takes as long as it takes.
	for _, name := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		delete(config.ConnConfig.RuntimeParams, name)
	}
	where := place(config.ConnConfig)
	c, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return unusable(where, err)
	}
	defer func() { err = errors.Join(err, c.Close(context.WithoutCancel(ctx))) }()
	if err := checkServer(ctx, where, c); err != nil {
		return err
	}
	// The lock is that of a transaction, since sessions behind a pooler are not ours. It goes with this one's end.
	tx, err := c.Begin(ctx)
	if err != nil {
		return unusable(where, err)
	}
	defer func() { err = errors.Join(err, tx.Rollback(context.WithoutCancel(ctx))) }()
	if _, err := tx.Exec(ctx, lockMigrations); err != nil {
		return unusable(where, err)
	}
	return migrate(ctx, where, config.ConnConfig)
}

func migrate(ctx context.Context, where string, config *pgx.ConnConfig) (err error) {
	provider, closeProvider, err := newProvider(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeProvider()) }()
	current, own, err := provider.GetVersions(ctx)
	if err != nil {
		return unusable(where, err)
	}
	if current > own {
		c, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return unusable(where, err)
		}
		defer c.Close(context.WithoutCancel(ctx))
		return checkSchema(ctx, where, c)
	}
	if current < own {
		if _, err := provider.Up(ctx); err != nil {
			return unusable(where, fmt.Errorf("migrating failed and was undone; run it again when the cause is gone: %w", err))
		}
	}
	return nil
}

func newProvider(config *pgx.ConnConfig) (*goose.Provider, func() error, error) {
	directory, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, nil, err
	}
	db := stdlib.OpenDB(*config)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, directory, goose.WithDisableGlobalRegistry(true))
	return provider, db.Close, err
}

// ownVersion is the number of the last migration of this program.
func ownVersion() (int64, error) {
	provider, closeProvider, err := newProvider(&pgx.ConnConfig{})
	if err != nil {
		return 0, err
	}
	sources := provider.ListSources()
	return sources[len(sources)-1].Version, closeProvider()
}
