package callers_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"ordermanagement/e2e/corpus"
)

// TestIdleStreamsStarveNobody holds more streams open through a gateway than its server takes on one connection, without
// sending anything on them: calls of others are answered all the same.
func TestIdleStreamsStarveNobody(t *testing.T) {
	const streams = 280 // a server takes 256 on a connection
	w := newWorld(t)
	s := w.start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	transport := &http.Transport{Protocols: protocols, TLSClientConfig: w.tls(t, nil)}
	defer transport.CloseIdleConnections()
	ended := make(chan struct{}, streams)
	// Of two callers, none of whom may have as many.
	who := []string{"Bearer token-of-the-writer", basic("writer", "password of the writer").authorization}
	for i := range streams {
		body, pipe := io.Pipe()
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.gateway.URL("/v1/orders:process"), body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", who[i%len(who)])
		request.Header.Set("Content-Type", "application/x-ndjson")
		context.AfterFunc(ctx, func() { pipe.CloseWithError(ctx.Err()) })
		go func() {
			defer func() { ended <- struct{}{} }()
			if answer, err := transport.RoundTrip(request); err == nil {
				answer.Body.Close()
			}
		}()
	}
	held := func() bool { return inFlight(metrics(t, s.server), "ProcessOrders") >= streams }
	eventually(t, "the streams are open", held)

	begun := time.Now()
	calls := w.rest(t, s.gateway, nil, false)
	defer calls.Close()
	for range 20 {
		got, err := call(t.Context(), calls, methods[0].name, methods[0].request, map[string]corpus.Values{"authorization": {"Bearer token-of-the-writer"}})
		if err != nil || got.http != http.StatusOK {
			t.Fatalf("a call beside the streams: %+v, %v, after %s", got, err, time.Since(begun))
		}
	}
	if !held() {
		t.Error("the streams have ended, so nothing was shown")
	}
	cancel()
	for range streams {
		<-ended
	}
}
