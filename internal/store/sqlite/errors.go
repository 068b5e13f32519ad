package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"ordermanagement/internal/order"
)

// code is the primary result code of SQLite in the error; 0 when there is none.
func code(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

// fault turns an error of the driver into one that the Store interface knows. Its text is for the log.
func fault(err error) error {
	if err == nil {
		return nil
	}
	var conflict *order.ConflictError
	if errors.As(err, &conflict) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	switch code(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_INTERRUPT:
		return fmt.Errorf("%w: sqlite: %w", order.ErrUnavailable, err)
	}
	if errors.Is(err, driver.ErrBadConn) {
		return fmt.Errorf("%w: sqlite: %w", order.ErrUnavailable, err)
	}
	return fmt.Errorf("sqlite: %w", err)
}

// unreadable says what to do about a database file that can't be read or migrated.
func unreadable(path string, err error) error {
	// goose joins errors with line breaks.
	cause := strings.ReplaceAll(err.Error(), "\n", " ")
	switch code(err) {
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("database %s is damaged or no database at all: restore it from a backup, "+
			"or move it away to begin with an empty one (%s)", path, cause)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return fmt.Errorf("database %s can't be written: make it and its directory writable for this user (%s)", path, cause)
	}
	return fmt.Errorf("database %s can't be brought to the schema of this program: %s", path, cause)
}
