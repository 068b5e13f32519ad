package sqlite_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ordermanagement/internal/store/sqlite"
)

// TestPlans: every statement finds its rows by an index, and none sorts.
func TestPlans(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.db")
	open(t, path).Close()
	db := connect(t, path)
	defer db.Close()
	// Scans of what the statement itself brings, and of the schema: one page.
	allowed := regexp.MustCompile(`^SCAN (json_each (EXISTS )?VIRTUAL TABLE|sqlite_schema|\(subquery|CONSTANT ROW)`)
	searches := 0
	for _, statement := range sqlite.Statements() {
		args := make([]any, 8) // more than any has; SQLite counts the parameters
		for i := range args {
			args[i] = 1
		}
		n := strings.Count(statement, "?")
		if strings.Contains(statement, "?1") {
			n = 5
		}
		rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+statement, args[:min(n, len(args))]...)
		if err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(detail, "TEMP B-TREE") || strings.HasPrefix(detail, "SCAN") && !allowed.MatchString(detail) {
				t.Errorf("%s\n%s", statement, detail)
			}
			if strings.HasPrefix(detail, "SEARCH") {
				searches++
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if searches < len(sqlite.Statements())-10 {
		t.Errorf("only %d searches in %d statements", searches, len(sqlite.Statements()))
	}
}
