package legacy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"ordermanagement/e2e/process"
)

// What the client has to see. The ids that the service makes are checked apart.
const (
	order102 = `{"id":"102","items":["Google Pixel 3A","Mac Book Pro"],"price":1800,"destination":"Mountain View, CA"}`
	order103 = `{"id":"103","items":["Apple Watch S4","Mac Book Pro","iPad Pro"],"price":2800,"destination":"San Jose, CA"}`
	order104 = `{"id":"104","items":["Google Home Mini","Google Nest Hub"],"price":400,"destination":"Mountain View, CA"}`
	order105 = `{"id":"105","items":["Amazon Echo"],"price":30,"destination":"San Jose, CA"}`
	order106 = `{"id":"106","items":["Amazon Echo","Apple iPhone XS"],"price":300,"destination":"Mountain View, CA"}`
	updated  = `{"id":"2019-1","items":["iPhone XS","Mac Book Pro"],"description":"two things","price":600,"destination":"Austin, TX"}`
)

// expected is what a step has to answer. The order is that of the client's steps.
var expected = []struct {
	step           string
	code           string // OK if empty
	answers        []string
	violation      string // the field of the bare violation among the details
	sent, received int    // messages; one each if both are 0 and the code is OK
}{
	{step: "sayHello", answers: []string{`{"message":"Hello gRPC"}`}},
	{step: "getOrder", answers: []string{order102}},
	{step: "getOrder unknown", code: "NotFound"},
	{step: "getOrder invalid", code: "InvalidArgument", violation: "value"},
	{step: "addOrder", answers: []string{`{"value":"Order Added: 2019-1"}`}},
	{step: "addOrder again", answers: []string{`{"value":"Order Added: 2019-1"}`}},
	{step: "addOrder taken", code: "AlreadyExists"},
	{step: "addOrder invalid", code: "InvalidArgument", violation: "id"},
	{step: "addOrder too fine", code: "InvalidArgument", violation: "price"},
	{step: "addOrder large", answers: []string{`{"value":"Order Added: 2019-large"}`}},
	{step: "searchOrders", answers: []string{order102, order104}, sent: 1, received: 2},
	{step: "searchOrders nothing", sent: 1, received: 0},
	{step: "updateOrders", answers: []string{`{"value":"Updated Order IDs: 2019-1, 103"}`}, sent: 2, received: 1},
	{step: "updateOrders none", code: "NotFound"},
	{step: "getOrder updated", answers: []string{updated}},
	{step: "processOrders canceled", code: "Canceled"},
	{step: "processOrders deadline", code: "DeadlineExceeded"},
}

func TestClientOf2019(t *testing.T) {
	file := client(t)
	for _, c := range []struct {
		name    string
		service func(*testing.T) process.Config
		client  func(*testing.T, *process.Service) []string
		gzip    bool
	}{
		{"TLS and a token", untouched, ownToken, false},
		{"TLS, a token and gzip", untouched, ownToken, true},
		{"plaintext", open, plaintext, false},
		{"plaintext and gzip", open, plaintext, true},
		// The ways of the book's chapter 6.
		{"one-way TLS", unauthenticated, oneWayTLS, false},
		{"mutual TLS", mutualTLS, ownCertificate, false},
		{"Basic", withCallers, basic("admin:admin"), false},
		{"OAuth2", withCallers, oauth2("some-secret-token"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := c.service(t)
			config.Args = append(config.Args, "--sample-data")
			service := program.Start(t, config)
			args := append(c.client(t, service), "-address="+service.GRPC)
			if c.gzip {
				args = append(args, "-gzip")
			}
			records := run(t, file, args...)

			for _, want := range expected {
				checkStep(t, records[want.step], want.step, want.code, want.answers, want.violation, want.sent, want.received)
			}
			checkMetadata(t, records)
			checkProcessing(t, records)
			checkProduct(t, records["addProduct"])
			checkTransport(t, records, c.gzip)
		})
	}
}

