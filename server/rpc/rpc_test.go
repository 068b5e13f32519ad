package rpc_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	pbv2 "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/order"
	"ordermanagement/server/rpc"
)

// Every reason of the domain is one of the contract, or its errors would leave as something else.
func TestEveryReasonOfTheDomainIsInTheContract(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../internal/order/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Reason" {
			return true
		}
		reason, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		found++
		st := rpc.Status(&order.Error{Reason: order.Reason(reason), Message: "text"})
		if got, _ := apierror.Reason(st); got.String() != reason {
			t.Errorf("%s leaves as %v", reason, got)
		}
		return true
	})
	if found == 0 {
		t.Fatal("found no reasons")
	}
}

func TestStatusKeepsWhatHelps(t *testing.T) {
	err := fmt.Errorf("wrapped: %w", &order.Error{
		Reason: order.InvalidTransition, Message: "no", Resource: "orders/1",
		Violations:    []order.Violation{{Field: "a", Description: "b"}},
		Preconditions: []order.Precondition{{Type: "STATE", Subject: "orders/1", Description: "c"}},
	})
	var kinds []string
	for _, detail := range rpc.Status(rpc.InField("order", err)).Details() {
		kinds = append(kinds, fmt.Sprintf("%T", detail))
		if bad, ok := detail.(*errdetails.BadRequest); ok && bad.GetFieldViolations()[0].GetField() != "order.a" {
			t.Errorf("the violation is at %s", bad.GetFieldViolations()[0].GetField())
		}
	}
	want := []string{"*errdetails.ErrorInfo", "*errdetails.BadRequest", "*errdetails.PreconditionFailure", "*errdetails.ResourceInfo"}
	if !slices.Equal(kinds, want) {
		t.Errorf("got %v, want %v", kinds, want)
	}
	unavailable := rpc.Status(fmt.Errorf("secret: %w", order.ErrUnavailable))
	if unavailable.Code() != codes.Unavailable || strings.Contains(unavailable.Message(), "secret") {
		t.Errorf("got %v", unavailable)
	}
}

const uuid = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"

func TestIdempotencyKey(t *testing.T) {
	for name, test := range map[string]struct {
		inMessage string
		inHeader  []string
		key       string
		fails     apiv1.ErrorReason
	}{
		"none":                 {"", nil, "", 0},
		"in the message":       {uuid, nil, uuid, 0},
		"in the header":        {"", []string{"abc"}, "abc", 0},
		"UUID in the header":   {"", []string{strings.ToUpper(uuid)}, uuid, 0},
		"quoted in the header": {"", []string{`"abc"`}, "abc", 0},
		"in both":              {uuid, []string{strings.ToUpper(uuid)}, uuid, 0},
		"differing":            {uuid, []string{"abc"}, "", apiv1.ErrorReason_IDEMPOTENCY_KEY_CONFLICT},
		"twice":                {"", []string{"a", "b"}, "", apiv1.ErrorReason_INVALID_FIELD},
		"empty":                {"", []string{""}, "", apiv1.ErrorReason_INVALID_FIELD},
		"too long":             {"", []string{strings.Repeat("x", 256)}, "", apiv1.ErrorReason_INVALID_FIELD},
		"not printable":        {"", []string{"a\x01"}, "", apiv1.ErrorReason_INVALID_FIELD},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := incoming(t.Context(), "idempotency-key", test.inHeader)
			w, err := rpc.Write(ctx, &pbv2.ConfirmOrderRequest{Name: "orders/1", RequestId: test.inMessage})
			if reason, _ := apierror.Reason(apierror.Normalize(err)); test.fails != 0 && (err == nil || reason != test.fails) {
				t.Fatalf("got %v, want %v", err, test.fails)
			}
			if test.fails == 0 && (err != nil || w.Key != test.key) {
				t.Errorf("got %q, %v, want %q", w.Key, err, test.key)
			}
		})
	}
}

// The fingerprint is of the request, whichever way the key came, and of the condition.
func TestFingerprint(t *testing.T) {
	of := func(request *pbv2.ConfirmOrderRequest, keys ...string) [32]byte {
		t.Helper()
		ctx := incoming(t.Context(), "idempotency-key", []string{uuid})
		if len(keys) > 0 {
			ctx = metadata.NewIncomingContext(t.Context(), metadata.Pairs(append(keys, "idempotency-key", uuid)...))
		}
		w, err := rpc.Write(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		return w.Fingerprint
	}
	same := of(&pbv2.ConfirmOrderRequest{Name: "orders/1"})
	if of(&pbv2.ConfirmOrderRequest{Name: "orders/1", RequestId: uuid}) != same {
		t.Error("the key is part of it")
	}
	if of(&pbv2.ConfirmOrderRequest{Name: "orders/2"}) == same {
		t.Error("the name is not part of it")
	}
	if of(&pbv2.ConfirmOrderRequest{Name: "orders/1"}, "if-match", `"x"`) == same {
		t.Error("the condition is not part of it")
	}
}

func TestParseEntityTags(t *testing.T) {
	for text, want := range map[string][]string{
		`*`:           {"*"},
		`"a"`:         {`"a"`},
		`"a", "b"`:    {`"a"`, `"b"`},
		`"a",, "b" ,`: {`"a"`, `"b"`},
		`W/"a"`:       {`W/"a"`},
		`"a,b"`:       {`"a,b"`},
		`""`:          {`""`},
		``:            nil,
		`a`:           nil,
		`"a`:          nil,
		`"a" "b"`:     nil,
		`"a", *`:      nil,
		`w/"a"`:       nil,
		` "a"	`:       {`"a"`},
	} {
		got, err := rpc.ParseEntityTags(text)
		if (err != nil) != (want == nil) || !slices.Equal(got, want) {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func FuzzParseEntityTags(f *testing.F) {
	f.Add(`"a", W/"b"`)
	f.Fuzz(func(t *testing.T, text string) {
		tags, err := rpc.ParseEntityTags(text)
		if err != nil {
			return
		}
		again, err := rpc.ParseEntityTags(strings.Join(tags, ", "))
		if err != nil || !slices.Equal(again, tags) {
			t.Errorf("%q became %q, and that %q, %v", text, tags, again, err)
		}
	})
}

func TestInFieldLeavesOthersAlone(t *testing.T) {
	plain := errors.New("x")
	if rpc.InField("order", plain) != plain {
		t.Error("changes an error that is not of the domain")
	}
}

func incoming(ctx context.Context, key string, values []string) context.Context {
	return metadata.NewIncomingContext(ctx, metadata.MD{key: values})
}
