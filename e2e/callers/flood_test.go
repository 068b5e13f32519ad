package callers_test

import (
	"fmt"
	"net/http"
	"testing"

	"google.golang.org/grpc/codes"

	"ordermanagement/e2e/corpus"
)

// TestManyWrongPasswords shows that guessing is slowed down, on both protocols alike, and that it locks nobody out who is
// known already, or is known in another way.
func TestManyWrongPasswords(t *testing.T) {
	const tries = 60
	w := newWorld(t)
	kinds := w.kinds(t)
	for _, way := range w.ways(t) {
		t.Run(way.name, func(t *testing.T) {
			verify(t, way, basic("writer", "password of the writer"), methods[0].name, methods[0].request, outcome{code: codes.OK})
			transport := way.open(t, nil)
			defer transport.Close()
			throttled := 0
			for i := range tries {
				got, err := call(t.Context(), transport, methods[0].name, methods[0].request, map[string]corpus.Values{
					"authorization": {basic("writer", fmt.Sprint("guess ", i)).authorization},
				})
				if err != nil {
					t.Fatal(err)
				}
				switch got.reason {
				case "CREDENTIALS_INVALID":
				case "TOO_MANY_ATTEMPTS":
					throttled++
					if got.code != codes.ResourceExhausted || !got.retries || got.asked || got.http != 0 && got.http != http.StatusTooManyRequests {
						t.Errorf("got %+v", got)
					}
				default:
					t.Fatalf("got %+v", got)
				}
			}
			if throttled == 0 {
				t.Errorf("of %d wrong passwords each was looked at", tries)
			}
			for _, kind := range kinds {
				verify(t, way, kind.right, methods[0].name, methods[0].request, outcome{code: codes.OK})
			}
		})
	}
}
