package gateway

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/requestid"
	"ordermanagement/internal/xfcc"
)

// forwarded are the request headers that the server gets, as the metadata key of the same name in lower case. Nothing
// else of a request's header reaches it but Authorization and what metadataPrefix marks. The once-only ones must not be
// repeated: of two keys, no choice would be right.
var forwarded = []struct {
	name string
	once bool
}{
	{"Idempotency-Key", true},
	{"If-Match", false},
	{"If-None-Match", false},
	{"Traceparent", true},
	{"Tracestate", false},
	{"Baggage", false},
	{"Accept-Language", false},
}

// credential is the one credential of a request, as the server gets it. What can't be one is made into something that is
// none either, so that the server refuses it, as it does over gRPC: two of them, of which no choice would be right, or
// characters that no metadata has.
func credential(values []string) string {
	if len(values) > 1 {
		return "(repeated)"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?' // is in no token, and not in base64
		}
		return r
	}, withoutBlanks(values[0]))
}

// metadataPrefix marks a header as metadata of the caller's own.
const metadataPrefix = "Grpc-Metadata-"

// incomingMetadata is the metadata of the RPC: of the request's header, what is listed, and nothing that could be taken
// for the caller's identity. Header values that can't be metadata are refused, never dropped.
func incomingMetadata(r *http.Request, requestID string, trustForwardedFor bool) (metadata.MD, *status.Status) {
	md := metadata.MD{requestid.Key: {requestID}}
	if values := r.Header["Authorization"]; len(values) > 0 {
		md["authorization"] = []string{credential(values)}
	}
	for _, f := range forwarded {
		values := r.Header[f.name]
		if len(values) == 0 {
			continue
		}
		if f.once && len(values) > 1 {
			return nil, malformed(f.name, fmt.Sprintf("the %s header is repeated", f.name))
		}
		value := withoutBlanks(strings.Join(values, ", ")) // RFC 9110, 5.3
		if !printable(value) {
			return nil, malformed(f.name, fmt.Sprintf("the %s header has characters that are not printable ASCII", f.name))
		}
		md.Set(f.name, value)
	}
	for name, values := range r.Header {
		key, ok := strings.CutPrefix(name, metadataPrefix)
		if !ok {
			continue
		}
		key = strings.ToLower(key)
		if !legalKey(key) || reserved(key) {
			continue
		}
		for _, value := range values {
			decoded, err := decodeMetadata(key, withoutBlanks(value))
			if err != nil {
				return nil, malformed(name, fmt.Sprintf("the %s header %v", clip(name), err))
			}
			md[key] = append(md[key], decoded...)
		}
	}
	told := toldHops(r, trustForwardedFor)
	if hops := forwardedFor(r, told); hops != "" {
		md["x-forwarded-for"] = []string{hops}
	}
	if len(told) > 0 { // the last one is what the proxy has seen itself; x-forwarded-for ends with the proxy's own address
		md[originKey] = []string{told[len(told)-1]}
	}
	if r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		md[xfcc.Header] = []string{xfcc.Format(r.TLS.VerifiedChains[0][0])}
	}
	if metadataSize(md) > maxMetadataBytes {
		return nil, apierror.Newf(apiv1.ErrorReason_HEADERS_TOO_LARGE, "what the header says to the server is larger than %d bytes; send fewer or shorter fields", maxMetadataBytes)
	}
	return md, nil
}

// maxMetadataBytes is for the metadata of an RPC, in bytes as HTTP/2 counts them. Over the network the server takes as much
// as the gateway, what gRPC itself adds included, and a call beyond that would fail inside; and one header can hold many
// binary values, which are fields of their own to the server.
const maxMetadataBytes = maxFieldBytes - 2<<10

func metadataSize(md metadata.MD) (size int) {
	for key, values := range md {
		for _, value := range values {
			length := len(value)
			if strings.HasSuffix(key, binarySuffix) {
				length = base64.RawStdEncoding.EncodedLen(length)
			}
			size += len(key) + length + fieldOverhead
		}
	}
	return size
}

// withoutBlanks takes off what doesn't belong to a header's value (RFC 9110, 5.5): net/http does so for HTTP/1.1 only.
func withoutBlanks(value string) string { return strings.Trim(value, " \t") }

// decodeMetadata turns a header's value into those of its key: text as it is; binary from base64, with or without
// padding, several of them separated by commas.
func decodeMetadata(key, value string) ([]string, error) {
	if !strings.HasSuffix(key, binarySuffix) {
		if !printable(value) {
			return nil, errNotPrintable
		}
		return []string{value}, nil
	}
	var decoded []string
	for part := range strings.SplitSeq(value, ",") {
		part, encoding := withoutBlanks(part), base64.RawStdEncoding
		if len(part)%4 == 0 {
			encoding = base64.StdEncoding
		}
		data, err := encoding.DecodeString(part)
		if err != nil {
			return nil, errNotBase64
		}
		decoded = append(decoded, string(data))
	}
	return decoded, nil
}

const binarySuffix = "-bin"

var (
	errNotPrintable = errors.New("has characters that are not printable ASCII")
	errNotBase64    = errors.New("is not base64")
)

// legalKey reports whether a string is a metadata key (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
func legalKey(key string) bool {
	for _, c := range []byte(key) {
		if c-'a' >= 26 && c-'0' >= 10 && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return key != ""
}

// printable reports whether a string is a legal text value of metadata.
func printable(value string) bool {
	for i := range len(value) {
		if value[i] < 0x20 || value[i] > 0x7e {
			return false
		}
	}
	return true
}

// reservedKeys and reservedPrefixes are what a caller can't set through metadataPrefix: keys with a header of their own,
// keys of the connection or of gRPC, and keys by which proxies and this project tell servers who somebody is.
var reservedKeys = []string{
	"authorization", "idempotency-key", "if-match", "if-none-match", "traceparent", "tracestate", "baggage", "accept-language",
	"x-request-id", "forwarded", "via", "cookie", "set-cookie", "host", "te", "trailer", "connection", "keep-alive",
	"transfer-encoding", "upgrade", "content-type", "content-length", "content-encoding", "user-agent", "remote-user",
	"x-real-ip", "x-remote-user", "x-user", "x-tenant", "x-http-method-override", "www-authenticate",
}

var reservedPrefixes = []string{
	"grpc", "x-om-", "x-forwarded", "x-envoy-", "x-auth", "x-client-", "x-ssl-", "x-goog-", "x-amzn-",
	"x-ms-client-principal", "proxy-", "sec-", "cf-",
}

func reserved(key string) bool {
	return slices.Contains(reservedKeys, key) ||
		slices.ContainsFunc(reservedPrefixes, func(prefix string) bool { return strings.HasPrefix(key, prefix) })
}

// originKey tells the server where a caller behind a trusted proxy comes from.
const originKey = "x-om-origin"

// toldHops are the values of X-Forwarded-For, if a trusted proxy has set them.
func toldHops(r *http.Request, trusted bool) (hops []string) {
	if !trusted {
		return nil
	}
	for _, value := range r.Header["X-Forwarded-For"] {
		if value != "" && printable(value) {
			hops = append(hops, value)
		}
	}
	return hops
}

// forwardedFor is the peer's address, after those that a trusted proxy has told.
func forwardedFor(r *http.Request, hops []string) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil && printable(host) {
		hops = append(hops, host)
	}
	return strings.Join(hops, ", ")
}

const requestIDHeader = "X-Request-Id"
