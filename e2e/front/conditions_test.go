package front

import (
	"strings"
	"testing"
)

// conditions sends keys and conditions that are empty, repeated or odd with writes: those that can't be read are refused,
// never passed over.
func conditions(t *testing.T, w *world) {
	const key = "3a1f9c5e-7b1c-4b60-9b0e-2f6f6f1d0a01"
	for version, dial := range map[string]dialer{"http1": dialHTTP1, "http2": dialHTTP2} {
		t.Run(version, func(t *testing.T) {
			wire := dial(t, w.http, w.tls)
			defer wire.close()
			send := func(o operation, fields []field) answer {
				t.Helper()
				a, err := wire.send(byHTTP(o, append(w.credential("owner"), fields...)))
				if err != nil {
					t.Fatal(err)
				}
				return a
			}
			tag := ""
			for i, c := range []struct {
				operation string
				fields    []field // ETAG stands for the order's entity tag
				want      string
			}{
				{"create", one("idempotency-key", ""), "400 INVALID_FIELD"},
				{"create", one("idempotency-key", " "), "400 INVALID_FIELD"},
				{"create", one("idempotency-key", `""`), "400 INVALID_FIELD"},
				{"create", one("idempotency-key", strings.Repeat("k", 256)), "400 INVALID_FIELD"},
				{"create", []field{{"idempotency-key", version + "-a"}, {"idempotency-key", version + "-a"}}, malformed},
				{"create", []field{{"idempotency-key", version + "-a"}, {"idempotency-key", ""}}, malformed},
				{"create", []field{{"idempotency-key", "ключ"}}, malformed},
				{"get", nil, "404 RESOURCE_NOT_FOUND"}, // none of these has done anything
				{"create", one("idempotency-key", "\t"+version+key+" "), "200"},
				{"create", []field{{"idempotency-key", version + key}, {"grpc-metadata-idempotency-key", "another"}}, "200"}, // again
				{"remove", one("if-match", ""), "400 INVALID_FIELD"},
				{"remove", one("if-match", "ETAG, x"), "400 INVALID_FIELD"},
				{"remove", one("if-match", "unquoted"), "400 INVALID_FIELD"},
				{"remove", one("if-match", `"another"`), "412 IF_MATCH_FAILED"},
				{"remove", []field{{"if-match", `"another"`}, {"if-match", `"more"`}}, "412 IF_MATCH_FAILED"},
				{"remove", []field{{"if-match", `"another"`}, {"grpc-metadata-if-match", "*"}}, "412 IF_MATCH_FAILED"},
				{"get", one("if-none-match", "ETAG"), "304"},
				{"get", []field{{"if-none-match", `"another"`}, {"if-none-match", "ETAG"}}, "304"},
				{"get", []field{{"if-none-match", `"another"`}, {"grpc-metadata-if-none-match", "ETAG"}}, "200"},
				{"remove", []field{{"if-match", `"another"`}, {"if-match", "ETAG"}}, "200"},
			} {
				name := version + "-conditions"
				o := map[string]operation{"create": create(name), "get": get("orders/" + name), "remove": remove("orders/" + name)}[c.operation]
				fields := append([]field(nil), c.fields...)
				for i := range fields {
					fields[i].value = strings.ReplaceAll(fields[i].value, "ETAG", tag)
				}
				a := send(o, fields)
				if a.status == 304 && a.body == "" {
					a.reason = ""
				}
				if a.String() != c.want {
					t.Errorf("%d: %s with %v: %s, want %s: %.300q", i, c.operation, fields, a, c.want, a.body)
				}
				if c.operation == "create" && a.status == 200 {
					if replayed := a.header.Get("Idempotency-Replayed"); (replayed == "true") != (tag != "") {
						t.Errorf("%d: replayed is %q", i, replayed)
					}
					tag = a.header.Get("Etag")
				}
			}
		})
	}
}

// sizes sends headers around the limit of their size: each is answered or refused by it, and none fails further inside,
// where the same header takes other room.
func sizes(t *testing.T, w *world) {
	for version, dial := range map[string]dialer{"http1": dialHTTP1, "http2": dialHTTP2} {
		for _, name := range []string{"grpc-metadata-x", "grpc-metadata-x-bin", "authorization", "tracestate"} {
			wire := dial(t, w.http, w.tls)
			seen := map[string]int{}
			for size := 64<<10 - 4000; size <= 64<<10+40; size += 40 {
				fields := append(w.credential("owner"), field{name, strings.Repeat("A", size)})
				if name == "authorization" {
					fields = fields[1:]
				}
				a, err := wire.send(byHTTP(get(secret), fields))
				if err != nil {
					t.Fatalf("%s: %s of %d bytes: %v", version, name, size, err)
				}
				seen[a.String()]++
				if got := a.String(); got != "200" && got != tooLarge && (got != invalid || name != "authorization") {
					t.Errorf("%s: %s of %d bytes: %s %.200s", version, name, size, a, a.body)
					break
				}
			}
			if len(seen) < 2 {
				t.Errorf("%s: %s: no limit was met: %v", version, name, seen)
			}
			wire.close()
		}
	}
}
