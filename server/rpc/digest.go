package rpc

import (
	"crypto/sha256"
	"fmt"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Digest is a hash of a request without some of its fields, and of what else it depends on. A field that the request
// does not have is passed over.
func Digest(request proto.Message, without []protoreflect.Name, scope ...string) (sum [sha256.Size]byte, err error) {
	bare := proto.CloneOf(request)
	message := bare.ProtoReflect()
	for _, name := range without {
		if field := message.Descriptor().Fields().ByName(name); field != nil {
			message.Clear(field)
		}
	}
	bytes, err := proto.MarshalOptions{Deterministic: true}.Marshal(bare)
	if err != nil {
		return sum, err
	}
	hash := sha256.New()
	// Quoted, so that no two lists of texts read the same.
	fmt.Fprintf(hash, "%s %q ", message.Descriptor().FullName(), scope)
	hash.Write(bytes)
	return [sha256.Size]byte(hash.Sum(nil)), nil
}
