package v2

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/order"
	"ordermanagement/server/rpc"
)

// The sizes of pages (AIP-158), and how long a page token is good for.
const (
	defaultPageSize = 50
	maxPageSize     = 1000
	pageTokenLife   = 72 * time.Hour
)

// PageTokenKeySize is how many bytes the key of page tokens has.
const PageTokenKeySize = 32

// Pages seals and opens page tokens. A token holds the position of the last resource of its page, encrypted and
// authenticated together with the tenant and everything else in the request, so that it is good for that list only.
type Pages struct {
	aead cipher.AEAD
	now  func() time.Time
}

// NewPages makes the sealer of page tokens.
func NewPages(key []byte) (*Pages, error) {
	if len(key) != PageTokenKeySize {
		return nil, fmt.Errorf("the page token key has %d bytes, it must have %d", len(key), PageTokenKeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &Pages{aead: aead, now: time.Now}, err
}

// listRequest is the request of every list (AIP-158).
type listRequest interface {
	proto.Message
	GetPageSize() int32
	GetPageToken() string
}

// listing is one page on its way.
type listing struct {
	pages *Pages
	bound []byte
}

// begin reads the size and the token of a list request into the query.
func (p *Pages) begin(tenant string, request listRequest, query *order.Query) (listing, error) {
	bound, err := binding(tenant, request)
	l := listing{pages: p, bound: bound}
	if err != nil {
		return l, err
	}
	query.Limit = min(int(request.GetPageSize()), maxPageSize)
	if query.Limit == 0 {
		query.Limit = defaultPageSize
	}
	if request.GetPageToken() == "" {
		return l, nil
	}
	after, err := p.open(request.GetPageToken(), l.bound)
	if err != nil {
		return l, apierror.New(apiv1.ErrorReason_INVALID_PAGE_TOKEN, "page_token: "+err.Error()+"; begin again without one",
			apierror.BadRequest(apierror.Field("page_token", err.Error()))).Err()
	}
	query.After = after
	return l, nil
}

// nextToken makes the token of the page after this one; none after the last.
func nextToken[T any](l listing, page order.Page[T], at func(*T) order.Position) string {
	if !page.More {
		return ""
	}
	return l.pages.seal(at(page.Items[len(page.Items)-1]), l.bound)
}

// binding is a hash of what a token is good for: the tenant and the request but for its token. The size may change from
// page to page (AIP-158).
func binding(tenant string, request proto.Message) ([]byte, error) {
	sum, err := rpc.Digest(request, []protoreflect.Name{"page_token", "page_size"}, tenant)
	return sum[:], err
}

// A sealed token is: when it was made (8 bytes, microseconds), the create time (8 bytes, microseconds), the id.
const tokenHeader = 16

func (p *Pages) seal(position order.Position, bound []byte) string {
	plain := binary.BigEndian.AppendUint64(nil, uint64(p.now().UnixMicro()))
	plain = binary.BigEndian.AppendUint64(plain, uint64(position.CreateTime.UnixMicro()))
	plain = append(plain, position.ID...)
	return base64.RawURLEncoding.EncodeToString(p.aead.Seal(nil, nil, plain, bound))
}

func (p *Pages) open(token string, bound []byte) (*order.Position, error) {
	errForeign := errors.New("is not a token of this list")
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return nil, errForeign
	}
	plain, err := p.aead.Open(nil, nil, sealed, bound)
	if err != nil || len(plain) < tokenHeader {
		return nil, errForeign
	}
	if made := time.UnixMicro(int64(binary.BigEndian.Uint64(plain))); p.now().Sub(made) > pageTokenLife {
		return nil, errors.New("is too old")
	}
	return &order.Position{
		CreateTime: time.UnixMicro(int64(binary.BigEndian.Uint64(plain[8:]))).UTC(),
		ID:         string(plain[tokenHeader:]),
	}, nil
}
