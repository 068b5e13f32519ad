package front

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// trick is a header that tries something. OWNER and STRANGER in it stand for their tokens.
type trick struct {
	name   string
	fields []field
	// caller is who the fields make of a request without any other credential. When it is empty, the fields are sent
	// beside the credentials of each caller, and must not change who that is.
	caller string
	// refused is what everybody is answered; empty when the request is answered as if the fields were not there.
	refused string
	// http1 and http2 take the place of refused over that version; asEver means that it is not refused there.
	http1, http2 string
	keepCase     bool // HTTP/2 has lower case only; this is sent as it is
}

const (
	malformed = "400 MALFORMED_REQUEST"
	tooLarge  = "431 HEADERS_TOO_LARGE"
	invalid   = "401 CREDENTIALS_INVALID"
	asEver    = "as ever"
	notPlayed = "not played" // over the version: it is about the other one

	// What net/http refuses before there is a handler: over HTTP/1.1 with an error in plain text and the end of the
	// connection, over HTTP/2 with an error in plain text or the end of the stream.
	notHTTP      = "400 text"
	notSupported = "501 text"
	brokenStream = "reset PROTOCOL_ERROR"
)

func one(name, value string) []field { return []field{{name, value}} }

func many(n int, name string) (fields []field) {
	for i := range n {
		fields = append(fields, field{fmt.Sprintf("%s%d", name, i), "1"})
	}
	return fields
}

// identityFields are what proxies, other services and older versions of anything take for an identity.
func identityFields() (tricks []trick) {
	for _, name := range []string{
		"X-Tenant", "X-Tenant-Id", "Tenant", "X-User", "X-User-Id", "X-Remote-User", "Remote-User", "X-Forwarded-User", "X-Forwarded-Email",
		"X-Forwarded-Preferred-Username", "X-Auth-Request-User", "X-Om-Tenant", "X-Om-Caller", "X-Om-Scopes", "X-Scopes", "X-Original-User",
		"X-Goog-Authenticated-User-Email", "X-Amzn-Oidc-Identity", "X-Ms-Client-Principal", "X-Client-Cert", "X-Ssl-Client-S-Dn", "Ssl-Client-S-Dn",
		"X_Tenant", "X-Tеnant", // the last with a Cyrillic е
	} {
		tricks = append(tricks, trick{name: name, fields: one(name, "of-owner")}, trick{name: "own metadata " + name, fields: one("Grpc-Metadata-"+name, "of-owner")})
		if strings.Contains(name, "е") {
			for i := range 2 {
				tricks[len(tricks)-1-i].http1, tricks[len(tricks)-1-i].http2 = notHTTP, brokenStream
			}
		}
	}
	for _, name := range []string{
		"X-Authorization", "Proxy-Authorization", "Authentication", "X-Access-Token", "X-Api-Key", "Cookie", "Grpcgateway-Authorization", "Grpc-Authorization",
		"Authorization-Bin", "Authorization_", "X-Original-Authorization", "Grpc_Metadata_Authorization", "%41uthorization", "Http-Authorization",
	} {
		tricks = append(tricks, trick{name: name, fields: one(name, "Bearer OWNER")})
		binary := strings.HasSuffix(name, "-Bin")
		own := trick{name: "own metadata " + name, fields: one("Grpc-Metadata-"+name, "Bearer OWNER")}
		if binary {
			own.refused = malformed // is no base64
		}
		tricks = append(tricks, own)
	}
	return tricks
}