func checkStep(t *testing.T, got record, step, code string, answers []string, violation string, sent, received int) {
	t.Helper()
	if code == "" {
		code = "OK"
	}
	if got.Code != code {
		t.Errorf("%s: %s %q, want %s", step, got.Code, got.Message, code)
		return
	}
	if !slices.EqualFunc(got.Answers, answers, func(a json.RawMessage, b string) bool { return string(a) == b }) {
		t.Errorf("%s: answers\n%s, want\n%s", step, got.Answers, answers)
	}
	if violation == "" && len(got.Violations) != 0 || violation != "" && (len(got.Violations) != 1 ||
		got.Violations[0].Field != violation || got.Violations[0].Description == "") {
		t.Errorf("%s: bare violations %q, want one of the field %q", step, got.Violations, violation)
	}
	if code != "OK" {
		return
	}
	if sent == 0 && received == 0 {
		sent, received = 1, 1
	}
	if got.Traffic.Calls != 1 || got.Traffic.Sent != sent || got.Traffic.Received != received {
		t.Errorf("%s: the interceptors saw %+v, want 1 call, %d sent and %d received", step, got.Traffic, sent, received)
	}
}

// checkMetadata: answers carry the headers timestamp and location, streams the trailer timestamp too.
func checkMetadata(t *testing.T, records map[string]record) {
	t.Helper()
	for _, step := range []string{"getOrder", "addOrder", "searchOrders", "searchOrders nothing", "updateOrders", "processOrders",
		"processOrders unknown", "addProduct"} {
		got := records[step]
		checkTimestamp(t, step+": header", got.Header["timestamp"])
		if location := got.Header["location"]; !slices.Equal(location, []string{"San Jose"}) {
			t.Errorf("%s: header location %q", step, location)
		}
		if strings.Contains(step, "Orders") { // the streams
			checkTimestamp(t, step+": trailer", got.Trailer["timestamp"])
		}
	}
}

