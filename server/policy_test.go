package server

import (
	"strings"
	"testing"

	"google.golang.org/grpc"
	channelzpb "google.golang.org/grpc/channelz/grpc_channelz_v1"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"ordermanagement/server/greeter"
	v1 "ordermanagement/server/v1"
	v2 "ordermanagement/server/v2"
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

// Every method of the contract says who may call it, in a way that the server can use, and the server has every service.
func TestEveryMethodHasAPolicy(t *testing.T) {
	registered := map[string]bool{}
	all := &services{
		orderManagement: &v1.OrderManagement{}, productInfo: &v1.ProductInfo{}, orders: &v2.Orders{}, catalog: &v2.Catalog{},
		greeter: &greeter.Greeter{}, health: healthpb.UnimplementedHealthServer{},
	}
	all.register(registry{registered})
	methods := 0
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		name := string(file.Package())
		if !strings.HasPrefix(name, "ordermanagement.v") && name != "ecommerce" && name != "helloworld" {
			return true
		}
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			if !registered[string(service.FullName())] {
				t.Errorf("nobody serves %s", service.FullName())
			}
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				m, err := newMethod(string(service.FullName()), string(method.Name()), unaryKind)
				if err != nil {
					t.Error(err)
				} else if m.public != (name == "helloworld") {
					t.Errorf("%s: public is %t", m.full, m.public)
				}
				methods++
			}
		}
		return true
	})
	if methods < 20 {
		t.Errorf("only %d methods were seen", methods)
	}
}

// registry takes down which services are registered.
type registry struct{ names map[string]bool }

func (r registry) RegisterService(desc *grpc.ServiceDesc, _ any) { r.names[desc.ServiceName] = true }

func TestChainChecksItsOrder(t *testing.T) {
	if _, err := newChain(link{name: "authorize", after: []string{"authenticate"}}, link{name: "authenticate"}); err == nil {
		t.Error("a link runs before the one it needs")
	}
}
