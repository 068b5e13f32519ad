package openapi_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "ordermanagement/gen/helloworld"
	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	_ "ordermanagement/gen/ordermanagement/v1"
	_ "ordermanagement/gen/ordermanagement/v2"
	"ordermanagement/openapi"
)

type document struct {
	Story []string `json:"x-story"`
	Paths map[string]map[string]struct {
		OperationID string                `json:"operationId"`
		Security    []map[string][]string `json:"security"`
		Responses   map[string]struct {
			Ref string `json:"$ref"`
		} `json:"responses"`
	} `json:"paths"`
	Components struct {
		Responses map[string]struct {
			Reasons []string `json:"x-error-reasons"`
		} `json:"responses"`
	} `json:"components"`
}

func read(t *testing.T, version string) (document, []byte) {
	t.Helper()
	text, err := openapi.Documents.ReadFile(version + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d, text
}

var (
	bound    = regexp.MustCompile(`\{[^=}]+=([^}]*)\}`) // `{name=orders/*}`
	variable = regexp.MustCompile(`\{[^}]*\}|\*`)
)

// routes lists the methods of a version by what their routes match, e.g. "GET /v2/orders/*".
func routes(version string) map[string]protoreflect.MethodDescriptor {
	all := map[string]protoreflect.MethodDescriptor{}
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			for j := range methods.Len() {
				rule, _ := proto.GetExtension(methods.Get(j).Options(), annotations.E_Http).(*annotations.HttpRule)
				for verb, path := range map[string]string{
					"GET": rule.GetGet(), "POST": rule.GetPost(), "PUT": rule.GetPut(), "PATCH": rule.GetPatch(), "DELETE": rule.GetDelete(),
				} {
					if strings.HasPrefix(path, "/"+version+"/") {
						all[verb+" "+variable.ReplaceAllString(bound.ReplaceAllString(path, "$1"), "*")] = methods.Get(j)
					}
				}
			}
		}
		return true
	})
	return all
}

func TestEveryRouteIsInItsDocument(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			d, _ := read(t, version)
			all := routes(version)
			if len(all) < 5 {
				t.Fatalf("found only %d routes in the contract", len(all))
			}
			documented := map[string]bool{}
			var ids []string
			for path, item := range d.Paths {
				for verb, op := range item {
					route := strings.ToUpper(verb) + " " + variable.ReplaceAllString(path, "*")
					if documented[route] {
						t.Errorf("%s is there twice", route)
					}
					documented[route] = true
					ids = append(ids, op.OperationID)
					if all[route] == nil {
						t.Errorf("%s is in the document, but not in the contract", route)
						continue
					}
					if want := string(all[route].Parent().Name() + "_" + all[route].Name()); op.OperationID != want {
						t.Errorf("%s is %s, want %s", route, op.OperationID, want)
					}
				}
			}
			for route := range all {
				if !documented[route] {
					t.Errorf("%s is in the contract, but not in the document", route)
				}
			}
			slices.Sort(ids)
			if story := slices.Sorted(slices.Values(d.Story)); !slices.Equal(story, ids) {
				t.Errorf("the story has %v, the document %v", story, ids)
			}
		})
	}
}

// Each operation asks for the scope of the method's policy, and lists the errors that the contract lists, each under the
// HTTP status of its reason.
func TestOperationsSayWhoMayCallAndWhatCanFail(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		d, _ := read(t, version)
		all := routes(version)
		for path, item := range d.Paths {
			for verb, op := range item {
				t.Run(op.OperationID, func(t *testing.T) {
					method := all[strings.ToUpper(verb)+" "+variable.ReplaceAllString(path, "*")]
					if method == nil {
						t.Fatal("is no method of the contract")
					}
					policy := proto.GetExtension(method.Options(), apiv1.E_Policy).(*apiv1.Policy)
					switch {
					case policy.GetPublic():
						if op.Security == nil || len(op.Security) != 0 {
							t.Errorf("is public, but has the security %v", op.Security)
						}
					case !reflect.DeepEqual(op.Security, alternatives(policy.GetScope())):
						t.Errorf("has the security %v, want %v", op.Security, alternatives(policy.GetScope()))
					}
					listed := map[string]bool{}
					for status, response := range op.Responses {
						component := d.Components.Responses[strings.TrimPrefix(response.Ref, "#/components/responses/")]
						for _, name := range component.Reasons {
							listed[name] = true
							if want := strconv.Itoa(httpStatus(name)); want != status {
								t.Errorf("%s is under %s, want %s", name, status, want)
							}
						}
					}
					for _, reason := range proto.GetExtension(method.Options(), apiv1.E_Errors).([]apiv1.ErrorReason) {
						if !listed[reason.String()] {
							t.Errorf("lacks %s, has %v", reason, slices.Sorted(maps.Keys(listed)))
						}
					}
					if listed["SCOPE_MISSING"] == policy.GetPublic() {
						t.Errorf("lists SCOPE_MISSING: %v", listed["SCOPE_MISSING"])
					}
				})
			}
		}
	}
}

// alternatives are the ways in which a caller may make itself known, each with the scope.
func alternatives(scope string) []map[string][]string {
	return []map[string][]string{{"bearer": {scope}}, {"basic": {scope}}, {"mutualTLS": {scope}}}
}

func httpStatus(reason string) int {
	value := apiv1.ErrorReason(0).Descriptor().Values().ByName(protoreflect.Name(reason))
	if value == nil {
		return 0
	}
	return int(proto.GetExtension(value.Options(), apiv1.E_Error).(*apiv1.ErrorStatus).GetHttp())
}

func TestNoReferenceDangles(t *testing.T) {
	for _, version := range []string{"v1", "v2"} {
		t.Run(version, func(t *testing.T) {
			_, text := read(t, version)
			var root any
			if err := json.Unmarshal(text, &root); err != nil {
				t.Fatal(err)
			}
			found := 0
			walk(root, func(ref string) {
				found++
				if !resolves(root, ref) {
					t.Errorf("%s leads nowhere", ref)
				}
			})
			if found == 0 {
				t.Error("found no references")
			}
		})
	}
}

func walk(node any, visit func(ref string)) {
	switch node := node.(type) {
	case map[string]any:
		if ref, ok := node["$ref"].(string); ok {
			visit(ref)
		}
		for _, member := range node {
			walk(member, visit)
		}
	case []any:
		for _, element := range node {
			walk(element, visit)
		}
	}
}

// resolves follows a reference within the document (RFC 6901).
func resolves(node any, ref string) bool {
	pointer, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return false
	}
	for key := range strings.SplitSeq(pointer, "/") {
		object, _ := node.(map[string]any)
		if node, ok = object[strings.NewReplacer("~1", "/", "~0", "~").Replace(key)]; !ok {
			return false
		}
	}
	return true
}
