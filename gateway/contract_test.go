package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
)

// contractMethod is a method of the contract that has an HTTP route.
type contractMethod struct {
	protoreflect.MethodDescriptor
	rule *annotations.HttpRule
}

// contractMethods finds them among all that is linked in: they are those with a policy of this project.
func contractMethods() []contractMethod {
	var all []contractMethod
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				options := methods.Get(j).Options()
				if proto.HasExtension(options, apiv1.E_Policy) && proto.HasExtension(options, annotations.E_Http) {
					all = append(all, contractMethod{methods.Get(j), proto.GetExtension(options, annotations.E_Http).(*annotations.HttpRule)})
				}
			}
		}
		return true
	})
	slices.SortFunc(all, func(a, b contractMethod) int { return strings.Compare(string(a.FullName()), string(b.FullName())) })
	return all
}

// full is the name that gRPC has for the method.
func (m contractMethod) full() string { return fmt.Sprintf("/%s/%s", m.Parent().FullName(), m.Name()) }

func (m contractMethod) kind() string {
	switch {
	case m.IsStreamingClient() && m.IsStreamingServer():
		return "bidirectional"
	case m.IsStreamingClient():
		return "client stream"
	case m.IsStreamingServer():
		return "server stream"
	default:
		return "unary"
	}
}

func (m contractMethod) route() (verb, template string) {
	for verb, template := range map[string]string{
		http.MethodGet: m.rule.GetGet(), http.MethodPost: m.rule.GetPost(), http.MethodPut: m.rule.GetPut(),
		http.MethodPatch: m.rule.GetPatch(), http.MethodDelete: m.rule.GetDelete(),
	} {
		if template != "" {
			return verb, template
		}
	}
	return "", ""
}

var templateVariable = regexp.MustCompile(`\{[^=}]+(?:=([^}]*))?\}`)

// request is one that the route takes: its path, and the body of one empty message.
func (m contractMethod) request() (verb, path, body string, err error) {
	verb, path = m.route()
	path = strings.ReplaceAll(templateVariable.ReplaceAllStringFunc(path, func(found string) string {
		if pattern := templateVariable.FindStringSubmatch(found)[1]; pattern != "" {
			return pattern
		}
		return "*"
	}), "*", "x")
	message := newMessage(m.Input())
	switch m.rule.GetBody() {
	case "":
		return verb, path, "", nil
	case "*":
	default:
		message = newMessage(m.Input().Fields().ByName(protoreflect.Name(m.rule.GetBody())).Message())
	}
	data, err := protojson.Marshal(message)
	return verb, path, string(data), err
}

func newMessage(descriptor protoreflect.MessageDescriptor) proto.Message {
	t, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.FullName())
	if err != nil {
		panic(err) // what is linked in as a descriptor is linked in as a type
	}
	return t.New().Interface()
}

// contract is a server that has every method of the contract, and answers all of them by one function.
type contract func(context.Context) reply

// reply is how a method of a contract answers.
type reply struct {
	header, trailer metadata.MD
	messages        int // of a stream of answers
	err             error
}

func (c contract) register(r grpc.ServiceRegistrar) {
	services := map[protoreflect.FullName]*grpc.ServiceDesc{}
	for _, m := range contractMethods() {
		name := m.Parent().FullName()
		if services[name] == nil {
			services[name] = &grpc.ServiceDesc{ServiceName: string(name), HandlerType: (*any)(nil)}
		}
		service := services[name]
		if m.kind() == "unary" {
			service.Methods = append(service.Methods, grpc.MethodDesc{MethodName: string(m.Name()), Handler: c.unary(m)})
			continue
		}
		service.Streams = append(service.Streams, grpc.StreamDesc{
			StreamName: string(m.Name()), Handler: c.stream(m), ClientStreams: m.IsStreamingClient(), ServerStreams: m.IsStreamingServer(),
		})
	}
	for _, service := range services {
		r.RegisterService(service, c)
	}
}

func (c contract) unary(m contractMethod) grpc.MethodHandler {
	return func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		if err := decode(newMessage(m.Input())); err != nil {
			return nil, err
		}
		reply := c(ctx)
		if err := grpc.SetHeader(ctx, reply.header); err != nil {
			return nil, err
		}
		if err := grpc.SetTrailer(ctx, reply.trailer); err != nil {
			return nil, err
		}
		return newMessage(m.Output()), reply.err
	}
}

func (c contract) stream(m contractMethod) grpc.StreamHandler {
	return func(_ any, s grpc.ServerStream) error {
		reply := c(s.Context())
		s.SetTrailer(reply.trailer)
		if err := s.SetHeader(reply.header); err != nil {
			return err
		}
		if !m.IsStreamingServer() && reply.err == nil {
			reply.messages = 1
		}
		if reply.err != nil && reply.messages == 0 {
			return reply.err // at once: no request has been read
		}
		for more := true; more; more = more && m.IsStreamingClient() {
			err := s.RecvMsg(newMessage(m.Input()))
			if more = !errors.Is(err, io.EOF); more && err != nil {
				return err
			}
		}
		for range reply.messages {
			if err := s.SendMsg(newMessage(m.Output())); err != nil {
				return err
			}
		}
		return reply.err
	}
}