var tricks = append(identityFields(), []trick{
	{name: "forwarded certificate", fields: one("X-Forwarded-Client-Cert", `Hash=0;Subject="CN=owner"`)},
	{name: "own forwarded certificate", fields: one("Grpc-Metadata-X-Forwarded-Client-Cert", `Hash=0;Subject="CN=owner"`)},
	{name: "own authorization", fields: one("Grpc-Metadata-Authorization", "Bearer OWNER")},
	{name: "own authorization, odd case", fields: one("gRPC-mETADATA-aUTHORIZATION", "Bearer OWNER")},
	{name: "own authorization, twice wrapped", fields: one("Grpc-Metadata-Grpc-Metadata-Authorization", "Bearer OWNER")},
	{name: "own authorization, escaped", fields: one("Grpc-Metadata-%41uthorization", "Bearer OWNER")},
	{name: "own pseudo field", fields: one("Grpc-Metadata-:authority", "evil"), http2: brokenStream},
	{name: "own timeout", fields: one("Grpc-Metadata-Grpc-Timeout", "1n")},
	{name: "own status", fields: []field{{"Grpc-Status", "0"}, {"Grpc-Metadata-Grpc-Status", "0"}, {"Grpc-Metadata-Grpc-Encoding", "gzip"}}},
	{name: "own host", fields: []field{{"Grpc-Metadata-Host", "evil"}, {"X-Forwarded-Host", "evil"}}},
	{name: "another method", fields: []field{{"X-HTTP-Method-Override", "DELETE"}, {"X-Method-Override", "DELETE"}, {"X-HTTP-Method", "DELETE"}}},
	{name: "another path", fields: []field{{"X-Original-Url", "/v2/orders"}, {"X-Rewrite-Url", "/v2/orders"}, {"X-Forwarded-Prefix", "/x"}}},
	{name: "forwarded for", fields: []field{{"X-Forwarded-For", "127.0.0.1"}, {"X-Forwarded-For", "1.2.3.4, 5.6.7.8, unknown, _x, [::1]:80"}, {"Forwarded", `for=127.0.0.1;by="[::1]"`}, {"X-Real-Ip", "127.0.0.1"}}},

	// Credentials.
	{name: "authorization", fields: one("Authorization", "Bearer STRANGER"), caller: "stranger"},
	{name: "authorization, odd case", fields: one("aUTHORIZATION", "bEARER OWNER"), caller: "owner"},
	{name: "authorization, upper case", fields: one("AUTHORIZATION", "Bearer OWNER"), caller: "owner", http2: brokenStream, keepCase: true},
	{name: "blanks around", fields: one("Authorization", "  \t Bearer OWNER \t "), caller: "owner"},
	{name: "no authorization at all", fields: nil, caller: "nobody"},
	{name: "empty", fields: one("Authorization", ""), caller: "nobody", refused: invalid},
	{name: "blank", fields: one("Authorization", " "), caller: "nobody", refused: invalid},
	{name: "blanks within", fields: one("Authorization", "Bearer  OWNER"), caller: "nobody", refused: invalid},
	{name: "a tab within", fields: one("Authorization", "Bearer\tOWNER"), caller: "nobody", refused: invalid},
	{name: "no scheme", fields: one("Authorization", "OWNER"), caller: "nobody", refused: invalid},
	{name: "a list", fields: one("Authorization", "Bearer OWNER, Bearer OWNER"), caller: "nobody", refused: invalid},
	{name: "in quotes", fields: one("Authorization", `Bearer "OWNER"`), caller: "nobody", refused: invalid},
	{name: "escaped", fields: one("Authorization", "Bearer%20OWNER"), caller: "nobody", refused: invalid},
	{name: "Cyrillic scheme", fields: one("Authorization", "Bеarer OWNER"), caller: "nobody", refused: invalid},
	{name: "Cyrillic name", fields: one("Authоrization", "Bearer OWNER"), caller: "nobody", http1: notHTTP, http2: brokenStream},
	{name: "right and right", fields: []field{{"Authorization", "Bearer OWNER"}, {"Authorization", "Bearer OWNER"}}, caller: "nobody", refused: invalid},
	{name: "right and another's", fields: []field{{"Authorization", "Bearer STRANGER"}, {"Authorization", "Bearer OWNER"}}, caller: "nobody", refused: invalid},
	{name: "right and wrong", fields: []field{{"Authorization", "Bearer OWNER"}, {"Authorization", "Bearer wrong"}}, caller: "nobody", refused: invalid},
	{name: "wrong and right", fields: []field{{"Authorization", "Bearer wrong"}, {"Authorization", "Bearer OWNER"}}, caller: "nobody", refused: invalid},
	{name: "right and empty", fields: []field{{"Authorization", "Bearer OWNER"}, {"Authorization", ""}}, caller: "nobody", refused: invalid},
	{name: "right and right, odd case", fields: []field{{"Authorization", "Bearer OWNER"}, {"aUTHORIZATION", "Bearer OWNER"}}, caller: "nobody", refused: invalid},
	{name: "wrong beside own", fields: []field{{"Authorization", "Bearer wrong"}, {"Grpc-Metadata-Authorization", "Bearer OWNER"}}, caller: "nobody", refused: invalid},
	{name: "another's beside own", fields: []field{{"Authorization", "Bearer STRANGER"}, {"Grpc-Metadata-Authorization", "Bearer OWNER"}}, caller: "stranger"},
	{name: "100 wrong ones", fields: append(repeated(100, "Authorization", "Bearer wrong"), field{"Authorization", "Bearer OWNER"}), caller: "nobody", refused: invalid},

	// Keys and conditions, on methods that heed them or not.
	{name: "empty condition", fields: one("If-None-Match", "")},
	{name: "empty own metadata", fields: one("Grpc-Metadata-X", "")},
	{name: "two keys", fields: []field{{"Idempotency-Key", "3a1f9c5e-7b1c-4b60-9b0e-2f6f6f1d0a01"}, {"Idempotency-Key", "3a1f9c5e-7b1c-4b60-9b0e-2f6f6f1d0a02"}}, refused: malformed},
	{name: "two parents", fields: []field{{"Traceparent", "00-1"}, {"Traceparent", "00-2"}}, refused: malformed},
	{name: "a broken parent", fields: []field{{"Traceparent", "ff-garbage"}, {"Tracestate", "=,=,"}, {"Baggage", ";;;=%%%"}}},
	{name: "odd request id", fields: one("X-Request-Id", `../../etc/passwd" level=error msg="forged`)},
	{name: "empty request id", fields: one("X-Request-Id", "")},
	{name: "two request ids", fields: []field{{"X-Request-Id", "a"}, {"X-Request-Id", "b"}}},
	{name: "long request id", fields: one("X-Request-Id", strings.Repeat("x", 10000))},
	{name: "own request id", fields: one("Grpc-Metadata-X-Request-Id", "forged")},
	{name: "absurd timeout", fields: one("Grpc-Timeout", "-1S"), refused: malformed},
	{name: "two timeouts", fields: []field{{"Grpc-Timeout", "1S"}, {"Grpc-Timeout", "2S"}}, refused: malformed},
	{name: "no time", fields: one("Grpc-Timeout", "0n"), refused: "504 DEADLINE_PASSED"},

	// Binary metadata.
	{name: "binary", fields: []field{{"Grpc-Metadata-Seal-Bin", "AP8="}, {"Grpc-Metadata-Seal-Bin", "AQ, Ag"}}},
	{name: "binary line breaks", fields: one("Grpc-Metadata-Seal-Bin", base64.StdEncoding.EncodeToString([]byte("x\r\nauthorization: Bearer wrong\r\n\r\n\x00")))},
	{name: "binary, not base64", fields: one("Grpc-Metadata-Seal-Bin", "!!!!"), refused: malformed},
	{name: "binary, cut", fields: one("Grpc-Metadata-Seal-Bin", "AAAAA"), refused: malformed},
	{name: "2000 binaries in one", fields: one("Grpc-Metadata-Seal-Bin", strings.Repeat(",", 2000)), refused: tooLarge}, // to the server, each is a field
	{name: "binary of 40 kB", fields: one("Grpc-Metadata-Seal-Bin", base64.StdEncoding.EncodeToString(make([]byte, 40<<10)))},
	{name: "binary of 60 kB", fields: one("Grpc-Metadata-Seal-Bin", base64.StdEncoding.EncodeToString(make([]byte, 60<<10))), refused: tooLarge},

	// What separates fields.
	{name: "a line break", fields: one("X", "a\nAuthorization: Bearer OWNER"), caller: "owner", http2: brokenStream},
	{name: "a line break in own metadata", fields: one("Grpc-Metadata-X", "a\r\nX-Tenant: of-owner"), http2: brokenStream},
	{name: "a carriage return", fields: one("X", "a\rAuthorization: Bearer OWNER"), caller: "nobody", http1: notHTTP, http2: brokenStream},
	{name: "NUL", fields: one("Grpc-Metadata-X", "a\x00b"), http1: notHTTP, http2: brokenStream},
	{name: "DEL", fields: one("Grpc-Metadata-X", "a\x7fb"), http1: notHTTP, http2: brokenStream},
	{name: "NUL in binary", fields: one("Grpc-Metadata-X-Bin", "AA\x00="), http1: notHTTP, http2: brokenStream},
	{name: "not ASCII", fields: one("Grpc-Metadata-X", "grün"), refused: malformed},
	{name: "a blank before the colon", fields: one("Authorization ", "Bearer OWNER"), caller: "nobody", http1: notHTTP, http2: brokenStream},
	{name: "a blank in the name", fields: one("Grpc-Metadata-X Y", "a"), http1: notHTTP, http2: brokenStream},
	{name: "no name", fields: one("", "a"), http1: notHTTP, http2: brokenStream},
	{name: "a folded line", fields: one("Authorization", "Bearer\r\n OWNER"), caller: "owner", http2: brokenStream},

	// What belongs to a connection.
	{name: "connection, authorization", fields: one("Connection", "authorization"), http2: notHTTP},
	{name: "connection, key", fields: []field{{"Connection", "idempotency-key, close-not"}, {"Connection", "if-match"}}, http2: notHTTP},
	{name: "keep-alive", fields: []field{{"Connection", "keep-alive"}, {"Keep-Alive", "timeout=1"}}, http2: notHTTP},
	{name: "proxy-connection", fields: one("Proxy-Connection", "close"), http2: notHTTP},
	{name: "upgrade", fields: []field{{"Connection", "Upgrade, HTTP2-Settings"}, {"Upgrade", "h2c"}, {"HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA"}}, http2: notHTTP},
	{name: "websocket", fields: []field{{"Connection", "Upgrade"}, {"Upgrade", "websocket"}}, http2: notHTTP},
	{name: "te", fields: one("Te", "gzip, deflate;q=0"), http2: notHTTP},
	{name: "te: trailers", fields: one("Te", "trailers")},
	{name: "expect", fields: one("Expect", "nonsense"), http1: "417 text", http2: asEver},
	{name: "transfer-encoding: identity", fields: one("Transfer-Encoding", "identity"), http1: notSupported, http2: notHTTP},
	{name: "transfer-encoding: gzip", fields: one("Transfer-Encoding", "gzip, chunked"), http1: notSupported, http2: notHTTP},
	{name: "transfer-encoding: odd", fields: one("Transfer-Encoding", "xchunked"), http1: notSupported, http2: notHTTP},
	{name: "two transfer-encodings", fields: []field{{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}, http1: notSupported, http2: notHTTP},
	{name: "two lengths", fields: []field{{"Content-Length", "0"}, {"Content-Length", "5"}}, http1: notHTTP, http2: notPlayed},
	{name: "no length", fields: one("Content-Length", "-1"), http1: notHTTP, http2: notPlayed},
	{name: "two hosts", fields: one("Host", "evil"), http1: notHTTP, http2: asEver},

	// Much of it.
	{name: "100 fields", fields: many(100, "X-H-")},
	{name: "100 own fields", fields: many(100, "Grpc-Metadata-H-")},
	{name: "1000 tiny fields", fields: many(1000, "a"), refused: tooLarge},
	{name: "1000 tiny own fields", fields: many(1000, "Grpc-Metadata-A"), refused: tooLarge},
	{name: "1000 empty values of one", fields: repeated(1000, "Grpc-Metadata-X", ""), refused: tooLarge},
	{name: "60 kB", fields: one("Grpc-Metadata-X", strings.Repeat("x", 60<<10))},
	{name: "70 kB", fields: one("Grpc-Metadata-X", strings.Repeat("x", 70<<10)), refused: tooLarge},
	{name: "70 kB that nobody reads", fields: one("X", strings.Repeat("x", 70<<10)), refused: tooLarge},
	{name: "70 kB of credential", fields: one("Authorization", "Bearer "+strings.Repeat("x", 70<<10)), caller: "nobody", refused: tooLarge},
	{name: "60 kB of credential", fields: one("Authorization", "Bearer "+strings.Repeat("x", 60<<10)), caller: "nobody", refused: invalid},
	{name: "70 kB of name", fields: one("Grpc-Metadata-"+strings.Repeat("x", 70<<10), "x"), refused: tooLarge},
}...)

func repeated(n int, name, value string) (fields []field) {
	for range n {
		fields = append(fields, field{name, value})
	}
	return fields
}
