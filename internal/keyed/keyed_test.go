package keyed_test

import (
	"sync"
	"testing"

	"ordermanagement/internal/keyed"
)

func TestOf(t *testing.T) {
	h := keyed.New()
	if h.Of("secret") != h.Of("sec", "ret") {
		t.Error("the parts of a text are not the text")
	}
	if h.Of("secret") == h.Of("Secret") || h.Of("") == h.Of("secret") {
		t.Error("two texts have one digest")
	}
	if h.Of("secret") == keyed.New().Of("secret") {
		t.Error("two hashers have one key")
	}
	want := h.Of("a")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				h.Of("b", "c")
				if h.Of("a") != want {
					t.Error("a digest changes")
					return
				}
			}
		})
	}
	all.Wait()
}
