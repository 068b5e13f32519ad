package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	selectSettings = `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
		current_setting('synchronous_commit'), current_setting('fsync'), current_setting('transaction_read_only')`
	selectVersion = `SELECT max(version_id), (SELECT oldest FROM compatibility) FROM goose_db_version WHERE is_applied`

	minServer = 130000 // PostgreSQL 13
)

// examine connects and makes sure that the database can be used.
func examine(ctx context.Context, p *pool) error {
	where := place(p.Config().ConnConfig)
	ctx, cancel := context.WithTimeout(ctx, p.timeout+connectTimeout)
	defer cancel()
	c, err := p.Acquire(ctx)
	if err != nil {
		return unusable(where, err)
	}
	defer c.Release()
	if err := checkServer(ctx, where, c.Conn()); err != nil {
		return err
	}
	return checkSchema(ctx, where, c.Conn())
}

// Place names the database of a URL that CheckURL has taken, with its hosts, but without user and password.
func Place(text string) string {
	config, err := parse(Options{URL: text})
	if err != nil {
		return ""
	}
	return place(config.ConnConfig)
}

// place names a database for its operator: hosts and name, no user and no password.
func place(c *pgx.ConnConfig) string {
	hosts := []string{host(c.Host, c.Port)}
	for _, f := range c.Fallbacks { // each host comes again for each way of TLS that is tried
		if h := host(f.Host, f.Port); !slices.Contains(hosts, h) {
			hosts = append(hosts, h)
		}
	}
	return fmt.Sprintf("database %s at %s", c.Database, strings.Join(hosts, ","))
}

func host(name string, port uint16) string { return name + ":" + strconv.Itoa(int(port)) }

// checkServer refuses servers on which an answer may be lost after it was given, or that can't do what is needed.
func checkServer(ctx context.Context, where string, c *pgx.Conn) error {
	var version int
	var encoding, commit, fsync, readOnly string
	if err := c.QueryRow(ctx, selectSettings).Scan(&version, &encoding, &commit, &fsync, &readOnly); err != nil {
		return unusable(where, err)
	}
	switch {
	case version < minServer:
		return fmt.Errorf("%s: its server has version %d, and this program needs PostgreSQL %d; upgrade it", where, version/10000, minServer/10000)
	case encoding != "UTF8":
		return fmt.Errorf("%s: its encoding is %s; create one with ENCODING 'UTF8' (TEMPLATE template0), and migrate that", where, encoding)
	case commit == "off":
		return fmt.Errorf("%s: synchronous_commit is off, so a crash would lose orders that were acknowledged; set it to on for this database or role", where)
	case fsync == "off":
		return fmt.Errorf("%s: fsync is off, so a crash would lose orders that were acknowledged; set it to on in postgresql.conf", where)
	case readOnly == "on":
		return readOnlyError(where)
	}
	return nil
}

func readOnlyError(where string) error {
	return fmt.Errorf("%s: it is read-only, a standby or by default_transaction_read_only; name the primary, or all hosts, in --database-url", where)
}

// checkSchema makes sure that the schema is one for this program: at least its own, and no newer one that it can't use.
func checkSchema(ctx context.Context, where string, c *pgx.Conn) error {
	own, err := ownVersion()
	if err != nil {
		return err
	}
	var current, oldest *int64
	err = c.QueryRow(ctx, selectVersion).Scan(&current, &oldest)
	switch {
	case state(err) == undefinedTable, err == nil && (current == nil || oldest == nil):
		return fmt.Errorf("%s: it has no tables of this program; run ordermanagement migrate with the same --database-url", where)
	case err != nil:
		return unusable(where, err)
	case *current < own:
		return fmt.Errorf("%s: it has schema version %d, and this program needs %d; run ordermanagement migrate with the same --database-url", where, *current, own)
	}
	return checkNewer(where, *current, *oldest, own)
}

func checkNewer(where string, current, oldest, own int64) error {
	if oldest > own {
		return fmt.Errorf("%s: it has schema version %d, which works with programs from version %d on, and this one knows those up to %d; "+
			"run the newer program, or restore a backup from before", where, current, oldest, own)
	}
	return nil
}

// unusable says in one line why a database can't be used, and what to do.
func unusable(where string, err error) error {
	// The driver has a line for each host, and for each way of TLS that it has tried.
	var lines []string
	for line := range strings.Lines(err.Error()) {
		if line = strings.TrimSpace(line); !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	cause := strings.Join(lines, " ")
	switch state(err) {
	case invalidPassword, invalidAuthorization:
		return fmt.Errorf("%s: the server lets the user not in; correct user and password of --database-url, or pg_hba.conf of the server (%s)", where, cause)
	case invalidCatalog:
		return fmt.Errorf("%s: there is no such database; create it (createdb), or correct --database-url (%s)", where, cause)
	case insufficientPrivilege:
		return fmt.Errorf("%s: the user may not do what is needed; grant it, or name another user in --database-url (%s)", where, cause)
	}
	var failed *pgconn.ConnectError
	if errors.Is(err, pgconn.ErrReadOnlyConnection) {
		return readOnlyError(where)
	}
	if errors.As(err, &failed) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s: it can't be reached, or is no PostgreSQL; start it, or correct host, port and sslmode of --database-url (%s)", where, cause)
	}
	return fmt.Errorf("%s: %s", where, cause)
}
