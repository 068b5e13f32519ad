package corpus

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"strings"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"ordermanagement/e2e/documents"

	// Every message and service that a case can name.
	_ "google.golang.org/genproto/googleapis/rpc/errdetails"
	_ "google.golang.org/grpc/health/grpc_health_v1"
	_ "google.golang.org/grpc/reflection/grpc_reflection_v1"
	_ "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	_ "ordermanagement/gen/ecommerce"
	_ "ordermanagement/gen/helloworld"
	_ "ordermanagement/gen/ordermanagement/v1"
	_ "ordermanagement/gen/ordermanagement/v2"
)

// Transport is one way into the service.
type Transport interface {
	// Name is what Step.Only calls it, e.g. "serve".
	Name() string
	// Protocol is "grpc" or "rest".
	Protocol() string
	// Begin begins a call. Cancelling the context is the client going away.
	Begin(ctx context.Context, call Call) (Exchange, error)
	// Close lets go of all connections.
	Close()
}

// Call is what a call says before its messages.
type Call struct {
	Method   protoreflect.MethodDescriptor
	Path     string // of gRPC, when it is not the method's
	Metadata map[string]Values
}

// Exchange is one call: requests one way, answers the other. It is used by one goroutine.
type Exchange interface {
	Send(m *Message) error
	CloseSend() error
	// Receive answers the next message, nil when the call has ended.
	Receive() (proto.Message, error)
	// Result is how a call that has ended has ended.
	Result() *Result
}

// Message is one request in the forms that the protocols need.
type Message struct {
	Proto       proto.Message
	Undecodable *Undecodable // takes its place on the wire
}

// Result is what came of a step.
type Result struct {
	Code    codes.Code
	Error   *spb.Status // nil when all went well
	HTTP    int         // 0 on gRPC
	Answers []any       // as ProtoJSON has them
	Header  http.Header // by the names that HTTP has for metadata
	Trailer http.Header
	Body    string // of an HTTP step
	// Exchange is what was sent over HTTP; nil on gRPC.
	Exchange *documents.Exchange
}

// methodOf finds "package.Service/Method" in the contract.
func methodOf(name string) (protoreflect.MethodDescriptor, error) {
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(strings.Replace(name, "/", ".", 1)))
	if err != nil {
		return nil, fmt.Errorf("method %s: %w", name, err)
	}
	method, ok := found.(protoreflect.MethodDescriptor)
	if !ok {
		return nil, fmt.Errorf("%s is not a method", name)
	}
	return method, nil
}

func newMessage(descriptor protoreflect.MessageDescriptor) (proto.Message, error) {
	t, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.FullName())
	if err != nil {
		return nil, err
	}
	return t.New().Interface(), nil
}

// parse reads a request of a case. A method that takes a wrapper is given the bare value, as ProtoJSON has it.
func parse(descriptor protoreflect.MessageDescriptor, value any) (proto.Message, error) {
	m, err := newMessage(descriptor)
	if err != nil || value == nil {
		return m, err
	}
	value, mask := cutMask(value)
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	if err := protojson.Unmarshal(data, m); err != nil {
		return nil, fmt.Errorf("not a %s: %w", descriptor.FullName(), err)
	}
	if mask != nil {
		m.ProtoReflect().Set(descriptor.Fields().ByJSONName(maskField), protoreflect.ValueOfMessage(mask.ProtoReflect()))
	}
	return m, nil
}

// maskField is the JSON name of the mask of an update.
const maskField = "updateMask"

// cutMask takes the mask out of a request: ProtoJSON has no "*" and no path that is none, which HTTP and Protobuf have.
func cutMask(value any) (rest any, mask *fieldmaskpb.FieldMask) {
	fields, _ := value.(map[string]any)
	text, ok := fields[maskField].(string)
	if !ok {
		return value, nil
	}
	mask = &fieldmaskpb.FieldMask{}
	for path := range strings.SplitSeq(text, ",") {
		mask.Paths = append(mask.Paths, upperCase.ReplaceAllStringFunc(path, func(s string) string { return "_" + strings.ToLower(s) }))
	}
	fields = maps.Clone(fields)
	delete(fields, maskField)
	return fields, mask
}

// maskText is a mask as a query parameter has it.
func maskText(mask *fieldmaskpb.FieldMask) string {
	return underscore.ReplaceAllStringFunc(strings.Join(mask.GetPaths(), ","), func(s string) string { return strings.ToUpper(s[1:]) })
}

var (
	upperCase  = regexp.MustCompile(`[A-Z]`)
	underscore = regexp.MustCompile(`_[a-z]`)
)

// jsonOf is a message as ProtoJSON has it.
func jsonOf(m proto.Message) (any, error) {
	data, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	return parseJSON(data)
}

func parseJSON(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var value any
	err := decoder.Decode(&value)
	return value, err
}

// httpNames are the metadata keys that have a name of their own in HTTP; any other is Grpc-Metadata-KEY there.
var httpNames = map[string]string{
	"authorization":        "Authorization",
	"idempotency-key":      "Idempotency-Key",
	"idempotency-replayed": "Idempotency-Replayed",
	"if-match":             "If-Match",
	"if-none-match":        "If-None-Match",
	"etag":                 "Etag",
	"x-request-id":         "X-Request-Id",
	"www-authenticate":     "Www-Authenticate",
	"deprecation":          "Deprecation",
	"sunset":               "Sunset",
	"link":                 "Link",
	"retry-after":          "Retry-After",
	"traceparent":          "Traceparent",
	"accept-language":      "Accept-Language",
}

func httpName(key string) string {
	if name, ok := httpNames[strings.ToLower(key)]; ok {
		return name
	}
	return http.CanonicalHeaderKey("Grpc-Metadata-" + key)
}

func trailerName(key string) string { return http.CanonicalHeaderKey("Grpc-Trailer-" + key) }
