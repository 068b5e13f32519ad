package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ordermanagement/bench/callers"
	"ordermanagement/certs"
)

func TestTokensDiffer(t *testing.T) {
	dir := t.TempDir()
	if _, err := certs.EnsureDevelopment(dir, certs.DevelopmentOptions{}); err != nil {
		t.Fatal(err)
	}
	world, err := callers.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	genuine, err := world.JWT()
	if err != nil {
		t.Fatal(err)
	}
	const tokens = 16
	seen := make(map[string]bool)
	taken := 0
	for n := range int64(tokens) {
		token, want, err := differentToken(world, genuine, n)
		if err != nil {
			t.Fatal(err)
		}
		seen[token] = true
		if want == codes.OK {
			taken++
		}
		if active := strings.HasPrefix(token, callers.ActivePrefix); active && want != codes.OK {
			t.Errorf("%s is %s", token, want)
		}
	}
	if len(seen) != tokens || taken != tokens/2 || seen[genuine] {
		t.Errorf("%d tokens, %d of them taken", len(seen), taken)
	}
}

func TestExpectCode(t *testing.T) {
	refused := status.Error(codes.Unauthenticated, "no")
	for _, test := range []struct {
		answer error
		want   codes.Code
		ok     bool
	}{
		{nil, codes.OK, true},
		{refused, codes.Unauthenticated, true},
		{nil, codes.Unauthenticated, false},
		{refused, codes.OK, false},
		{errors.New("wrong answer"), codes.OK, false},
	} {
		err := expectCode(func(context.Context) error { return test.answer }, test.want)(t.Context())
		if (err == nil) != test.ok {
			t.Errorf("%v where %s is expected: %v", test.answer, test.want, err)
		}
	}
}

func TestCredentialOfNobodyHasNoHeader(t *testing.T) {
	if header := (credential{}).header(); len(header) > 0 {
		t.Errorf("%v", header)
	}
	if header := (credential{authorization: "Bearer x"}).header(); header["Authorization"] != "Bearer x" {
		t.Errorf("%v", header)
	}
}
