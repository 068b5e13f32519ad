package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"google.golang.org/protobuf/proto"
)

var errNotModified = errors.New("not modified")

// checkPrecondition ends a unary GET whose answer the client has already, before it is written (RFC 9110, 13.1.2).
func checkPrecondition(ctx context.Context, _ http.ResponseWriter, _ proto.Message) error {
	c := callOf(ctx)
	if c.route.method != http.MethodGet || c.route.serverStreams {
		return nil
	}
	tags := c.header.Get("etag")
	if len(tags) == 1 && matchesTag(strings.Join(c.request.Header.Values("If-None-Match"), ", "), tags[0]) {
		return errNotModified
	}
	return nil
}

// writeNotModified answers 304 (RFC 9110, 15.4.5): the headers that a 200 would have had, and no body.
func (w *response) writeNotModified() {
	w.Header().Del("Content-Type")
	w.Header().Del("Content-Length")
	w.WriteHeader(http.StatusNotModified)
	w.silent = true
}

// matchesTag reports whether an If-None-Match header names the entity tag, or all: `*`. Tags are compared weakly
// (RFC 9110, 8.8.3.2). A list counts as far as it can be read.
func matchesTag(list, tag string) bool {
	if strings.TrimSpace(list) == "*" {
		return true
	}
	tag, rest, ok := cutTag(tag)
	if !ok || rest != "" {
		return false
	}
	for {
		list = strings.TrimLeft(list, " \t,")
		var candidate string
		if candidate, list, ok = cutTag(list); !ok {
			return false
		}
		if candidate == tag {
			return true
		}
		if list = strings.TrimLeft(list, " \t"); list != "" && list[0] != ',' {
			return false
		}
	}
}

// cutTag cuts an entity tag (RFC 9110, 8.8.3) off the beginning of s. What it returns of the tag is its opaque part.
func cutTag(s string) (opaque, rest string, ok bool) {
	s = strings.TrimPrefix(s, "W/")
	if s == "" || s[0] != '"' {
		return "", s, false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return s[:i+1], s[i+1:], true
		case c < 0x21 || c == 0x7f:
			return "", s, false
		}
	}
	return "", s, false
}
