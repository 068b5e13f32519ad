package rpc

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/order"
)

// The metadata keys that say more about a write than its message, and the one that says more about its answer.
const (
	idempotencyKey      = "idempotency-key"
	idempotencyReplayed = "idempotency-replayed"
	ifMatchKey          = "if-match"
	etagKey             = "etag"
)

// maxIdempotencyKey is how long an idempotency key may be, in bytes.
const maxIdempotencyKey = 255

// Identified is a request that can carry its own idempotency key (AIP-155).
type Identified interface {
	proto.Message
	GetRequestId() string
}

// Write reads what a write says beside its input: who, by which method, under which key, on which condition.
func Write(ctx context.Context, request proto.Message) (order.Write, error) {
	w := order.Write{Actor: Actor(ctx)}
	w.Method, _ = grpc.Method(ctx)
	var err error
	if w.Key, err = key(ctx, request); err != nil {
		return w, err
	}
	if tagged, ok := request.(interface{ GetEtag() string }); ok {
		w.Etag = tagged.GetEtag()
	}
	if w.IfMatch, err = ifMatch(ctx); err != nil {
		return w, err
	}
	if w.Key != "" {
		// Without the key itself, which may come either way.
		w.Fingerprint, err = Digest(request, []protoreflect.Name{"request_id"}, w.IfMatch...)
	}
	return w, err
}

func key(ctx context.Context, request proto.Message) (string, error) {
	var fromMessage, fromHeader string
	if identified, ok := request.(Identified); ok {
		// UUIDs are compared without case (RFC 9562, 4).
		fromMessage = strings.ToLower(identified.GetRequestId())
	}
	switch values := metadata.ValueFromIncomingContext(ctx, idempotencyKey); {
	case len(values) > 1:
		return "", invalidKey("is there more than once; send it once")
	case len(values) == 1:
		// The header is a string of RFC 9651, with quotes; clients of before that draft send it bare.
		fromHeader = strings.Trim(values[0], `"`)
		if fromHeader == "" || len(fromHeader) > maxIdempotencyKey || strings.ContainsFunc(fromHeader, func(r rune) bool { return r < ' ' || r > '~' }) {
			return "", invalidKey(fmt.Sprintf("must be 1 to %d printable ASCII characters", maxIdempotencyKey))
		}
		if id, err := uuid.Parse(fromHeader); err == nil && len(fromHeader) == len(id.String()) {
			fromHeader = id.String() // the same key as in request_id
		}
	}
	if fromMessage != "" && fromHeader != "" && fromMessage != fromHeader {
		return "", apierror.New(apiv1.ErrorReason_IDEMPOTENCY_KEY_CONFLICT, "request_id and the Idempotency-Key header differ; send one of them",
			apierror.BadRequest(apierror.Field("request_id", "differs from the Idempotency-Key header"))).Err()
	}
	if fromMessage != "" {
		return fromMessage, nil
	}
	return fromHeader, nil
}

func invalidKey(why string) error {
	return apierror.New(apiv1.ErrorReason_INVALID_FIELD, "the Idempotency-Key header "+why, apierror.BadRequest(apierror.Field("Idempotency-Key", why))).Err()
}

// ifMatch reads the entity tags of If-Match (RFC 9110, 13.1.1); nil when there is none.
func ifMatch(ctx context.Context) ([]string, error) {
	values := metadata.ValueFromIncomingContext(ctx, ifMatchKey)
	if len(values) == 0 {
		return nil, nil
	}
	tags, err := ParseEntityTags(strings.Join(values, ","))
	if err != nil {
		return nil, apierror.New(apiv1.ErrorReason_INVALID_FIELD, "the If-Match header is malformed: "+err.Error(),
			apierror.BadRequest(apierror.Field("If-Match", err.Error()))).Err()
	}
	return tags, nil
}

// SetEtag answers the entity tag of the one resource that the answer is.
func SetEtag(ctx context.Context, etag string) {
	SetHeader(ctx, etagKey, etag)
}

// SetReplayed answers that an earlier call under the same key has done the work.
func SetReplayed(ctx context.Context, replayed bool) {
	if replayed {
		SetHeader(ctx, idempotencyReplayed, "true")
	}
}
