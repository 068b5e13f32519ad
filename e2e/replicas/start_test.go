package replicas

import (
	"strings"
	"testing"

	"ordermanagement/internal/store/postgres/pgtest"
)

// A server that can't use its database says why and what to do, in one line without the password, and ends with 1.
func TestStartFails(t *testing.T) {
	database := startDatabase(t)
	gone := startDatabase(t)
	readOnly := database.CreateDatabase(t)
	good := database.URL(readOnly)
	if code, output := program.Run(t, "migrate", "--database-url="+good); code != 0 {
		t.Fatal(output)
	}
	database.Exec(t, "postgres", "ALTER DATABASE "+readOnly+" SET default_transaction_read_only = on")
	missing := gone.URL("orders")
	if err := gone.Stop(); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ url, says string }{
		"nobody there":   {missing, "start it"},
		"no database":    {database.URL("nowhere"), "create it"},
		"empty database": {database.URL("postgres"), "run ordermanagement migrate"},
		"wrong password": {strings.Replace(good, pgtest.Password, "wrong-"+pgtest.Password, 1), "correct user and password"},
		"read-only":      {good, "primary"},
	} {
		t.Run(name, func(t *testing.T) {
			code, output := program.Run(t, "server", "--data-dir="+t.TempDir(), "--grpc-listen=127.0.0.1:0", "--admin-listen=off", "--database-url="+test.url)
			if code != 1 || strings.Count(output, "\n") != 1 || !strings.Contains(output, test.says) || strings.Contains(output, pgtest.Password) {
				t.Errorf("exit code %d: %s", code, output)
			}
		})
	}
}
