package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/valyala/fasthttp"
)

// callTimeout ends a run whose contestant hangs.
const callTimeout = 30 * time.Second

// HTTP is a client of one HTTPS address. It speaks HTTP/1.1 over connections that are kept, one for each client.
//
// It is fasthttp's, since the load generator shares the processors with what it measures: net/http's client costs about
// as much as a whole server does, and would make unequal contestants look alike.
type HTTP struct {
	host    *fasthttp.HostClient
	address string
}

// NewHTTP makes a client with so many connections.
func NewHTTP(address string, config *tls.Config, connections int) *HTTP {
	config = config.Clone()
	config.NextProtos = []string{"http/1.1"}
	return &HTTP{address: address, host: &fasthttp.HostClient{
		Addr: address, IsTLS: true, TLSConfig: config, MaxConns: connections,
		// fasthttp's own dialer leaves a goroutine behind.
		Dial:        func(address string) (net.Conn, error) { return net.Dial("tcp", address) },
		ReadTimeout: callTimeout, WriteTimeout: callTimeout,
		// Nothing is hidden by trying it again.
		MaxIdemponentCallAttempts: 1,
		RetryIfErr:                func(*fasthttp.Request, int, error) (bool, bool) { return false, false },
	}}
}

// Close closes the connections.
func (h *HTTP) Close() { h.host.CloseIdleConnections() }

// A Request is what a client sends again and again.
type Request struct {
	Method, Path string
	Header       map[string]string
	Body         func() []byte      // of the next call; nil for none
	Check        func([]byte) error // of the answer's body; its status is 200
}

// Call makes the calls of one client.
func (h *HTTP) Call(r Request) Call {
	request, response := new(fasthttp.Request), new(fasthttp.Response)
	request.SetRequestURI("https://" + h.address + r.Path)
	request.Header.SetMethod(r.Method)
	for name, value := range r.Header {
		request.Header.Set(name, value)
	}
	return func(context.Context) error {
		if r.Body != nil {
			request.SetBodyRaw(r.Body())
		}
		if err := h.host.Do(request, response); err != nil {
			return err
		}
		body := response.Body()
		if status := response.StatusCode(); status != fasthttp.StatusOK {
			return fmt.Errorf("%w: %d %.500s", ErrStatus, status, body)
		}
		return r.Check(body)
	}
}

// ErrStatus says that an answer has another status than 200.
var ErrStatus = errors.New("unexpected status")
