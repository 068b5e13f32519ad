package traced_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ordermanagement/internal/store/traced"
)

func TestSpansOfStatements(t *testing.T) {
	const insert = "\n\tinsert into orders (id) values ($1)"
	refused := fmt.Errorf("insert: %w", &pgconn.PgError{Code: "23505", Message: "secret", Detail: "Key (id)=(secret) already exists."})
	for name, test := range map[string]struct {
		run  func(context.Context, *traced.Statements)
		want []string
	}{
		"a query": {query(insert, nil), []string{"INSERT db.operation.name=INSERT db.query.text=" + insert + " db.system.name=postgresql"}},
		"no row":  {query("begin", pgx.ErrNoRows), []string{"BEGIN db.operation.name=BEGIN db.query.text=begin db.system.name=postgresql"}},
		"one that is refused": {query("commit;", refused), []string{
			"COMMIT db.operation.name=COMMIT db.query.text=commit; db.response.status_code=23505 db.system.name=postgresql error.type=23505 ERROR"}},
		"one that can't be sent": {query("", errors.New("secret")), []string{" db.operation.name= db.query.text= db.system.name=postgresql error.type=_OTHER ERROR"}},
		"a batch": {func(ctx context.Context, s *traced.Statements) {
			batch := &pgx.Batch{}
			batch.Queue("select 1")
			batch.Queue("select 2")
			ctx = s.TraceBatchStart(ctx, nil, pgx.TraceBatchStartData{Batch: batch})
			s.TraceBatchQuery(ctx, nil, pgx.TraceBatchQueryData{SQL: "select 1", Args: []any{"secret"}})
			s.TraceBatchQuery(ctx, nil, pgx.TraceBatchQueryData{SQL: "select 2"})
			s.TraceBatchEnd(ctx, nil, pgx.TraceBatchEndData{})
		}, []string{"BATCH db.operation.batch.size=2 db.operation.name=BATCH db.system.name=postgresql [SELECT select 1] [SELECT select 2]"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRecorder()
			s := traced.NewStatements(r.provider)
			if got := r.below(t, func(ctx context.Context) { test.run(ctx, s) }); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
			before := len(r.Ended())
			test.run(t.Context(), s)
			if n := len(r.Ended()) - before; n != 0 {
				t.Errorf("%d spans of what no call has asked for", n)
			}
		})
	}
}

func query(statement string, err error) func(context.Context, *traced.Statements) {
	return func(ctx context.Context, s *traced.Statements) {
		ctx = s.TraceQueryStart(ctx, nil, pgx.TraceQueryStartData{SQL: statement, Args: []any{"secret"}})
		s.TraceQueryEnd(ctx, nil, pgx.TraceQueryEndData{Err: err})
	}
}
