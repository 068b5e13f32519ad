package front

import "strings"

// grpcTricks are played directly on the gRPC listener, with metadata that no gRPC library would send.
var grpcTricks = append(grpcIdentity(), []trick{
	{name: "authorization", fields: one("authorization", "Bearer STRANGER"), caller: "stranger"},
	{name: "upper case", fields: one("AUTHORIZATION", "Bearer OWNER"), caller: "nobody", refused: brokenStream, keepCase: true},
	{name: "empty", fields: one("authorization", ""), caller: "nobody", refused: "Unauthenticated CREDENTIALS_INVALID"},
	{name: "right and right", fields: []field{{"authorization", "Bearer OWNER"}, {"authorization", "Bearer OWNER"}}, caller: "nobody", refused: "Unauthenticated CREDENTIALS_INVALID"},
	{name: "right and another's", fields: []field{{"authorization", "Bearer STRANGER"}, {"authorization", "Bearer OWNER"}}, caller: "nobody", refused: "Unauthenticated CREDENTIALS_INVALID"},
	{name: "right and wrong", fields: []field{{"authorization", "Bearer OWNER"}, {"authorization", "Bearer wrong"}}, caller: "nobody", refused: "Unauthenticated CREDENTIALS_INVALID"},
	{name: "wrong and right", fields: []field{{"authorization", "Bearer wrong"}, {"authorization", "Bearer OWNER"}}, caller: "nobody", refused: "Unauthenticated CREDENTIALS_INVALID"},
	{name: "a list", fields: one("authorization", "Bearer OWNER,Bearer OWNER"), caller: "nobody", refused: "Unauthenticated CREDENTIALS_INVALID"},
	{name: "not ASCII", fields: one("authorization", "Bеarer OWNER"), caller: "nobody", refused: "Unauthenticated CREDENTIALS_INVALID"},
	{name: "a line break", fields: one("x", "a\nauthorization: Bearer OWNER"), caller: "nobody", refused: brokenStream},
	{name: "NUL", fields: one("x", "a\x00b"), refused: brokenStream},
	{name: "binary", fields: []field{{"seal-bin", "AP8="}, {"seal-bin", "AQ"}}},
	// grpc-go refuses these before any code of the service runs: it doesn't split binary values at commas.
	{name: "a list of binaries", fields: one("seal-bin", "AQ,Ag"), refused: "Internal"},
	{name: "binary, not base64", fields: one("seal-bin", "!!!!"), refused: "Internal"},
	{name: "reserved keys", fields: []field{{"grpc-status", "0"}, {"grpc-message", "fine"}, {"grpc-own", "x"}, {"grpc-previous-rpc-attempts", "9"}}},
	{name: "pseudo field behind others", fields: one(":authority", "evil"), refused: brokenStream},
	{name: "two hosts", fields: one("host", "evil")},
	{name: "two request ids", fields: []field{{"x-request-id", "a"}, {"x-request-id", "b"}}},
	{name: "forwarded for", fields: []field{{"x-forwarded-for", "1.2.3.4"}, {"x-forwarded-for", "127.0.0.1"}}},
	{name: "40 kB", fields: one("x", strings.Repeat("x", 40<<10))},
}...)

// grpcIdentity are the identity fields of HTTP as metadata.
func grpcIdentity() (all []trick) {
	for _, t := range identityFields() {
		if t.http2 == "" && t.refused == "" && !strings.HasPrefix(t.fields[0].name, "Grpc-") && !strings.HasSuffix(t.fields[0].name, "-Bin") {
			all = append(all, t)
		}
	}
	return all
}
