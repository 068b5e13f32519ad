package postgres_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"ordermanagement/internal/order"
	"ordermanagement/internal/store/storetest"
)

// forgetful stands before a server, and loses the answer to what is sent next when it is told so.
type forgetful struct {
	listener net.Listener
	server   string
	lose     atomic.Bool
	lost     atomic.Int32
	running  sync.WaitGroup
}

func newForgetful(t *testing.T, server string) *forgetful {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forgetful{listener: listener, server: server}
	f.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			f.running.Go(func() { f.forward(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		f.running.Wait()
	})
	return f
}

func (f *forgetful) forward(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", f.server)
	if err != nil {
		return
	}
	defer server.Close()
	f.running.Go(func() {
		_, _ = io.Copy(server, client)
		server.Close()
	})
	buffer := make([]byte, 1<<16)
	for {
		n, err := server.Read(buffer)
		// The end of an answer: the transaction has ended (PostgreSQL, "ReadyForQuery").
		if n >= 6 && strings.HasPrefix(string(buffer[n-6:n]), "Z\x00\x00\x00\x05") && f.lose.CompareAndSwap(true, false) {
			f.lost.Add(1)
			return
		}
		if _, writeErr := client.Write(buffer[:n]); err != nil || writeErr != nil {
			return
		}
	}
}

// TestLostAnswers: what has a key is made once although the answer was lost, and answered so. Of what has none it can't be
// known: it is there, but the caller was not told.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	options := database(t, shared)
	proxy := newForgetful(t, shared.Address())
	options.URL = strings.Replace(options.URL, shared.Address(), proxy.listener.Addr().String(), 1)
	options.Connections = 1
	store, ctx := open(t, options), context.Background()
	defer store.Close()
	storetest.Must(t, store, storetest.Orders("t", storetest.Next(made(t, store, "updated"))))
	// A new connection prepares its statements first, which has an answer of its own.
	prepare := func(id string) {
		storetest.Must(t, store, newOrder())
		storetest.Must(t, store, storetest.Orders("t", storetest.Next(made(t, store, "prepares "+id))))
	}

	update := storetest.Orders("t", storetest.Next(storetest.Next(storetest.Order("updated"))))
	update.Key = storetest.Key("update")
	create := newOrder()
	for name, change := range map[string]*order.Change{"create": create, "update": update} {
		prepare(name)
		proxy.lose.Store(true)
		if err := store.Apply(ctx, change); err != nil {
			t.Errorf("%s with a key: %v", name, err)
		}
		var conflict *order.ConflictError
		if err := store.Apply(ctx, again(change)); !errors.As(err, &conflict) || conflict.Conflict != order.ConflictKey {
			t.Errorf("%s, once more by the caller: %v", name, err)
		}
	}
	prepare("keyless")
	proxy.lose.Store(true)
	if err := store.Apply(ctx, storetest.Orders("t", storetest.Order("keyless"))); !errors.Is(err, order.ErrUnavailable) {
		t.Errorf("without a key: %v", err)
	}
	if err := store.Ping(ctx); err != nil { // over a new connection, whose first answers are to arrive
		t.Fatal(err)
	}
	proxy.lose.Store(true)
	if _, err := store.Orders().Get(ctx, "t", "keyless"); err != nil {
		t.Errorf("Get: %v", err)
	}
	if lost := proxy.lost.Load(); lost != 4 {
		t.Errorf("%d answers were lost, want 4", lost)
	}
}

func made(t *testing.T, store order.Store, id string) *order.Order {
	o := storetest.Order(id)
	storetest.Must(t, store, storetest.Orders("t", o))
	return o
}

// again is what a caller sends who repeats a request: the time is another.
func again(change *order.Change) *order.Change {
	next, key := *change, *change.Key
	key.Time = key.Time.Add(1000)
	next.Key = &key
	return &next
}
