package v2

import (
	"testing"
	"time"

	pb "ordermanagement/gen/ordermanagement/v2"

	"ordermanagement/internal/order"
)

func TestPageTokenIsGoodForItsListOnly(t *testing.T) {
	pages, err := NewPages(make([]byte, PageTokenKeySize))
	if err != nil {
		t.Fatal(err)
	}
	position := order.Position{CreateTime: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), ID: "x"}
	bound := bindingOf(t, "a", &pb.ListOrdersRequest{OrderBy: "create_time", PageSize: 5})
	token := pages.seal(position, bound)

	got, err := pages.open(token, bindingOf(t, "a", &pb.ListOrdersRequest{OrderBy: "create_time", PageSize: 7, PageToken: token}))
	if err != nil || *got != position {
		t.Errorf("another size: got %v, %v", got, err)
	}
	for name, other := range map[string][]byte{
		"another tenant": bindingOf(t, "b", &pb.ListOrdersRequest{OrderBy: "create_time"}),
		"another order":  bindingOf(t, "a", &pb.ListOrdersRequest{}),
		"deleted ones":   bindingOf(t, "a", &pb.ListOrdersRequest{OrderBy: "create_time", ShowDeleted: true}),
		"another list":   bindingOf(t, "a", &pb.ListProductsRequest{}),
	} {
		if _, err := pages.open(token, other); err == nil {
			t.Errorf("good for %s", name)
		}
	}
	otherKey := make([]byte, PageTokenKeySize)
	otherKey[0] = 1
	foreign, err := NewPages(otherKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := foreign.open(token, bound); err == nil {
		t.Error("good under another key")
	}
	pages.now = func() time.Time { return time.Now().Add(pageTokenLife + time.Minute) }
	if _, err := pages.open(token, bound); err == nil {
		t.Error("good for ever")
	}
}

func bindingOf(t testing.TB, tenant string, request listRequest) []byte {
	t.Helper()
	bound, err := binding(tenant, request)
	if err != nil {
		t.Fatal(err)
	}
	return bound
}

func FuzzPageToken(f *testing.F) {
	pages, err := NewPages(make([]byte, PageTokenKeySize))
	if err != nil {
		f.Fatal(err)
	}
	bound := bindingOf(f, "a", &pb.ListOrdersRequest{})
	// Sealing is random, so every process of the fuzzer has another token of the one position that is ever sealed.
	sealed := order.Position{CreateTime: time.UnixMicro(1).UTC(), ID: "x"}
	f.Add(pages.seal(sealed, bound))
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := pages.open(text, bound); err == nil && *got != sealed {
			t.Errorf("takes %q for %v, which it has not sealed", text, got)
		}
	})
}
