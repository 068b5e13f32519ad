package main

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	_ "ordermanagement/gen/helloworld"
	_ "ordermanagement/gen/ordermanagement/v1"
	_ "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/internal/ordered"
)

// linked is the contract as the generated packages have it: without comments.
func linked(t *testing.T) *contract {
	t.Helper()
	set := &descriptorpb.FileDescriptorSet{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
		return true
	})
	c, err := newContract(set)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	greeter = `{"openapi":"3.1.0","info":{},
		"paths":{"/v1/hello/{name}":{"get":{"operationId":"Greeter_SayHello","parameters":[{"name":"name","in":"path","schema":{"type":"string"}}],"responses":{}}}},
		"components":{"schemas":{
			"Status":{"type":"object"},
			"helloworld.HelloReply":{"type":"object","required":["message"],"properties":{"message":{"type":"string"}}},
			"helloworld.HelloRequest":{"type":"object","properties":{"name":{"type":"string"}}}}}}`
	greeting = `[{call: helloworld.Greeter/SayHello, request: {name: Ada}, answer: {message: Hello Ada}}]`

	streams = `{"openapi":"3.1.0","info":{},
		"paths":{"/v1/orders:process":{"post":{"operationId":"OrderManagement_ProcessOrders","requestBody":{"content":{"application/json":{"schema":{"type":"object"}}}},"responses":{}}}},
		"components":{"schemas":{
			"ordermanagement.v1.CombinedShipment":{"type":"object","properties":{"ordersList":{"type":"array","items":{"$ref":"#/components/schemas/ordermanagement.v1.Order"}},"id":{"type":"string"},"status":{"type":"string"}}},
			"ordermanagement.v1.Order":{"type":"object","properties":{"id":{"type":"string"},"items":{"type":"array","items":{"type":"string"}},"description":{"type":"string"},"price":{"type":"number"},"destination":{"type":"string"}}}}}}`
	creation = `{"openapi":"3.1.0","info":{},
		"paths":{"/v2/products":{"post":{"operationId":"CatalogService_CreateProduct","parameters":[{"name":"productId","in":"query","schema":{"type":"string"}},{"name":"requestId","in":"query","schema":{"type":"string"}}],"requestBody":{"content":{}},"responses":{}}}},
		"components":{"schemas":{"Money":{"type":"object","description":"by hand"},"google.type.Money":{"type":"object"},
			"ordermanagement.v2.Product":{"type":"object","required":["sku"],"properties":{
				"price":{"$ref":"#/components/schemas/google.type.Money"},"updateTime":{"allOf":[{"$ref":"#/components/schemas/google.type.Money"}]},
				"name":{"type":"string"},"sku":{"type":"string"},"title":{"type":"string"},"description":{"type":"string"},"etag":{"type":"string"},"createTime":{"type":"string"},
				"labels":{"type":"object","additionalProperties":{"type":"string"}},"annotations":{"type":"object","additionalProperties":{"type":"string"}}}}}}}`
	creating = `[{call: ordermanagement.v2.CatalogService/CreateProduct, request: {productId: p, product: {sku: s, title: t, price: {units: 1}}}, answer: {name: products/p}}]`

	processing = `[{call: ordermanagement.v1.OrderManagement/ProcessOrders, requests: ["102", "103"], answers: [{id: s, ordersList: [{id: "102"}]}]}]`
)

