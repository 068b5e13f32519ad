package front

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
)

// patience bounds every wait for an answer.
const patience = 10 * time.Second

// field is one field of a request's header, as it goes over the wire: nothing tidies it up.
type field struct{ name, value string }

// request is what goes over a wire.
type request struct {
	verb, path string
	fields     []field
	body       string
}

// answer is what came back.
type answer struct {
	status int // of HTTP
	reason string
	code   codes.Code // of gRPC
	header http.Header
	body   string
	reset  string // the error code of a stream or connection that was ended without an answer
}

// String is what the tables of this package expect, such as "404 RESOURCE_NOT_FOUND", "200" or "reset PROTOCOL_ERROR".
func (a answer) String() string {
	switch {
	case a.reset != "":
		return "reset " + a.reset
	case a.code != codes.OK:
		return strings.TrimSpace(fmt.Sprint(a.code, " ", a.reason))
	default:
		return strings.TrimSpace(fmt.Sprint(a.status, " ", a.reason))
	}
}

// wire is a connection of its own.
type wire interface {
	// send sends a request and reads its answer. After an error the connection is of no use.
	send(request) (answer, error)
	close()
}

// dialer makes a wire to an address.
type dialer func(t *testing.T, address string, config *tls.Config) wire

func dial(t *testing.T, address string, config *tls.Config, protocol string) net.Conn {
	t.Helper()
	config = config.Clone()
	config.NextProtos = []string{protocol}
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// http1 is a connection that speaks HTTP/1.1.
type http1 struct {
	conn   net.Conn
	reader *bufio.Reader
}

func dialHTTP1(t *testing.T, address string, config *tls.Config) wire {
	conn := dial(t, address, config, "http/1.1")
	return &http1{conn, bufio.NewReader(conn)}
}

func (h *http1) close() { _ = h.conn.Close() }

func (h *http1) send(r request) (answer, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: localhost\r\n", r.verb, r.path)
	for _, f := range r.fields {
		fmt.Fprintf(&text, "%s: %s\r\n", f.name, f.value)
	}
	if r.body != "" {
		fmt.Fprintf(&text, "Content-Length: %d\r\n", len(r.body))
	}
	text.WriteString("\r\n" + r.body)
	return h.sendText(text.String())
}

func (h *http1) sendText(text string) (answer, error) {
	_ = h.conn.SetDeadline(time.Now().Add(patience))
	// A server that has read enough may close while this is being written: what it has answered counts.
	_, writeErr := io.WriteString(h.conn, text)
	a, err := h.receive()
	if err != nil {
		return a, errors.Join(err, writeErr)
	}
	return a, nil
}

func (h *http1) receive() (answer, error) {
	response, err := http.ReadResponse(h.reader, nil)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	a := answer{status: response.StatusCode, header: response.Header, body: string(body)}
	a.reason = reasonOf(body)
	if response.Close {
		a.header.Set("Connection", "close")
	}
	return a, err
}

// reasonOf is the reason of an error in JSON; "text" of what is none.
func reasonOf(body []byte) string {
	var failure struct {
		Code    int `json:"code"`
		Details []struct {
			Reason string `json:"reason"`
		} `json:"details"`
	}
	if json.Unmarshal(body, &failure) != nil {
		return "text"
	}
	for _, detail := range failure.Details {
		if detail.Reason != "" {
			return detail.Reason
		}
	}
	return ""
}
