package browser

import (
	"reflect"
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"

	"ordermanagement/e2e/process"
)

// EventSource can't send a token, so it is for services without authentication, or for a proxy that adds one.
func TestEventSource(t *testing.T) {
	service := program.Start(t, process.Config{Open: true, Args: []string{"--sample-data"}})
	b := open(t, service)
	b.do(chromedp.Navigate(service.URL("/docs"))) // which may connect to its own origin; the first page may not
	type event struct{ Type, ID, Data string }
	type story struct {
		Events []event
		Closed bool
	}
	// The server ends the stream after its last event; the browser then comes back by itself with the id of that, and
	// gives up for good when it is answered 204.
	got := eval[story](b, `new Promise(resolve => {
		const source = new EventSource("/v1/orders:search?value=Google");
		const events = [];
		const note = e => events.push({Type: e.type, ID: e.lastEventId, Data: e.data});
		source.onmessage = note;
		source.addEventListener("end", note);
		source.onerror = () => {
			if (source.readyState === EventSource.CLOSED) {
				resolve({Events: events, Closed: true});
			}
		};
	})`)
	want := eval[[]string](b, `fetch("/v1/orders:search?value=Google").then(r => r.text()).then(text =>
		text.trim().split("\n").map(line => JSON.stringify(JSON.parse(line).result)))`)
	if len(want) < 2 {
		t.Fatalf("the search finds %q", want)
	}
	var events []event
	for i, order := range want {
		events = append(events, event{"message", strconv.Itoa(i + 1), order})
	}
	events = append(events, event{"end", "end", "{}"})
	if !reflect.DeepEqual(got.Events, events) || !got.Closed {
		t.Errorf("EventSource got %+v, want %+v", got, events)
	}
	if status := eval[int](b, `fetch("/v1/orders:search?value=Google", {headers: {Accept: "text/event-stream", "Last-Event-ID": "end"}}).then(r => r.status)`); status != 204 {
		t.Errorf("who comes back after the end is answered %d", status)
	}
}
