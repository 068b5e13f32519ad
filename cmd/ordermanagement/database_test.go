package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ordermanagement/internal/store/postgres/pgtest"
)

// TestReplicas: two servers over one PostgreSQL database, each with a data directory of its own, show the same orders and
// take each other's page tokens. Nothing of that database is anywhere but there.
func TestReplicas(t *testing.T) {
	server, err := pgtest.Start(t.Context(), pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	database := "--database-url=" + server.URL(server.CreateDatabase(t))
	dirs := []string{t.TempDir(), t.TempDir()}

	early := start(t, dirs[0], append(free(), database)...)
	if code := early.exit(); code != exitFailed {
		t.Errorf("exit code %d", code)
	}
	checkLines(t, early, "run ordermanagement migrate")
	for range 2 {
		migrate := start(t, dirs[0], "migrate", database)
		if code := migrate.exit(); code != exitOK || strings.Contains(migrate.stderr.String(), pgtest.Password) {
			t.Fatalf("exit code %d: %s", code, migrate.stderr)
		}
	}
	replicas := []*child{
		serveOn(t, dirs[0], "serve", "--sample-data", database),
		serveOn(t, dirs[1], "serve", "--sample-data", database),
	}
	next := ""
	seen := map[string]bool{}
	for i := range 5 {
		replica, data := replicas[i%2], filepath.Join(dirs[i%2], "data")
		checkOrder(t, replica, data)
		address := "https://" + replica.address("http-listen") + "/v2/orders?pageSize=1&pageToken=" + url.QueryEscape(next)
		status, body := get(t, address, data, developmentTokenOf(t, data))
		var page struct {
			Orders        []struct{ Name string }
			NextPageToken string
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK || len(page.Orders) != 1 {
			t.Fatalf("page %d: %d %s", i, status, body)
		}
		next = page.NextPageToken
		seen[page.Orders[0].Name] = true
	}
	if len(seen) != 5 {
		t.Errorf("saw %v", seen)
	}
	for _, dir := range dirs {
		for _, name := range []string{databaseName, "page-token.key"} {
			if _, err := os.Stat(filepath.Join(dir, "data", name)); err == nil {
				t.Errorf("%s was made", name)
			}
		}
	}
	ready := "http://" + replicas[0].address("admin-listen") + "/readyz"
	if status, body := get(t, ready, "", ""); status != http.StatusOK {
		t.Errorf("readyz: %d %s", status, body)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, ready, "", ""); status != http.StatusServiceUnavailable {
		t.Errorf("readyz without the database: %d %s", status, body)
	}
	if err := server.Run(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	if status, body := get(t, ready, "", ""); status != http.StatusOK {
		t.Errorf("readyz after the database came back: %d %s", status, body)
	}
	for _, replica := range replicas {
		if strings.Contains(replica.stderr.String()+replica.stdout.String(), pgtest.Password) {
			t.Error("the password of the database is shown")
		}
	}
}
