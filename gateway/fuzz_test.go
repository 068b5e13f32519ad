package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"ordermanagement/gateway"
	v1 "ordermanagement/gen/ordermanagement/v1"
	v2 "ordermanagement/gen/ordermanagement/v2"
)

// ask calls a gateway without a network, as fast as fuzzing wants it.
func ask(t testing.TB, handler http.Handler, r *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if w.Code >= 400 {
		if w.Code >= 500 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		var f failure
		if err := json.Unmarshal(w.Body.Bytes(), &f); err != nil || f.reason() == "" || !utf8.ValidString(f.Message) || len(f.Message) > 1000 {
			t.Errorf("no error of ours: %v: %s", err, w.Body)
		}
	}
	return w
}

func handler(t testing.TB, f *fake) http.Handler {
	t.Helper()
	h, err := gateway.New(gateway.Options{Conn: inProcess(t, f), Logger: slog.New(slog.DiscardHandler), MaxRecordBytes: 64})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// What the decoder of streams takes is, line by line, what the decoder of single bodies takes; the rest cancels.
func FuzzRecords(f *testing.F) {
	for _, seed := range []string{"", "\n", "{}", "{\"id\":\"1\"}\n{\"id\":\"2\"}", "{\"id\":\"1\"}\n\n{\"id\":", "{}{}", "\xff", "{\"id\":\"" + strings.Repeat("x", 70) + "\"}", "{\"items\":[1]}\r\n", "{\"\":{\"a\":[{}]}}", "[[{\"a\":"} {
		f.Add([]byte(seed))
	}
	var records []string
	var clean bool
	h := handler(f, &fake{
		update: func(s grpc.ClientStreamingServer[v1.Order, wrapperspb.StringValue]) error {
			var ids []string
			for {
				order, err := s.Recv()
				if err == io.EOF {
					records, clean = ids, true
					return s.SendAndClose(wrapperspb.String("done"))
				}
				if err != nil {
					return err
				}
				ids = append(ids, order.GetId())
			}
		},
		add: func(_ context.Context, in *v1.Order) (*wrapperspb.StringValue, error) {
			return wrapperspb.String(in.GetId()), nil
		},
	})
	f.Fuzz(func(t *testing.T, body []byte) {
		var want []string
		good := true
		for line := range bytes.SplitSeq(body, []byte("\n")) {
			if len(bytes.TrimRight(line, "\r")) > 64 {
				good = false
				break
			}
			if len(bytes.Trim(line, " \t\r")) == 0 {
				continue
			}
			w := ask(t, h, httptest.NewRequest("POST", "/v1/orders", bytes.NewReader(line)))
			if good = w.Code == 200; !good {
				break
			}
			var id string
			if err := json.Unmarshal(w.Body.Bytes(), &id); err != nil {
				t.Fatal(err)
			}
			want = append(want, id)
		}
		records, clean = nil, false
		w := ask(t, h, httptest.NewRequest("POST", "/v1/orders:update", bytes.NewReader(body)))
		if !good {
			if w.Code != 400 && w.Code != 413 {
				t.Errorf("%d for a bad stream", w.Code)
			}
			return // the server's handler may still run, and has not seen an end
		}
		if w.Code != 200 || !clean || strings.Join(records, "\n") != strings.Join(want, "\n") {
			t.Errorf("%d, got %q, want %q", w.Code, records, want)
		}
	})
}

// A query is refused, or every parameter of it is one that the method has, once.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "pageSize=1", "page_size=1&pageSize=2", "pageToken=%zz", "a;b", "pageSize[x]=1", "pageSize.a=1", "orderBy=a&orderBy=b", "%ff=1", "showDeleted=true", "[=1", "pageSize[=1", "=", "pageToken=\x00"} {
		f.Add(seed)
	}
	var got *v2.ListOrdersRequest
	h := handler(f, &fake{orders: fakeOrders{list: func(_ context.Context, in *v2.ListOrdersRequest) (*v2.ListOrdersResponse, error) {
		got = in
		return &v2.ListOrdersResponse{}, nil
	}}})
	fields := (&v2.ListOrdersRequest{}).ProtoReflect().Descriptor().Fields()
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", "/v2/orders", nil)
		r.URL.RawQuery = query
		got = nil
		if w := ask(t, h, r); w.Code != 200 {
			if got != nil {
				t.Error("refused, but called")
			}
			return
		}
		for key, values := range r.URL.Query() {
			field := fields.ByTextName(key)
			if field == nil {
				field = fields.ByJSONName(key)
			}
			if field == nil || len(values) != 1 {
				t.Errorf("%q was accepted", key)
			} else if field.Name() == "page_token" && got.GetPageToken() != values[0] {
				t.Errorf("%q arrived as %q", values[0], got.GetPageToken())
			}
		}
	})
}

