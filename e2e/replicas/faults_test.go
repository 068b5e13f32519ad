package replicas

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"ordermanagement/internal/store/postgres/pgtest"
)

// fault is something that goes wrong under load.
type fault struct {
	name string
	// strike does it, and calls recovered when callers have to go on by themselves.
	strike func(t *testing.T, w *world, database *pgtest.Server, recovered func())
}

var faults = []fault{
	{"a server is killed", func(t *testing.T, w *world, _ *pgtest.Server, recovered func()) {
		i := rand.IntN(len(w.servers))
		w.servers[i].Kill(t)
		recovered()
		w.again(i)
		called(t, w.servers[i])
	}},
	{"a server hangs", func(t *testing.T, w *world, _ *pgtest.Server, recovered func()) {
		s := w.servers[rand.IntN(len(w.servers))]
		w.late = true
		s.Hang(t)
		defer s.Resume(t)
		recovered()
		for _, g := range w.gateways {
			if !ready(g) {
				t.Error("a gateway is not ready, though a server serves")
			}
		}
	}},
	{"PostgreSQL is restarted", func(t *testing.T, _ *world, database *pgtest.Server, recovered func()) {
		if err := database.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		recovered()
	}},
	{"PostgreSQL is killed", func(t *testing.T, _ *world, database *pgtest.Server, recovered func()) {
		if err := database.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := database.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		recovered()
	}},
}

// rounds is how often the faults come: once, unless the environment variable REPLICAS_ROUNDS says otherwise.
func rounds(t *testing.T) int {
	t.Helper()
	setting, ok := os.LookupEnv("REPLICAS_ROUNDS")
	if !ok {
		return 1
	}
	n, err := strconv.Atoi(setting)
	if err != nil || n < 1 {
		t.Fatalf("REPLICAS_ROUNDS=%s is not a number from 1", setting)
	}
	return n
}

func TestFaults(t *testing.T) {
	database := startDatabase(t)
	url := database.URL(database.CreateDatabase(t))
	w := startWorld(t, url)
	for range rounds(t) {
		for _, i := range rand.Perm(len(faults)) {
			ok := t.Run(faults[i].name, func(t *testing.T) {
				l := startLoad(t, w)
				pause(t.Context(), rand.N(500*time.Millisecond)) // any moment
				struck := time.Now()
				faults[i].strike(t, w, database, func() {
					t.Logf("everybody goes on after %v", l.recovered(t, struck).Round(time.Millisecond))
				})
				l.recovered(t, time.Now())
				l.end(t, w)
				w.verify(t, url)
			})
			if !ok {
				return
			}
		}
	}
}

// The primary is killed and the standby, which had all that was acknowledged, takes its place.
func TestFailover(t *testing.T) {
	for range rounds(t) {
		t.Run("", failover)
	}
}

func failover(t *testing.T) {
	primary := startDatabase(t)
	name := primary.CreateDatabase(t)
	standby, err := primary.StartStandby(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := standby.Close(); err != nil {
			t.Error(err)
		}
	})
	w := startWorld(t, primary.URL(name, standby))
	l := startLoad(t, w)
	struck := time.Now()
	if err := primary.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := standby.Promote(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	promoted := time.Now()
	l.recovered(t, promoted)
	t.Logf("everybody goes on %v after the fault, %v after the promotion", time.Since(struck).Round(time.Millisecond), time.Since(promoted).Round(time.Millisecond))
	l.end(t, w)
	w.verify(t, standby.URL(name))
}
