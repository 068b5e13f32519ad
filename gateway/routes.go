package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"ordermanagement/gen/helloworld"
	ordermanagementv1 "ordermanagement/gen/ordermanagement/v1"
	ordermanagementv2 "ordermanagement/gen/ordermanagement/v2"
)

type registrar func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error

// services is what the gateway serves: files of the contract, and the generated code of their services.
var services = []struct {
	file     protoreflect.FileDescriptor
	register registrar
}{
	{ordermanagementv1.File_ordermanagement_v1_order_management_proto, with(ordermanagementv1.NewOrderManagementClient, ordermanagementv1.RegisterOrderManagementHandlerClient)},
	{ordermanagementv1.File_ordermanagement_v1_product_info_proto, with(ordermanagementv1.NewProductInfoClient, ordermanagementv1.RegisterProductInfoHandlerClient)},
	{ordermanagementv2.File_ordermanagement_v2_order_service_proto, with(ordermanagementv2.NewOrderServiceClient, ordermanagementv2.RegisterOrderServiceHandlerClient)},
	{ordermanagementv2.File_ordermanagement_v2_catalog_service_proto, with(ordermanagementv2.NewCatalogServiceClient, ordermanagementv2.RegisterCatalogServiceHandlerClient)},
	{helloworld.File_helloworld_greeter_proto, with(helloworld.NewGreeterClient, helloworld.RegisterGreeterHandlerClient)},
}

func with[C any](client func(grpc.ClientConnInterface) C, register func(context.Context, *runtime.ServeMux, C) error) registrar {
	return func(ctx context.Context, mux *runtime.ServeMux, conn grpc.ClientConnInterface) error {
		return register(ctx, mux, client(conn))
	}
}

// route is one HTTP binding of a method, as google.api.http says it.
type route struct {
	full          string // of gRPC, "/package.Service/Method"
	method        string // of HTTP
	template      string // of the path, e.g. "/v2/{name=orders/*}:confirm"
	input         protoreflect.MessageType
	pathFields    []string // that the path sets, e.g. "order.name"
	body          string   // the field that the body sets; "*" for all that the path doesn't; "" for none
	bodyType      protoreflect.MessageType
	clientStreams bool
	serverStreams bool
}

// needsBody reports whether a request without JSON makes no sense. A method whose path says what it is about (AIP-136)
// can do without, and a stream may be empty.
func (rt *route) needsBody() bool {
	return rt.body != "" && !rt.clientStreams && (rt.body != "*" || len(rt.pathFields) == 0)
}

// routes are keyed by method and pattern, as runtime.Pattern writes it.
type routes map[string]*route

var pathVariable = regexp.MustCompile(`\{([^=}]+)(=[^}]*)?\}`)

func (rt *route) key() string {
	pattern := pathVariable.ReplaceAllStringFunc(rt.template, func(variable string) string {
		if strings.Contains(variable, "=") {
			return variable
		}
		return strings.TrimSuffix(variable, "}") + "=*}"
	})
	return rt.method + " " + pattern
}

// sample is a path that matches.
func (rt *route) sample() string {
	path := pathVariable.ReplaceAllStringFunc(rt.template, func(variable string) string {
		if _, pattern, ok := strings.Cut(strings.Trim(variable, "{}"), "="); ok {
			return pattern
		}
		return "*"
	})
	return strings.ReplaceAll(path, "*", "x")
}

// contractRoutes reads the routes of all services from their descriptors.
func contractRoutes() (routes, error) {
	all := routes{}
	for _, service := range services {
		for i := range service.file.Services().Len() {
			methods := service.file.Services().Get(i).Methods()
			for j := range methods.Len() {
				method := methods.Get(j)
				rule, ok := proto.GetExtension(method.Options(), annotations.E_Http).(*annotations.HttpRule)
				if !ok || rule == nil {
					return nil, fmt.Errorf("%s has no google.api.http annotation", method.FullName())
				}
				for _, binding := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
					rt, err := newRoute(method, binding)
					if err != nil {
						return nil, fmt.Errorf("google.api.http of %s: %w", method.FullName(), err)
					}
					all[rt.key()] = rt
				}
			}
		}
	}
	return all, nil
}