func TestRevise(t *testing.T) {
	for name, test := range map[string]struct {
		document, story string
		has, hasNot     []string
	}{
		"a public method with a path": {
			greeter, greeting,
			[]string{
				`"/v1/hello/{name}":{"get":{`, `"security":[]`, `"x-story":["Greeter_SayHello"]`, `"example":"Ada"`, `"example":{"message":"Hello Ada"}`,
				`"minLength":1,"maxLength":256`, `"x-error-reasons":["CREDENTIALS_INVALID"]`,
			},
			[]string{`CREDENTIALS_MISSING"]`, `SCOPE_MISSING"]`, `HelloRequest`, `helloworld.`, `"required":["message"]`, `"requestBody"`, `"413"`},
		},
		"a stream of bare values": {
			streams, processing,
			[]string{
				`"application/x-ndjson":{"schema":{"type":"string","contentSchema":{"$ref":"#/components/schemas/ResourceKey"}},"example":"\"102\"\n\"103\"\n"}`,
				`"properties":{"result":{"$ref":"#/components/schemas/CombinedShipment"}}`, `"example":"id: 1\ndata: {\"id\":\"s\"`,
				`"ResourceKey":{"type":"string","description":"Refused: ` + "`-1`, `.`, `..`" + `.","pattern":"^[A-Za-z0-9._~-]{1,63}$","not":{"type":"string","enum":["-1",".",".."]}}`,
				`"CombinedShipment":{"type":"object","properties":{"id":{"type":"string"},"status":`, `"required":["id"]`, `"bearer":["orders.write"]`,
				`"x-error-reasons":["RESOURCE_NOT_FOUND"]`, `"x-error-reasons":["VERSION_RETIRED"]`,
			},
			[]string{`"application/json":{"schema":{"$ref":"#/components/schemas/CombinedShipment"`, `Idempotency-Key`},
		},
		"the creation of a resource": {
			creation, creating,
			[]string{
				`"schema":{"properties":{"sku":{"type":"string","minLength":1},"title":{"type":"string","minLength":1}},"unevaluatedProperties":false,"required":["sku","title","price"],"allOf":[{"$ref":"#/components/schemas/Product"}]}`,
				`"example":{"sku":"s","title":"t","price":{"units":"1"}}`, `"name":"productId","in":"query","description":"Refused: ` + "`-1`, `.`, `..`" + `.","schema":{"type":"string","pattern":"^$|^[A-Za-z0-9._~-]{1,63}$"`,
				`"Money":{"type":"object","description":"by hand"}`, `"price":{"$ref":"#/components/schemas/Money"}`, `"updateTime":{"$ref":"#/components/schemas/Money","readOnly":true}`,
				`"propertyNames":`, `"$ref":"#/components/parameters/Idempotency-Key"`, `"Idempotency-Replayed"`, `"ETag"`, `"SKU_TAKEN"`,
			},
			[]string{`parameters/If-Match`, `"304"`, `google.type`, `"required":["sku"]`, `"updateTime":{"allOf"`, `anyOf`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := reviseText(t, test.document, test.story)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range test.has {
				if !strings.Contains(text, want) {
					t.Errorf("lacks %s in\n%s", want, text)
				}
			}
			for _, bad := range test.hasNot {
				if strings.Contains(text, bad) {
					t.Errorf("has %s in\n%s", bad, text)
				}
			}
			again, err := reviseText(t, test.document, test.story)
			if err != nil || again != text {
				t.Errorf("is another one the second time: %v", err)
			}
		})
	}
}

func TestReviseRefuses(t *testing.T) {
	for name, test := range map[string]struct{ document, story, want string }{
		"an operation without an example":      {greeter, `[]`, "has no example"},
		"an example without an operation":      {greeter, processing, "the document does not have"},
		"an example that breaks a rule":        {streams, strings.Replace(processing, `"103"`, `"-1"`, 1), "validation error"},
		"an example with an unknown field":     {greeter, strings.Replace(greeting, "name:", "nam:", 1), "unknown field"},
		"an answer with an unknown field":      {greeter, strings.Replace(greeting, "message:", "text:", 1), "unknown field"},
		"an example without what its path has": {greeter, strings.Replace(greeting, "{name: Ada}", "{}", 1), "missing"},
		"an operation without a method":        {strings.Replace(greeter, "SayHello", "SayBye", 1), greeting, "no method"},
		"a schema without a message":           {strings.Replace(greeter, "HelloReply", "ByeReply", 1), greeting, "not found"},
		"a schema without a field":             {strings.Replace(greeter, `"message":{"type":"string"}`, "", 1), greeting, "no property"},
		"an unknown key of a story":            {greeter, strings.Replace(greeting, "answer:", "answr:", 1), "answr"},
	} {
		t.Run(name, func(t *testing.T) {
			if text, err := reviseText(t, test.document, test.story); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q\n%s", err, test.want, text)
			}
		})
	}
}

func reviseText(t *testing.T, documentText, storyText string) (string, error) {
	t.Helper()
	doc, err := parse([]byte(documentText))
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseStory([]byte(storyText))
	if err != nil {
		return "", err
	}
	if err := revise(doc, linked(t), s); err != nil {
		return "", err
	}
	text, err := ordered.Encode(doc)
	return string(text), err
}
