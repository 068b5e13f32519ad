package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ordermanagement/bench/callers"
	"ordermanagement/bench/measure"
)

// newFlood makes a flood of one client, that is answered so in turn, and tells of each user.
func newFlood(tell func(user string), answers ...codes.Code) *flood {
	f := &flood{answers: make(map[codes.Code]int)}
	n := 0
	f.clients = append(f.clients, func(_ context.Context, authorization string) error {
		request := http.Request{Header: http.Header{"Authorization": {authorization}}}
		user, _, _ := request.BasicAuth()
		tell(user)
		n++
		return status.Error(answers[(n-1)%len(answers)], "")
	})
	return f
}

func TestFloodComesDuringATurn(t *testing.T) {
	defer goleak.VerifyNone(t)
	users := make(chan string)
	f := newFlood(func(user string) { users <- user }, codes.Unauthenticated, codes.ResourceExhausted)
	want := measure.Slice{Requests: 7}
	var seen []string
	got, err := f.during(t.Context(), func() (measure.Slice, error) {
		for range 4 {
			seen = append(seen, <-users)
		}
		go func() {
			for range users { // what comes until the clients notice the end
			}
		}()
		return want, nil
	})
	close(users)
	if err != nil || got.Requests != want.Requests {
		t.Errorf("%+v, %v", got, err)
	}
	if seen[1] != callers.Name || seen[3] != callers.Name || seen[0] == seen[2] || seen[0] == callers.Name {
		t.Errorf("users: %q", seen)
	}
	if f.answers[codes.Unauthenticated] < 2 || f.answers[codes.ResourceExhausted] < 2 || f.lasted <= 0 {
		t.Errorf("answers: %v in %v", f.answers, f.lasted)
	}
}

func TestFloodMustBeRefused(t *testing.T) {
	for code, want := range map[codes.Code]bool{
		codes.Unauthenticated: true, codes.ResourceExhausted: true, codes.OK: false, codes.Internal: false, codes.DeadlineExceeded: false,
	} {
		came := make(chan struct{}, 1)
		f := newFlood(func(string) {
			select {
			case came <- struct{}{}:
			default:
			}
		}, code)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err := f.during(ctx, func() (measure.Slice, error) { <-came; return measure.Slice{}, nil })
		if (err == nil) != want || code == codes.OK && !errors.Is(err, errLetIn) {
			t.Errorf("%s: %v", code, err)
		}
		cancel()
	}
}

func TestFloodSaysWhatItWas(t *testing.T) {
	f := newFlood(nil, codes.OK)
	f.sent, f.lasted, f.answers = 10, 2*time.Second, map[codes.Code]int{codes.Unauthenticated: 3, codes.ResourceExhausted: 7}
	for _, part := range []string{"5 wrong passwords a second, half of them of a user that there is, by 1 clients", "7 of 429 (ResourceExhausted), 3 of 401 (Unauthenticated)"} {
		if !strings.Contains(f.String(), part) {
			t.Errorf("%s: not %s", f, part)
		}
	}
}
