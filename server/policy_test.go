package server

import (
	"strings"
	"testing"

	"google.golang.org/grpc"
	channelzpb "google.golang.org/grpc/channelz/grpc_channelz_v1"
)

// The server refuses to start with a method that says nothing about who may call it.
func TestMethodWithoutPolicyIsRefused(t *testing.T) {
	r := &registrar{target: grpc.NewServer(), methods: map[string]*method{}}
	channelzpb.RegisterChannelzServer(r, channelzpb.UnimplementedChannelzServer{})
	if r.err == nil || !strings.Contains(r.err.Error(), "policy") {
		t.Errorf("got %v", r.err)
	}
	if _, err := newMethod("ordermanagement.v2.OrderService", "NoSuchMethod", "unary"); err == nil {
		t.Error("a method that is in no contract is taken")
	}
}

func TestChainChecksItsOrder(t *testing.T) {
	if _, err := newChain(link{name: "authorize", after: []string{"authenticate"}}, link{name: "authenticate"}); err == nil {
		t.Error("a link runs before the one it needs")
	}
}
