package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// conn is one connection with the statements that were prepared on it. It is for one goroutine at a time.
type conn struct {
	*sql.Conn
	prepared map[string]*sql.Stmt
}

func dial(ctx context.Context, db *sql.DB) (*conn, error) {
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, prepared: map[string]*sql.Stmt{}}, nil
}

// stmt prepares a statement once. The texts of statements are few: none of them depends on data.
func (c *conn) stmt(text string) (*sql.Stmt, error) {
	if stmt, ok := c.prepared[text]; ok {
		return stmt, nil
	}
	stmt, err := c.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, err
	}
	c.prepared[text] = stmt
	return stmt, nil
}

// exec runs a statement to its end and says how many rows it has changed.
func (c *conn) exec(text string, args ...any) (int64, error) {
	stmt, err := c.stmt(text)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(context.Background(), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// errStop is what scan returns to query when it has enough rows.
var errStop = errors.New("stop")

// query calls scan for each row, until it fails or says errStop. Under a context that can end, the driver starts goroutines to watch it.
func (c *conn) query(ctx context.Context, text string, args []any, scan func(*sql.Rows) error) error {
	stmt, err := c.stmt(text)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := scan(rows); err == errStop {
			return rows.Close()
		} else if err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

// drop closes the connection for good, in whatever state it is.
func (c *conn) drop() {
	// database/sql doesn't know of these statements, and SQLite keeps a connection, with its locks, until the last is closed.
	_ = c.finalize()
	_ = c.Raw(func(any) error { return driver.ErrBadConn }) // which has database/sql close it
}

// close gives the connection back to database/sql.
func (c *conn) close() error {
	return errors.Join(c.finalize(), c.Conn.Close())
}

func (c *conn) finalize() error {
	var errs []error
	for _, stmt := range c.prepared {
		errs = append(errs, stmt.Close())
	}
	clear(c.prepared)
	return errors.Join(errs...)
}
