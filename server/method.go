package server

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/auth"
)

// method is what the chain knows about a registered method before any call.
type method struct {
	full    string // "/package.Service/Method"
	service string
	name    string
	kind    string // as Prometheus's grpc_type label names it
	public  bool
	scope   string
	v1      bool // belongs to the contract that can be retired
	ofGRPC  bool // belongs to a service of gRPC itself
	// registered methods are few, and live as long as the server; of what is unknown each call has a method of its own
	registered bool
}

// healthMethods is the service of gRPC by which balancers ask.
const healthMethods = "grpc.health.v1.Health"

// publicServices are the services of gRPC itself, whose contracts can't carry our policy.
func publicServices() []string {
	return []string{healthMethods, "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"}
}

// maxBytesOfGRPC is how large a message to these may be. Their contracts have no field rules either, anybody may call them,
// and they keep the names they are asked about, or send them back.
const maxBytesOfGRPC = 4 << 10

// isV1 says whether a service belongs to the v1 contract: to its own package, or to the one under which it was published.
func isV1(service string) bool {
	return strings.HasPrefix(service, "ordermanagement.v1.") || strings.HasPrefix(service, "ecommerce.")
}

// unaryKind is the kind of a method that does not stream.
const unaryKind = "unary"

// serverStreamKind is the kind of a method to which one message is sent, as to one that does not stream.
const serverStreamKind = "server_stream"

// newMethod reads the policy of a method out of the contract. A method without one, or with a scope that nobody can
// hold, is an error: nothing is open by mistake.
func newMethod(service, name, kind string) (*method, error) {
	m := &method{full: "/" + service + "/" + name, service: service, name: name, kind: kind, registered: true}
	if slices.Contains(publicServices(), service) {
		m.public, m.ofGRPC = true, true
		return m, nil
	}
	m.v1 = isV1(service)
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service + "." + name))
	if err != nil {
		return nil, fmt.Errorf("method %s has no descriptor: %w", m.full, err)
	}
	if !proto.HasExtension(found.Options(), apiv1.E_Policy) {
		return nil, fmt.Errorf("method %s has no policy in its contract; add (ordermanagement.api.v1.policy)", m.full)
	}
	policy := proto.GetExtension(found.Options(), apiv1.E_Policy).(*apiv1.Policy)
	m.public, m.scope = policy.GetPublic(), policy.GetScope()
	switch {
	case m.public:
	case m.scope == "":
		return nil, fmt.Errorf("the policy of %s is neither public nor a scope", m.full)
	case !slices.Contains(auth.AllScopes(), m.scope):
		return nil, fmt.Errorf("the policy of %s names the scope %q, which is not one of %v", m.full, m.scope, auth.AllScopes())
	}
	return m, nil
}

func streamKind(desc *grpc.StreamDesc) string {
	switch {
	case desc.ClientStreams && desc.ServerStreams:
		return "bidi_stream"
	case desc.ClientStreams:
		return "client_stream"
	default:
		return serverStreamKind
	}
}