// Whatever a client calls its metadata, none of it arrives under a name that means something.
func FuzzMetadata(f *testing.F) {
	for _, seed := range [][2]string{{"Colour", "red"}, {"Authorization", "Bearer x"}, {"X-Om-Caller", "root"}, {"Seal-Bin", "AP8="}, {"Seal-Bin", "§"}, {"X-Forwarded-For", "1"}, {"GRPC-Timeout", "1S"}, {"a!b", ""}, {"", "x"}, {"-Bin", ","}} {
		f.Add(seed[0], seed[1])
	}
	var got metadata.MD
	h := handler(f, &fake{get: func(ctx context.Context, _ *wrapperspb.StringValue) (*v1.Order, error) {
		got, _ = metadata.FromIncomingContext(ctx)
		return &v1.Order{}, nil
	}})
	f.Fuzz(func(t *testing.T, name, value string) {
		r := httptest.NewRequest("GET", "/v1/orders/1", nil)
		r.Header.Set("Authorization", "Bearer mine")
		r.Header.Set("Grpc-Metadata-"+name, value)
		if w := ask(t, h, r); w.Code != 200 {
			return
		}
		for key, values := range got {
			switch {
			case key == "authorization":
				if len(values) != 1 || values[0] != "Bearer mine" {
					t.Errorf("authorization is %q", values)
				}
			case key == "x-request-id", key == "x-forwarded-for":
				if len(values) != 1 || values[0] == value {
					t.Errorf("%s is %q", key, values)
				}
			case strings.HasPrefix(key, "grpc"), strings.HasPrefix(key, "x-om-"), strings.HasPrefix(key, "x-forwarded"), strings.HasPrefix(key, ":"),
				key != strings.ToLower(name), strings.Trim(key, "0123456789abcdefghijklmnopqrstuvwxyz_.-") != "":
				t.Errorf("%q: %q arrived", key, values)
			case !strings.HasSuffix(key, "-bin") && strings.ContainsFunc(values[0], func(r rune) bool { return r < 0x20 || r > 0x7e }):
				t.Errorf("%s is %q", key, values)
			}
		}
	})
}

// If-None-Match: a tag that stands alone in the list always matches; what has neither the tag nor a star never does.
func FuzzIfNoneMatch(f *testing.F) {
	for _, seed := range []string{"", "*", `"a"`, `W/"a"`, `"b", "a"`, `"b`, `a`, `"b","`, `W/`, `"a`, `,`} {
		f.Add(seed)
	}
	h := handler(f, &fake{orders: fakeOrders{get: func(ctx context.Context, in *v2.GetOrderRequest) (*v2.Order, error) {
		return &v2.Order{}, grpc.SetHeader(ctx, metadata.Pairs("etag", `"a"`))
	}}})
	code := func(t *testing.T, condition string) int {
		r := httptest.NewRequest("GET", "/v2/orders/1", nil)
		r.Header.Set("If-None-Match", condition)
		return ask(t, h, r).Code
	}
	f.Fuzz(func(t *testing.T, condition string) {
		switch got := code(t, condition); got {
		case 200, 400:
		case 304:
			if !strings.Contains(condition, `"a"`) && strings.TrimSpace(condition) != "*" {
				t.Errorf("%q matches", condition)
			}
		default:
			t.Errorf("%q: %d", condition, got)
		}
		if got := code(t, `"a", `+condition); got != 304 && got != 400 {
			t.Errorf("%q after the tag: %d", condition, got)
		}
	})
}
