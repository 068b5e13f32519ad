package replicas

import (
	"strings"
	"testing"
)

// A newer program has migrated, adding something, while the servers run; then all of them are restarted, one after the other, old
// ones still. Not one call fails.
func TestRollingRestart(t *testing.T) {
	database := startDatabase(t)
	name := database.CreateDatabase(t)
	url := database.URL(name)
	w := startWorld(t, url)
	l := startLoad(t, w)
	database.Exec(t, name,
		`BEGIN; ALTER TABLE orders ADD COLUMN added text; CREATE TABLE additions (id bigint PRIMARY KEY);
		INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true); COMMIT`)
	for i, s := range w.servers {
		before := connections(t, s)
		s.Stop(t)
		w.again(i)
		// Who has not come back to this one yet has nobody left when the next one stops.
		until(t, "clients and gateways are connected again", func() bool { return connections(t, w.servers[i]) >= before })
		called(t, w.servers[i])
	}
	for i := range w.gateways {
		if !ready(w.gateways[i]) {
			t.Errorf("gateway %d is not ready", i)
		}
	}
	if refusals := l.end(t, w); len(refusals) > 0 {
		t.Errorf("%d calls failed: %s", len(refusals), firstLines(refusals))
	}
	w.verify(t, url)

	// One that takes something away says so, and what is too old for it doesn't start.
	database.Exec(t, name, `UPDATE compatibility SET oldest = 99`)
	for _, command := range []string{"server", "migrate"} {
		args := []string{command, "--data-dir=" + t.TempDir(), "--database-url=" + url}
		if command == "server" {
			args = append(args, "--grpc-listen=127.0.0.1:0", "--admin-listen=off")
		}
		code, output := program.Run(t, args...)
		if code != 1 || strings.Count(output, "\n") != 1 || !strings.Contains(output, "99") {
			t.Errorf("%s: exit code %d: %s", command, code, output)
		}
	}
}