func checkTimestamp(t *testing.T, what string, values []string) {
	t.Helper()
	if len(values) != 1 {
		t.Errorf("%s: timestamp %q, want one", what, values)
	} else if _, err := time.Parse(time.StampNano, values[0]); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// A shipment is a CombinedShipment.
type shipment struct {
	ID, Status string
	OrdersList []json.RawMessage
}

// checkProcessing: every third id closes a batch, which is answered while the stream is open, one shipment for each
// destination; so does the end. What was shipped shows its shipment again. An unknown id ends the stream, after the
// batches that were complete.
func checkProcessing(t *testing.T, records map[string]record) {
	t.Helper()
	processed := shipments(t, records["processOrders"], "OK", [][]string{{order102, order104}, {order103}, {order105}})
	again := shipments(t, records["processOrders again"], "OK", [][]string{{order102, order104}})
	if len(processed) == 3 && len(again) == 1 && again[0].ID != processed[0].ID {
		t.Errorf("processed again: shipment %s, was %s", again[0].ID, processed[0].ID)
	}
	large := records["getOrder large"].Answers
	if len(large) != 1 {
		t.Fatalf("getOrder large: %d answers, want 1", len(large))
	}
	shipments(t, records["processOrders unknown"], "NotFound", [][]string{{order106}, {updated, string(large[0])}})
}

func shipments(t *testing.T, got record, code string, orders [][]string) []shipment {
	t.Helper()
	if got.Code != code || len(got.Answers) != len(orders) {
		t.Errorf("%s: %s %q with %d answers, want %s and %d\n%s", got.Step, got.Code, got.Message, len(got.Answers), code, len(orders), got.Answers)
		return nil
	}
	var all []shipment
	seen := make(map[string]bool)
	for i, answer := range got.Answers {
		one := decode[shipment](t, answer)
		if one.ID == "" || seen[one.ID] || one.Status != "Processed!" {
			t.Errorf("%s: shipment %q, status %q; want an id of its own and Processed!", got.Step, one.ID, one.Status)
		}
		if !slices.EqualFunc(one.OrdersList, orders[i], func(a json.RawMessage, b string) bool { return string(a) == b }) {
			t.Errorf("%s: shipment %d holds\n%s, want\n%s", got.Step, i, one.OrdersList, orders[i])
		}
		seen[one.ID] = true
		all = append(all, one)
	}
	return all
}

// checkProduct: the id that adding answers reads the product that was added.
func checkProduct(t *testing.T, got record) {
	t.Helper()
	type product struct {
		ID, Value, Name, Description string
		Price                        float32
	}
	if got.Code != "OK" || len(got.Answers) != 2 {
		t.Fatalf("addProduct: %s %q, %s", got.Code, got.Message, got.Answers)
	}
	id := decode[product](t, got.Answers[0]).Value
	want := product{ID: id, Name: "Apple iPhone 11", Description: "Meet Apple iPhone 11.", Price: 699.99}
	if read := decode[product](t, got.Answers[1]); id == "" || read != want {
		t.Errorf("getProduct: %+v, want %+v", read, want)
	}
}

// checkTransport: one connection carries all services, and compressed requests have compressed answers.
func checkTransport(t *testing.T, records map[string]record, gzip bool) {
	t.Helper()
	for step, got := range records {
		if got.Traffic.Connections != 1 {
			t.Errorf("%s: %d connections, want one for everything", step, got.Traffic.Connections)
		}
	}
	if got := records["getOrder large"].Traffic; gzip != (got.WireBytes < got.Bytes/2) || got.Bytes < 3000 {
		t.Errorf("an answer of %d bytes took %d; compressed is %t", got.Bytes, got.WireBytes, gzip)
	}
}

// callsOfV1 are steps of every kind of call.
var callsOfV1 = []string{"getOrder", "addOrder", "searchOrders", "updateOrders", "processOrders", "addProduct"}

func TestClientThatIsNotLetIn(t *testing.T) {
	file, service := client(t), program.Start(t, withCallers(t))
	for name, args := range map[string][]string{
		"no credential":   oneWayTLS(t, service),
		"another token":   oauth2("another-token")(t, service),
		"no such user":    basic("root:admin")(t, service),
		"wrong password":  basic("admin:password")(t, service),
		"password absent": basic("admin")(t, service),
	} {
		t.Run(name, func(t *testing.T) {
			records := run(t, file, append(append(args, "-address="+service.GRPC, "sayHello"), callsOfV1...)...)
			for _, step := range callsOfV1 {
				checkStep(t, records[step], step, "Unauthenticated", nil, "", 0, 0)
			}
			// What needs no caller takes no wrong one either.
			if hello := records["sayHello"]; name != "no credential" {
				checkStep(t, hello, "sayHello", "Unauthenticated", nil, "", 0, 0)
			} else {
				checkStep(t, hello, "sayHello", "OK", []string{`{"message":"Hello gRPC"}`}, "", 1, 1)
			}
		})
	}
}

func TestClientWithoutACertificate(t *testing.T) {
	service := program.Start(t, mutualTLS(t))
	records := run(t, client(t), append(oauth2("some-secret-token")(t, service), "-address="+service.GRPC, "sayHello", "getOrder")...)
	for _, step := range []string{"sayHello", "getOrder"} {
		checkStep(t, records[step], step, "Unavailable", nil, "", 0, 0)
	}
}

func TestClientOfARetiredVersion(t *testing.T) {
	service := program.Start(t, process.Config{Args: []string{"--api-versions=v2"}})
	records := run(t, client(t), append([]string{"-address=" + service.GRPC, "-ca=" + service.CAFile(), "-token=" + service.Token(t)}, callsOfV1...)...)
	for _, step := range callsOfV1 {
		checkStep(t, records[step], step, "Unimplemented", nil, "", 0, 0)
	}
}
