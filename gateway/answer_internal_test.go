package gateway

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"
)

// gone is a client that has reset its stream.
type gone struct{ http.ResponseWriter }

func (gone) Write([]byte) (int, error) { return 0, errors.New("the stream is closed") }

// An answer that could not be written may still be on its way: what is written into its buffer for another call would be
// sent to the wrong client.
func TestBufferOfBrokenAnswerIsNotKept(t *testing.T) {
	const calls = 100 // the race detector has pools forget things at random
	send := func(pool *sync.Pool, broken bool) {
		c := &call{request: httptest.NewRequest(http.MethodGet, "/", nil)}
		c.answer = answer{from: pool, message: wrapperspb.String("x")}
		defer c.answer.release()
		var w http.ResponseWriter = httptest.NewRecorder()
		if broken {
			w = gone{w}
		}
		c.w = newResponse(w, c.request, c, time.Second)
		data, err := c.answer.marshal()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = c.w.Write(data)
	}
	kept := func(broken bool) (n int) {
		var pool sync.Pool
		for range calls {
			send(&pool, broken)
			if pool.Get() != nil {
				n++
			}
		}
		return n
	}
	if n := kept(false); n == 0 {
		t.Error("no buffer is kept for another call")
	}
	if n := kept(true); n > 0 {
		t.Errorf("the buffers of %d broken answers were kept", n)
	}
}
