package gateway

import (
	"net/http"
	"net/netip"
	"strings"

	"google.golang.org/grpc/status"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
	"ordermanagement/internal/crowd"
)

const (
	// bodyBuffer is how much memory a body gets before it arrives, in bytes. No more than what net/http spends on a
	// request anyway, it is not counted, so that requests that send next to nothing can't use up what there is.
	bodyBuffer = 4 << 10

	// memoryChunk is the least that is taken of the memory for bodies, in bytes.
	memoryChunk = 64 << 10
)

// MinBodyMemory is the least Options.MaxBodyMemory, in bytes, with which the largest body or record has room at all.
func MinBodyMemory(bodyBytes, recordBytes int64) int64 {
	return max(bodyBytes, recordBytes) + memoryChunk
}

// memory is what one call has of the memory for bodies and records, of which there is Options.MaxBodyMemory for all. It
// belongs to whoever reads the request: the goroutine that handles it or, in a stream, the one that sends.
type memory struct {
	all     *crowd.Crowd[netip.Prefix]
	network netip.Prefix // where the request comes from
	taken   int64
}

// newBodyMemory is what there is for all, of which one network has half: who sends bodies slowly keeps only their own out.
func newBodyMemory(o Options) *crowd.Crowd[netip.Prefix] {
	return crowd.New[netip.Prefix](o.MaxBodyMemory, max(o.MaxBodyMemory/2, min(o.MaxBodyMemory, MinBodyMemory(o.MaxBodyBytes, o.MaxRecordBytes))))
}

// networkOf is where a request comes from: its peer, or what a trusted proxy has seen.
func networkOf(r *http.Request, trustForwardedFor bool) netip.Prefix {
	if told := toldHops(r, trustForwardedFor); len(told) > 0 {
		hops := told[len(told)-1]
		address, _ := netip.ParseAddr(strings.TrimSpace(hops[strings.LastIndexByte(hops, ',')+1:]))
		return crowd.NetworkOf(address)
	}
	peer, _ := netip.ParseAddrPort(r.RemoteAddr)
	return crowd.NetworkOf(peer.Addr())
}

// grow gives data room for n more bytes, and to spare, though for that reason no more than most in all. It reports
// whether there is the memory; it does not wait for it, which would hold what data has already.
func (m *memory) grow(data []byte, n, most int) ([]byte, bool) {
	need := len(data) + n
	if need <= cap(data) {
		return data, true
	}
	size := max(need, min(max(2*cap(data), memoryChunk), most))
	if more := int64(size) - m.taken; more > 0 {
		if !m.all.Enter(m.network, more) {
			return data, false
		}
		m.taken += more
	}
	return append(make([]byte, 0, size), data...), true
}

// release gives everything back: the buffers that grow made are not used any more.
func (m *memory) release() {
	if m.taken > 0 {
		m.all.Leave(m.network, m.taken)
		m.taken = 0
	}
}

// memoryExhausted is the error of a request for which there is no memory now.
func memoryExhausted() *status.Status {
	return apierror.New(apiv1.ErrorReason_SERVICE_UNAVAILABLE,
		"there are too many large requests at once; try again", apierror.RetryAfter(apierror.RetryDelay))
}
