package oauth_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ordermanagement/internal/auth"
	"ordermanagement/internal/auth/oauth"
)

func TestIntrospectionsAtTheSameTimeAreBounded(t *testing.T) {
	const concurrency, most, callers = 4, 3, 10 // most of unknown tokens, from many networks
	var started, running, highest atomic.Int64
	turn := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n := running.Add(1)
		for old := highest.Load(); n > old && !highest.CompareAndSwap(old, n); old = highest.Load() {
		}
		<-turn
		running.Add(-1)
		io.WriteString(w, active(nil))
	})
	by := introspection(t, s, func(o *oauth.IntrospectionOptions) { o.Concurrency = concurrency })
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			started.Add(1)
			origin := auth.Origin{Told: fmt.Sprint("192.0.2.", i)}
			if _, err := by.VerifyToken(t.Context(), fmt.Sprintf("opaque %d", i), origin); err != nil {
				t.Error(err)
			}
		})
	}
	eventually(t, "as many as may", func() bool { return started.Load() == callers && running.Load() >= most })
	for range callers {
		turn <- struct{}{}
	}
	group.Wait()
	if n := highest.Load(); n > most {
		t.Errorf("%d at the same time", n)
	}
}

// A flood of made-up tokens keeps out neither who was let in before, from the same network even, nor who comes from
// another network.
func TestIntrospectionDuringAFloodOfMadeUpTokens(t *testing.T) {
	flood, other := auth.Origin{Told: "192.0.2.1"}, auth.Origin{Told: "198.51.100.1"}
	clock, asked := &clock{}, make(chan string, 1000)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if token := r.FormValue("token"); strings.HasPrefix(token, "made up") {
			asked <- token
			hangs(w, r)
			return
		}
		io.WriteString(w, active(nil))
	})
	by := introspection(t, s, func(o *oauth.IntrospectionOptions) { o.Concurrency, o.Now, o.Timeout = 8, clock.Now, deadline })
	if _, err := by.VerifyToken(t.Context(), "seen", flood); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() { by.VerifyToken(t.Context(), fmt.Sprint("made up ", i), flood) })
	}
	<-asked // as many as one network has turns for
	<-asked
	clock.Advance(time.Hour) // what was said of the token is no longer believed
	for token, origin := range map[string]auth.Origin{"seen": flood, "new": other} {
		if _, err := by.VerifyToken(t.Context(), token, origin); err != nil {
			t.Errorf("%s: %v", token, err)
		}
	}
	if n := len(asked); n > 0 {
		t.Errorf("%d more were asked about", n)
	}
	s.set(says(active(map[string]any{"active": false})))
	s.CloseClientConnections() // ends those that hang
	group.Wait()
}
