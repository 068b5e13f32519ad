package server

import (
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// The rules are compiled when they are first used, so a rule that does not compile must not wait for that.
func TestEveryFieldRuleCompiles(t *testing.T) {
	var messages []protoreflect.MessageDescriptor
	for _, pkg := range []protoreflect.FullName{"ordermanagement.v1", "ordermanagement.v2", "helloworld"} {
		protoregistry.GlobalFiles.RangeFilesByPackage(pkg, func(file protoreflect.FileDescriptor) bool {
			for i := range file.Messages().Len() {
				messages = append(messages, file.Messages().Get(i))
			}
			return true
		})
	}
	if len(messages) == 0 {
		t.Fatal("found no messages")
	}
	if _, err := protovalidate.New(protovalidate.WithDisableLazy(), protovalidate.WithMessageDescriptors(messages...)); err != nil {
		t.Error(err)
	}
}
