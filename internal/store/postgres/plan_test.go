package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"ordermanagement/internal/store/postgres"
)

// TestPlans: on a table without statistics, and prepared before it has grown, every statement finds its rows by an index,
// and none sorts them.
func TestPlans(t *testing.T) {
	t.Parallel()
	store := open(t, database(t, shared))
	defer store.Close()
	indexed := 0
	err := store.Connection(t.Context(), func(c *pgx.Conn) error {
		for i, statement := range postgres.Statements() {
			name := fmt.Sprint("plan_", i)
			description, err := c.Prepare(t.Context(), name, statement)
			if err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
			nulls := strings.TrimSuffix(strings.Repeat("NULL, ", len(description.ParamOIDs)), ", ")
			rows, err := c.Query(t.Context(), "EXPLAIN EXECUTE "+name+" ("+nulls+")", pgx.QueryExecModeSimpleProtocol)
			if err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
			plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
			if err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
			text := strings.Join(plan, "\n")
			if strings.Contains(text, "Seq Scan") || strings.Contains(text, "Sort") || strings.Contains(text, "Hash Join") {
				t.Errorf("%s\n%s", statement, text)
			}
			if strings.Contains(text, "Index Cond") {
				indexed++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if inserts := 7; indexed != len(postgres.Statements())-inserts {
		t.Errorf("%d of %d statements use an index", indexed, len(postgres.Statements()))
	}
}
