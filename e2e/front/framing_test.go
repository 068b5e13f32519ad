package front

import (
	"errors"
	"io"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// framing sends what could be taken for one request or for two. However it is taken, nothing of it is answered but
// what the caller who sent it may have, and a request that is refused ends the connection.
func framing(t *testing.T, w *world) {
	const hidden = "GET /v2/orders/secret HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer OWNER\r\n\r\n"
	const create = "POST /v2/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer STRANGER\r\n"
	const draft = `{"currencyCode":"USD"}`
	// net/http doesn't tell chunks that can't be read from a client that is gone.
	const brokenOff = "499 CALL_CANCELED"
	for name, c := range map[string]struct {
		text string
		want []string // the answers until the connection is closed
	}{
		"two requests": {"GET /v2/orders/secret HTTP/1.1\r\nHost: x\r\n\r\n" + hidden, []string{"401 CREDENTIALS_MISSING", "200"}},
		"length and chunks": {create + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n" + draft + "\r\n0\r\n\r\n" + hidden,
			[]string{"200"}},
		"two lengths":           {create + "Content-Length: 0\r\nContent-Length: 22\r\n\r\n" + draft + hidden, []string{notHTTP}},
		"the same length twice": {create + "Content-Length: 22\r\nContent-Length: 22\r\n\r\n" + draft + hidden, []string{"200", "200"}},
		"a signed length":       {create + "Content-Length: +22\r\n\r\n" + draft + hidden, []string{notHTTP}},
		"a broken chunk":        {create + "Transfer-Encoding: chunked\r\n\r\nx\r\n" + draft + "\r\n0\r\n\r\n" + hidden, []string{brokenOff}},
		"a chunk too short":     {create + "Transfer-Encoding: chunked\r\n\r\n2\r\n" + draft + "\r\n0\r\n\r\n" + hidden, []string{brokenOff}},
		"a declared trailer": {"POST /v2/orders HTTP/1.1\r\nHost: x\r\nTrailer: Authorization\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n" + draft +
			"\r\n0\r\nAuthorization: Bearer OWNER\r\n\r\n", []string{"401 CREDENTIALS_MISSING"}},
		"an undeclared trailer": {"POST /v2/orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n" + draft +
			"\r\n0\r\nAuthorization: Bearer OWNER\r\n\r\n", []string{"401 CREDENTIALS_MISSING"}},
		"an odd chunking":      {create + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + hidden, []string{notSupported}},
		"a body of GET":        {"GET /v2/orders/secret HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer STRANGER\r\nContent-Length: 5\r\n\r\nhello" + hidden, []string{malformed, "200"}},
		"an absolute target":   {"GET https://evil/v2/orders/secret HTTP/1.1\r\nHost: x\r\n\r\n", []string{"401 CREDENTIALS_MISSING"}},
		"no host":              {"GET /v2/orders/secret HTTP/1.1\r\n\r\n" + hidden, []string{notHTTP}},
		"another version":      {"GET /v2/orders/secret HTTP/3.0\r\nHost: x\r\n\r\n" + hidden, []string{"505 text"}},
		"a blank after a name": {"GET /v2/orders/secret HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\nhello" + hidden, []string{notHTTP}},
		"a blank line first":   {"\r\n" + hidden, []string{"400 text"}},
		"bare line feeds":      {strings.ReplaceAll(hidden, "\r\n", "\n"), []string{"200"}},
	} {
		t.Run(name, func(t *testing.T) {
			wire := dialHTTP1(t, w.http, w.tls).(*http1)
			defer wire.close()
			var got []string
			a, err := wire.sendText(w.fill(one("", c.text))[0].value)
			for ; err == nil; a, err = wire.receive() {
				got = append(got, a.String())
				if len(got) == len(c.want) && a.header.Get("Connection") != "close" {
					break // it goes on
				}
			}
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, syscall.ECONNRESET) {
				t.Error(err)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("answers are %q, want %q: %.300s", got, c.want, a.body)
			}
		})
	}
}
