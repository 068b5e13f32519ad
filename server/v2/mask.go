package v2

import (
	"strings"

	"go.einride.tech/aip/fieldbehavior"
	"go.einride.tech/aip/fieldmask"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"ordermanagement/internal/order"
)

// mask says which fields of a resource an update writes (AIP-134).
type mask []string

// newMask checks the mask of a request. Without one it is the fields that are set in the resource.
func newMask(given *fieldmaskpb.FieldMask, resource proto.Message) (mask, error) {
	if err := fieldmask.Validate(given, resource); err != nil {
		return nil, refuse("update_mask", order.InvalidField, err.Error())
	}
	if fieldmask.IsFullReplacement(given) {
		return given.GetPaths(), nil
	}
	paths := given.GetPaths()
	if len(paths) == 0 {
		paths = setPaths(resource.ProtoReflect(), "")
	}
	whole := make(mask, len(paths))
	for i, path := range paths {
		var ok bool
		if whole[i], ok = wholeValue(resource.ProtoReflect().Descriptor(), path); !ok {
			why := path + " reaches into a list or a map; name the field itself to replace all of it"
			return nil, refuse("update_mask", order.InvalidField, why)
		}
	}
	return whole, nil
}

// apply writes the masked fields of src into dst, except those that only the service writes.
func (m mask) apply(dst, src proto.Message) {
	if len(m) == 0 {
		return // which fieldmask would take for all that is set
	}
	writable := proto.Clone(src)
	fieldbehavior.ClearFields(writable, annotations.FieldBehavior_OUTPUT_ONLY)
	fieldmask.Update(&fieldmaskpb.FieldMask{Paths: m}, dst, writable)
}

// setPaths lists the fields that are set, down to the innermost of nested messages.
func setPaths(m protoreflect.Message, prefix string) []string {
	var paths []string
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		path := prefix + string(field.Name())
		if nested(field) {
			paths = append(paths, setPaths(value.Message(), path+".")...)
		} else {
			paths = append(paths, path)
		}
		return true
	})
	return paths
}

// wholeValue cuts a path off at a value that only makes sense whole, such as a sum of money: half of one is none. False
// for a path into a list or a map, whose parts can't be updated one by one.
func wholeValue(message protoreflect.MessageDescriptor, path string) (string, bool) {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		field := message.Fields().ByName(protoreflect.Name(part))
		if field == nil || !nested(field) {
			multiple := field != nil && (field.IsList() || field.IsMap())
			return strings.Join(parts[:i+1], "."), !multiple || i == len(parts)-1
		}
		message = field.Message()
	}
	return path, true
}

// nested says whether a field holds one message of this contract, whose fields can be updated one by one.
func nested(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && !field.IsList() && !field.IsMap() &&
		field.Message().ParentFile().Package() == "ordermanagement.v2"
}
