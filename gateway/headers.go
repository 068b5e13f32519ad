package gateway

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// wellKnown is metadata of the server that has a name in HTTP. Any other key becomes Grpc-Metadata-KEY.
var wellKnown = map[string]string{
	"etag":                 "ETag", // net/http writes Etag, which is the same: names have no case
	"retry-after":          "Retry-After",
	"x-request-id":         requestIDHeader,
	"deprecation":          "Deprecation",
	"sunset":               "Sunset",
	"link":                 "Link",
	"idempotency-replayed": "Idempotency-Replayed",
	"www-authenticate":     "WWW-Authenticate",
	"allow":                "Allow",
}

// wellKnownPrefixes are those of the rate-limit headers, in use and as drafted by the IETF.
var wellKnownPrefixes = []string{"x-ratelimit-", "ratelimit"}

// repeatable are the well-known ones that may have several values; of the others the last one counts.
var repeatable = []string{"link", "www-authenticate", "allow"}

// unsent are keys that mean something on the connection between gateway and server only, besides grpc-*.
var unsent = []string{
	"connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "trailer", "upgrade",
	"content-type", "content-length", "content-encoding", "host", "date", "server", "user-agent",
}

func forwardable(key string) bool {
	return legalKey(key) && !strings.HasPrefix(key, "grpc-") && !slices.Contains(unsent, key)
}

// addHeader adds one key of the server's header metadata to an answer's header.
func addHeader(h http.Header, key string, values []string) {
	if !forwardable(key) {
		return
	}
	name, known := wellKnown[key]
	if !known {
		known = slices.ContainsFunc(wellKnownPrefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
		if name = key; !known {
			name = metadataPrefix + key
		}
	}
	for _, value := range values {
		value, ok := headerValue(key, value)
		switch {
		case !ok:
		case known && !slices.Contains(repeatable, key):
			h.Set(name, value)
		default:
			h.Add(name, value)
		}
	}
}

// trailerName is the HTTP trailer field of a key of the server's trailer metadata.
func trailerName(key string) (string, bool) {
	return http.CanonicalHeaderKey("Grpc-Trailer-" + key), forwardable(key)
}

// headerValue writes a metadata value for HTTP: binary ones in base64, text as it is, if it is text.
func headerValue(key, value string) (string, bool) {
	if strings.HasSuffix(key, binarySuffix) {
		return base64.StdEncoding.EncodeToString([]byte(value)), true
	}
	return value, printable(value)
}