func newRoute(method protoreflect.MethodDescriptor, rule *annotations.HttpRule) (*route, error) {
	full := "/" + string(method.Parent().FullName()) + "/" + string(method.Name())
	rt := &route{full: full, body: rule.GetBody(), clientStreams: method.IsStreamingClient(), serverStreams: method.IsStreamingServer()}
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		rt.method, rt.template = http.MethodGet, pattern.Get
	case *annotations.HttpRule_Put:
		rt.method, rt.template = http.MethodPut, pattern.Put
	case *annotations.HttpRule_Post:
		rt.method, rt.template = http.MethodPost, pattern.Post
	case *annotations.HttpRule_Delete:
		rt.method, rt.template = http.MethodDelete, pattern.Delete
	case *annotations.HttpRule_Patch:
		rt.method, rt.template = http.MethodPatch, pattern.Patch
	default:
		return nil, fmt.Errorf("no support for %T", pattern)
	}
	for _, variable := range pathVariable.FindAllStringSubmatch(rt.template, -1) {
		rt.pathFields = append(rt.pathFields, variable[1])
	}
	var err error
	if rt.input, err = protoregistry.GlobalTypes.FindMessageByName(method.Input().FullName()); err != nil {
		return nil, err
	}
	switch rt.body {
	case "":
	case "*":
		rt.bodyType = rt.input
	default:
		field := method.Input().Fields().ByName(protoreflect.Name(rt.body))
		if field == nil || field.Message() == nil || field.IsList() || field.IsMap() {
			return nil, fmt.Errorf("body %q is not a single message", rt.body)
		}
		if rt.bodyType, err = protoregistry.GlobalTypes.FindMessageByName(field.Message().FullName()); err != nil {
			return nil, err
		}
	}
	return rt, nil
}

// bind gives each handler of the generated code its route, and lets only requests in that the route allows.
func (g *gateway) bind(next runtime.HandlerFunc) runtime.HandlerFunc {
	var lookup sync.Once
	var rt *route
	return func(_ http.ResponseWriter, r *http.Request, params map[string]string) {
		c := callOf(r.Context())
		lookup.Do(func() {
			pattern, _ := runtime.HTTPPattern(r.Context())
			rt = g.routes[r.Method+" "+pattern.String()]
		})
		c.route = rt
		if c.probing {
			return
		}
		if rt != nil && !rt.custom() && g.isCustom(r.URL) {
			c.w.writeError(g.methodNotAllowed(c, r.URL))
			return
		}
		if st := g.admit(c, r, params); st != nil {
			c.w.writeError(st)
			return
		}
		if rt.clientStreams || rt.serverStreams {
			g.serveStream(c, next, r, params)
			return
		}
		next(c.w, r, params)
		c.w.end()
	}
}

// probe finds the route of a method and path without calling anything; nil if there is none.
func (g *gateway) probe(method string, u *url.URL) *route {
	c := &call{probing: true}
	r := (&http.Request{Method: method, URL: u, Header: http.Header{}}).WithContext(withCall(context.Background(), c))
	g.mux.ServeHTTP(nil, r)
	return c.route
}

// checkRoutes makes sure that each route of the contract is answered by the handler that was generated for it.
func (g *gateway) checkRoutes() error {
	for key, rt := range g.routes {
		if found := g.probe(rt.method, &url.URL{Path: rt.sample()}); found != rt {
			return fmt.Errorf("no generated code answers %s: generate anew, and register its service", key)
		}
	}
	return nil
}

// custom reports whether the path of a route ends in the verb of a custom method, as in "…:confirm" (AIP-136).
func (rt *route) custom() bool {
	return strings.LastIndexByte(rt.template, ':') > strings.LastIndexAny(rt.template, "/}")
}

// isCustom reports whether a path is that of a custom method under any HTTP method. It is then no resource's, though a
// route of a resource may match it.
func (g *gateway) isCustom(u *url.URL) bool {
	if !strings.Contains(u.Path[strings.LastIndexByte(u.Path, '/')+1:], ":") {
		return false
	}
	return slices.ContainsFunc(routeMethods(), func(method string) bool {
		rt := g.probe(method, u)
		return rt != nil && rt.custom()
	})
}

func routeMethods() []string {
	return []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
}

// allowed lists the methods that a path has (RFC 9110, 10.2.1).
func (g *gateway) allowed(u *url.URL) []string {
	if _, ok := g.pages[u.EscapedPath()]; ok {
		return pageMethods()
	}
	var methods []string
	custom := g.isCustom(u)
	for _, method := range routeMethods() {
		rt := g.probe(method, u)
		if rt == nil || rt.custom() != custom {
			continue
		}
		methods = append(methods, method)
		if method == http.MethodGet && !rt.serverStreams {
			methods = append(methods, http.MethodHead)
		}
	}
	return append(methods, http.MethodOptions)
}
