// Package front tries the tricks that can be played with the header of a request on the real program, over wires that send
// bytes as they are: nobody becomes another caller, nothing becomes visible or changes by a refused request, and the
// connection goes on.
package front

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"ordermanagement/e2e/process"
	pb "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/internal/auth"
)

var program = process.NewProgram()

func TestMain(m *testing.M) { program.Main(m) }

// secret is the order that only its owner may see.
const secret = "orders/secret"

// world is the service, set up in one way, with an order that nobody but the owner may see.
type world struct {
	tokens     map[string]string // of "owner" and "stranger"
	tls        *tls.Config
	http, grpc string // addresses
	etag       string // of the secret order
}

// worlds are the service as one process, and as two.
var worlds = map[string]func(*testing.T) *world{
	"serve": func(t *testing.T) *world {
		w, dir, args := newWorld(t)
		service := program.Start(t, process.Config{DataDir: dir, Args: args})
		return w.ready(t, service, service)
	},
	"gateway": func(t *testing.T) *world {
		w, dir, args := newWorld(t)
		server := program.Start(t, process.Config{Command: "server", DataDir: dir, Args: args})
		return w.ready(t, server, program.Start(t, process.Config{Command: "gateway", DataDir: dir, Args: []string{"--server-address=" + server.GRPC}}))
	},
}

func newWorld(t *testing.T) (w *world, dir string, args []string) {
	t.Helper()
	w, dir = &world{tokens: map[string]string{}}, t.TempDir()
	var lines, callers strings.Builder
	callers.WriteString("callers:\n")
	for _, name := range []string{"owner", "stranger"} {
		w.tokens[name] = auth.NewToken()
		line, err := auth.TokenLine(name, w.tokens[name])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&lines, line)
		fmt.Fprintf(&callers, "  - {token: %s, tenant: of-%s, scopes: [orders.read, orders.write]}\n", name, name)
	}
	tokensFile, callersFile := filepath.Join(dir, "front-tokens"), filepath.Join(dir, "front-callers.yaml")
	for name, content := range map[string]string{tokensFile: lines.String(), callersFile: callers.String()} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return w, dir, []string{"--tokens-file=" + tokensFile, "--callers-file=" + callersFile}
}

func (w *world) ready(t *testing.T, server, gateway *process.Service) *world {
	t.Helper()
	w.tls, w.grpc, w.http = server.TLS(t), server.GRPC, gateway.HTTP
	wire := dialHTTP2(t, w.http, w.tls)
	defer wire.close()
	created, err := wire.send(create("secret").over(byHTTP, w.credential("owner")))
	if err != nil || created.status != 200 {
		t.Fatalf("creating the secret order: %v %v %s", err, created, created.body)
	}
	w.etag = w.stored(t, "owner")[secret]
	return w
}

func (w *world) credential(caller string) []field {
	if token, ok := w.tokens[caller]; ok {
		return []field{{"authorization", "Bearer " + token}}
	}
	return nil
}

// fill puts tokens into fields: OWNER and STRANGER stand for them.
func (w *world) fill(fields []field) []field {
	fields = slices.Clone(fields)
	for i := range fields {
		fields[i].value = strings.NewReplacer("OWNER", w.tokens["owner"], "STRANGER", w.tokens["stranger"]).Replace(fields[i].value)
	}
	return fields
}

// operation is a call, on both protocols.
type operation struct {
	verb, path, body string
	method           string
	message          proto.Message
}

func get(name string) operation {
	return operation{"GET", "/v2/" + name, "", "GetOrder", &pb.GetOrderRequest{Name: name}}
}

func remove(name string) operation {
	return operation{"DELETE", "/v2/" + name, "", "DeleteOrder", &pb.DeleteOrderRequest{Name: name}}
}

func create(id string) operation {
	return operation{"POST", "/v2/orders?orderId=" + id, `{"currencyCode":"USD"}`, "CreateOrder", &pb.CreateOrderRequest{OrderId: id, Order: &pb.Order{CurrencyCode: "USD"}}}
}

// protocol is how an operation goes over a wire.
type protocol func(operation, []field) request

func byHTTP(o operation, fields []field) request { return request{o.verb, o.path, fields, o.body} }

func byGRPC(o operation, fields []field) request {
	r, err := grpcRequest(o.method, o.message, fields)
	if err != nil {
		panic(err) // a message of this package
	}
	return r
}

func (o operation) over(p protocol, fields []field) request { return p(o, fields) }

// stored is what a caller has: names and entity tags of all orders, deleted ones too.
func (w *world) stored(t *testing.T, caller string) map[string]string {
	t.Helper()
	wire := dialHTTP2(t, w.http, w.tls)
	defer wire.close()
	a, err := wire.send(request{"GET", "/v2/orders?pageSize=1000&showDeleted=true", w.credential(caller), ""})
	if err != nil || a.status != 200 || a.code != codes.OK {
		t.Fatalf("listing orders: %v %v %s", err, a, a.body)
	}
	var list struct {
		Orders []struct{ Name, Etag string }
	}
	if err := json.Unmarshal([]byte(a.body), &list); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, order := range list.Orders {
		all[order.Name] = order.Etag
	}
	return all
}
