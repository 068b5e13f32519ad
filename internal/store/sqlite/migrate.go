package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema of the database to that of the program, and creates the database when there is none. It fails
// in the same cases as Open.
func Migrate(ctx context.Context, path string) error {
	f, err := prepare(path)
	if err != nil {
		return err
	}
	db := open(f.path, "rw", writerPragmas, 1)
	err = migrate(ctx, f.path, db)
	return errors.Join(err, db.Close(), f.sync(), f.lock.Unlock())
}

func migrate(ctx context.Context, path string, db *sql.DB) error {
	directory, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, directory, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return unreadable(path, err)
	}
	if current > target {
		return fmt.Errorf("database %s has schema version %d, but this program knows only those up to %d; "+
			"run the newer program that wrote it, or restore a backup from before", path, current, target)
	}
	if current == target {
		return nil
	}
	if _, err := provider.Up(ctx); err != nil {
		return unreadable(path, err)
	}
	return nil
}
