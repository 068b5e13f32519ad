package front

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// way is how requests go to the service.
type way struct {
	name     string
	dial     dialer
	protocol protocol
	address  func(*world) string
	tricks   []trick
	expect   func(trick) string // what everybody is answered; "" for no refusal
	spell    func(trick, string) string
	answers  map[string]map[string]string // by operation and caller, when nothing is refused
}

func httpAddress(w *world) string { return w.http }
func grpcAddress(w *world) string { return w.grpc }

func lower(t trick, name string) string {
	if t.keepCase {
		return name
	}
	return strings.ToLower(name)
}

func instead(version string, t trick) string {
	switch version {
	case "":
		return t.refused
	case asEver:
		return ""
	default:
		return version
	}
}

var httpAnswers = map[string]map[string]string{
	"get":    {"owner": "200", "stranger": "404 RESOURCE_NOT_FOUND", "nobody": "401 CREDENTIALS_MISSING"},
	"create": {"owner": "200", "stranger": "200", "nobody": "401 CREDENTIALS_MISSING"},
	"remove": {"stranger": "404 RESOURCE_NOT_FOUND", "nobody": "401 CREDENTIALS_MISSING"},
}

var grpcAnswers = map[string]map[string]string{
	"get":    {"owner": "200", "stranger": "NotFound RESOURCE_NOT_FOUND", "nobody": "Unauthenticated CREDENTIALS_MISSING"},
	"create": {"owner": "200", "stranger": "200", "nobody": "Unauthenticated CREDENTIALS_MISSING"},
	"remove": {"stranger": "NotFound RESOURCE_NOT_FOUND", "nobody": "Unauthenticated CREDENTIALS_MISSING"},
}

var ways = []way{
	{"HTTP1", dialHTTP1, byHTTP, httpAddress, tricks, func(t trick) string { return instead(t.http1, t) }, func(_ trick, name string) string { return name }, httpAnswers},
	{"HTTP2", dialHTTP2, byHTTP, httpAddress, tricks, func(t trick) string { return instead(t.http2, t) }, lower, httpAnswers},
	{"gRPC", dialHTTP2, byGRPC, grpcAddress, grpcTricks, func(t trick) string { return t.refused }, lower, grpcAnswers},
}

// TestFront starts the service in each way, and tries everything on it.
func TestFront(t *testing.T) {
	for name, start := range worlds {
		t.Run(name, func(t *testing.T) {
			w := start(t)
			t.Run("tricks", func(t *testing.T) { playAll(t, w) })
			t.Run("framing", func(t *testing.T) { framing(t, w) })
			t.Run("conditions", func(t *testing.T) { conditions(t, w) })
			t.Run("sizes", func(t *testing.T) { sizes(t, w) })
			if etag := w.stored(t, "owner")[secret]; etag != w.etag {
				t.Errorf("the secret order has changed: its entity tag was %s and is %s", w.etag, etag)
			}
		})
	}
}

// playAll plays every trick over every wire, as everybody, with calls that read, write and destroy. Afterwards there are
// the orders whose creation was not refused, and no others.
func playAll(t *testing.T, w *world) {
	want := map[string][]string{"owner": {secret}}
	var mu sync.Mutex
	t.Run("over", func(t *testing.T) {
		for _, way := range ways {
			t.Run(way.name, func(t *testing.T) {
				t.Parallel()
				p := &player{world: w, way: way, created: map[string][]string{}}
				defer p.close()
				for i, trick := range way.tricks {
					if way.expect(trick) != notPlayed {
						t.Run(trick.name, func(t *testing.T) { p.play(t, i, trick) })
					}
				}
				mu.Lock()
				defer mu.Unlock()
				for caller, orders := range p.created {
					want[caller] = append(want[caller], orders...)
				}
			})
		}
	})
	for caller, orders := range want {
		slices.Sort(orders)
		if got := slices.Sorted(maps.Keys(w.stored(t, caller))); !slices.Equal(got, orders) {
			t.Errorf("the %s has the orders %q, want %q", caller, got, orders)
		}
	}
}

// player plays tricks over one wire, as long as that holds.
type player struct {
	world   *world
	way     way
	wire    wire
	created map[string][]string // orders, by whose they are
}

func (p *player) close() {
	if p.wire != nil {
		p.wire.close()
		p.wire = nil
	}
}

// ask sends a request. When the wire is of no use afterwards, that is part of the answer.
func (p *player) ask(t *testing.T, r request) answer {
	t.Helper()
	if p.wire == nil {
		p.wire = p.way.dial(t, p.way.address(p.world), p.world.tls)
	}
	a, err := p.wire.send(r)
	if err != nil && a.reset == "" {
		a.reset = fmt.Sprintf("by %v", err)
	}
	// To net/http2, what follows the header of a stream that it has reset is a breach of the protocol.
	if err != nil || a.header.Get("Connection") == "close" || a.reset != "" && r.body != "" {
		p.close()
	}
	return a
}

func (p *player) play(t *testing.T, number int, trick trick) {
	fields := p.world.fill(trick.fields)
	for i := range fields {
		fields[i].name = p.way.spell(trick, fields[i].name)
	}
	refused := p.way.expect(trick)
	callers := []string{"owner", "stranger", "nobody"}
	if trick.caller != "" {
		callers = []string{trick.caller}
	}
	for _, caller := range callers {
		own := fields
		if trick.caller == "" {
			own = append(p.world.credential(caller), fields...)
		}
		id := strings.ToLower(fmt.Sprintf("%s-%d-%s", p.way.name, number, caller))
		for name, operation := range map[string]operation{"get": get(secret), "create": create(id), "remove": remove(secret)} {
			want, ok := p.way.answers[name][caller]
			if !ok {
				continue // the owner may remove it
			}
			if refused != "" {
				want = refused
			}
			a := p.ask(t, operation.over(p.way.protocol, own))
			if a.String() != want {
				t.Errorf("%s by %s: %s, want %s: %.300q", name, caller, a, want, a.body)
			}
			if name == "create" && want == "200" {
				p.created[caller] = append(p.created[caller], "orders/"+id)
			}
			if caller != "owner" && strings.Contains(a.body, secret+`"`) && a.status == http.StatusOK {
				t.Errorf("%s by %s shows the order: %s", name, caller, a.body)
			}
			p.goesOn(t, a)
		}
	}
}

// goesOn makes sure that the wire is as good as before, unless HTTP itself was broken over it.
func (p *player) goesOn(t *testing.T, after answer) {
	t.Helper()
	if p.wire == nil {
		if after.reason != "text" && after.reset == "" {
			t.Errorf("the connection was closed after %s", after)
		}
		return
	}
	a := p.ask(t, get(secret).over(p.way.protocol, p.world.credential("owner")))
	if want := p.way.answers["get"]["owner"]; a.String() != want {
		t.Errorf("after %s the connection answers %s, want %s", after, a, want)
		p.close()
	}
}
