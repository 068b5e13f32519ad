package main

import (
	"testing"

	"ordermanagement/internal/ordered"
)

func TestUnwrap(t *testing.T) {
	for text, want := range map[string]string{
		" One line.\n":                     "One line.",
		" Two\n lines.\n":                  "Two lines.",
		" One.\n\n Another\n one.\n":       "One.\n\nAnother one.",
		" A list:\n - one\n - two\n   x\n": "A list:\n- one\n- two x",
		"":                                 "",
	} {
		if got := unwrap(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestFirstSentence(t *testing.T) {
	for text, want := range map[string][2]string{
		"Reads an order.":              {"Reads an order", ""},
		"Reads it. Then more. And so.": {"Reads it", "Then more. And so."},
		"One, e.g. this. Then more.":   {"One, e.g. this", "Then more."},
		"Version 1.5 of it. More.":     {"Version 1.5 of it", "More."},
		"No full stop":                 {"No full stop", ""},
		"One.\n\nAnother.":             {"One", "Another."},
		"Wait... for it. Then.":        {"Wait... for it", "Then."},
		"":                             {"", ""},
	} {
		if first, rest := firstSentence(text); first != want[0] || rest != want[1] {
			t.Errorf("%q: got %q and %q", text, first, rest)
		}
	}
}

func TestPublicPath(t *testing.T) {
	c := &contract{resources: map[string]string{"orders/*": "orders/{order}", "products/*/inventory": "products/{product}/inventory"}}
	for route, want := range map[string]string{
		"/v2/orders":                      "/v2/orders",
		"/v2/{name=orders/*}":             "/v2/orders/{order}",
		"/v2/{order.name=orders/*}":       "/v2/orders/{order}",
		"/v2/{name=orders/*}:confirm":     "/v2/orders/{order}:confirm",
		"/v1/hello/{name}":                "/v1/hello/{name}",
		"/v2/{name=things/*}":             "",
		"/v2/{name=products/*/inventory}": "",
	} {
		if got, _, err := c.publicPath(route); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: got %q, %v", route, got, err)
		}
	}
}

func TestObjectsKeepTheirOrder(t *testing.T) {
	const text = `{"z":"<&>","a":"","m":"é"}`
	var o ordered.Object[string]
	if err := ordered.Decode([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	if got, err := ordered.Encode(&o); err != nil || string(got) != text {
		t.Errorf("got %s, %v", got, err)
	}
	for _, bad := range []string{`[]`, `{"a":1}`, `{"a"`, ``} {
		if err := ordered.Decode([]byte(bad), &ordered.Object[string]{}); err == nil {
			t.Errorf("takes %s", bad)
		}
	}
}

// What the generator before us may say one day, and we would lose, stops the generation.
func TestUnknownPartsOfADocumentAreRefused(t *testing.T) {
	for _, text := range []string{
		`{"openapi":"3.1.0","info":{},"paths":{},"webhooks":{}}`,
		`{"openapi":"3.1.0","info":{},"paths":{"/x":{"get":{"callbacks":{}}}}}`,
		`{"openapi":"3.1.0","info":{},"paths":{},"components":{"schemas":{"X":{"if":{}}}}}`,
	} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("takes %s", text)
		}
	}
}
