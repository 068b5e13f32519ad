package postgres

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// What Options are when they are not given.
const (
	DefaultConnections = 10
	DefaultTimeout     = 5 * time.Second
)

const (
	// connectTimeout is for one host of a URL that doesn't say.
	connectTimeout = 2 * time.Second
	// Connections are renewed now and then, so that load spreads to servers that come back behind a balancer.
	connectionLife   = 30 * time.Minute
	connectionJitter = 5 * time.Minute
	// answerGrace is what the server gets beyond the timeout to say that it was reached.
	answerGrace = time.Second
)

// Options say which database to open.
type Options struct {
	// URL is a connection URI of libpq, postgres://USER:PASSWORD@HOST:PORT,…/DATABASE?…, with one host or several. Unless it
	// has target_session_attrs, a host is used only while it takes writes.
	URL string
	// Connections bounds the pool; DefaultConnections when it is 0.
	Connections int
	// Timeout is how long a statement may take; DefaultTimeout when it is 0.
	Timeout time.Duration
	// TransactionPooler: there is a pooler between, such as PgBouncer, that hands out connections for a transaction at a
	// time, so there are no prepared statements and no settings of the session.
	TransactionPooler bool
	// Tracer sees every statement; nil for none.
	Tracer pgx.QueryTracer
}

// planned settings make plans that depend on the statements alone. A prepared statement keeps its plan, and one that was
// made for an empty table, which it scans, would be slow once the table has grown. All statements can use an index.
var planned = map[string]string{
	"plan_cache_mode":   "force_generic_plan",
	"enable_seqscan":    "off",
	"enable_bitmapscan": "off",
	"enable_hashjoin":   "off",
	"enable_mergejoin":  "off",
	"enable_sort":       "off",
	"jit":               "off",
}

func (o *Options) complete() {
	if o.Connections == 0 {
		o.Connections = DefaultConnections
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
}

// CheckURL says what is wrong with a URL, without the URL: it may hold a password.
func CheckURL(text string) error {
	_, err := parse(Options{URL: text})
	return err
}

func parse(o Options) (*pgxpool.Config, error) {
	const want = "give postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full, with % and signs of URLs in the password percent-encoded"
	if !strings.HasPrefix(o.URL, "postgres://") && !strings.HasPrefix(o.URL, "postgresql://") {
		return nil, errors.New("is no URL of a PostgreSQL database; " + want)
	}
	parsed, err := url.Parse(o.URL)
	if err != nil && !strings.Contains(o.URL, ",") { // net/url does not know several hosts with ports
		return nil, errors.New("is no URL; " + want)
	}
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, fmt.Errorf("can't be used%s; %s", reason(err, o.URL), want)
	}
	if config.ConnConfig.Database == "" || parsed != nil && strings.Trim(parsed.Path, "/") == "" && os.Getenv("PGDATABASE") == "" {
		return nil, errors.New("names no database; " + want)
	}
	return config, nil
}

// reason is what the driver has against a URL, when it is sure that it shows nothing of it but names of parameters.
func reason(err error, text string) string {
	var parse *pgconn.ParseConfigError
	if !errors.As(err, &parse) {
		return ""
	}
	cause := errors.Unwrap(parse)
	var broken *url.Error
	if cause == nil || errors.As(cause, &broken) {
		return ""
	}
	shown := cause.Error()
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(":@", r) })[1:] {
		if secret, _, _ := strings.Cut(part, "/"); secret != "" && strings.Contains(shown, secret) {
			return ""
		}
	}
	return ": " + shown
}

// pool configures the connections.
func (o Options) pool() (*pgxpool.Config, error) {
	config, err := parse(o)
	if err != nil {
		return nil, fmt.Errorf("--database-url: %w", err)
	}
	config.MaxConns = int32(o.Connections)
	config.MaxConnLifetime, config.MaxConnLifetimeJitter = connectionLife, connectionJitter
	config.PingTimeout = patience
	o.configure(config.ConnConfig)
	return config, nil
}

func (o Options) configure(c *pgx.ConnConfig) {
	if o.Tracer != nil {
		c.Tracer = o.Tracer
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	if !strings.Contains(o.URL, "target_session_attrs=") && os.Getenv("PGTARGETSESSIONATTRS") == "" {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "ordermanagement"
	}
	if o.TransactionPooler {
		c.DefaultQueryExecMode = pgx.QueryExecModeExec
		c.StatementCacheCapacity, c.DescriptionCacheCapacity = 0, 0
		return
	}
	timeout := strconv.FormatInt(o.Timeout.Milliseconds(), 10)
	for _, name := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		setDefault(c.RuntimeParams, name, timeout)
	}
	setDefault(c.RuntimeParams, "default_transaction_isolation", "read committed")
	for name, value := range planned {
		setDefault(c.RuntimeParams, name, value)
	}
}

func setDefault(params map[string]string, name, value string) {
	if _, set := params[name]; !set {
		params[name] = value
	}
}
