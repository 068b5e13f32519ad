package server

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"

	"ordermanagement/gen/ecommerce"
	"ordermanagement/gen/helloworld"
	pbv1 "ordermanagement/gen/ordermanagement/v1"
	pbv2 "ordermanagement/gen/ordermanagement/v2"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/server/greeter"
	v1 "ordermanagement/server/v1"
	v2 "ordermanagement/server/v2"
)

// services is every service that the server offers.
type services struct {
	orderManagement *v1.OrderManagement
	productInfo     *v1.ProductInfo
	orders          *v2.Orders
	catalog         *v2.Catalog
	greeter         *greeter.Greeter
	health          healthpb.HealthServer
}

func newServices(o Options, check func(proto.Message) error, health healthpb.HealthServer) (*services, error) {
	legacy, err := v1.New(v1.Settings{Orders: o.Orders, Currency: o.V1.Currency, Location: o.V1.Location, Check: check})
	if err != nil {
		return nil, err
	}
	pages, err := v2.NewPages(o.PageTokenKey)
	if err != nil {
		return nil, err
	}
	return &services{
		orderManagement: &v1.OrderManagement{V1: legacy},
		productInfo:     &v1.ProductInfo{V1: legacy},
		orders:          v2.NewOrders(o.Orders, pages),
		catalog:         v2.NewCatalog(o.Orders, pages),
		greeter:         &greeter.Greeter{},
		health:          health,
	}, nil
}

// register registers every service, v1's under both of its names. A retired v1 is registered too: the chain refuses it,
// so that it answers otherwise than what never was.
func (s *services) register(target grpc.ServiceRegistrar) {
	pbv1.RegisterOrderManagementServer(target, s.orderManagement)
	pbv1.RegisterProductInfoServer(target, s.productInfo)
	ecommerce.RegisterOrderManagementServer(target, s.orderManagement)
	ecommerce.RegisterProductInfoServer(target, s.productInfo)
	pbv2.RegisterOrderServiceServer(target, s.orders)
	pbv2.RegisterCatalogServiceServer(target, s.catalog)
	helloworld.RegisterGreeterServer(target, s.greeter)
	healthpb.RegisterHealthServer(target, s.health)
}

// registerReflection lets callers read the contracts of what is offered, by both versions of the protocol.
func registerReflection(target grpc.ServiceRegistrar, info reflection.ServiceInfoProvider, withV1 bool) {
	options := reflection.ServerOptions{Services: offered{info, withV1}}
	reflectionv1.RegisterServerReflectionServer(target, reflection.NewServerV1(options))
	//nolint:staticcheck // old clients ask by it
	reflectionv1alpha.RegisterServerReflectionServer(target, reflection.NewServer(options))
}

// offered leaves a retired version out of what reflection lists.
type offered struct {
	reflection.ServiceInfoProvider
	withV1 bool
}

func (o offered) GetServiceInfo() map[string]grpc.ServiceInfo {
	all := o.ServiceInfoProvider.GetServiceInfo()
	for name := range all {
		if !o.withV1 && isV1(name) {
			delete(all, name)
		}
	}
	return all
}

// unknown answers methods that nobody has registered, in the form of every other error.
func unknown(ch chain) grpc.StreamHandler {
	return func(_ any, stream grpc.ServerStream) error {
		name, _ := grpc.MethodFromServerStream(stream)
		c := &call{method: &method{full: name, service: "unknown", name: "unknown", kind: "unknown", public: true}}
		return ch.run(c.Begin(stream.Context(), false), c, func(context.Context) error {
			return apierror.New(apiv1.ErrorReason_METHOD_UNKNOWN, fmt.Sprintf("there is no method %s; list what there is by reflection", clip(name))).Err()
		})
	}
}
