package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/status"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
	"ordermanagement/internal/apierror"
)

// handleError answers a failed unary call, and a stream that could not begin.
func (g *gateway) handleError(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, _ http.ResponseWriter, _ *http.Request, err error) {
	c := callOf(ctx)
	switch {
	case c.probing:
	case errors.Is(err, errNotModified):
		c.w.writeNotModified()
	default:
		c.w.writeError(c.explain(ctx, err))
	}
}

// handleStreamError answers a stream that fails. Before its first record that is an HTTP error like any other, and later
// in a stream of events its last event, both written here; the chunk that the caller writes then goes nowhere. In a
// stream of records it is that chunk, the last one.
func (g *gateway) handleStreamError(ctx context.Context, err error) *status.Status {
	c := callOf(ctx)
	st := c.explain(ctx, err)
	c.w.writeError(st)
	return readable(st)
}

func (g *gateway) handleRoutingError(ctx context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, _ http.ResponseWriter, r *http.Request, code int) {
	c := callOf(ctx)
	switch {
	case c.probing:
	case code != http.StatusMethodNotAllowed:
		c.w.writeError(notFound())
	case c.request.Method == http.MethodOptions:
		// Without CORS there is nothing more to say about a path than its methods (RFC 9110, 9.3.7).
		c.w.Header().Set("Allow", strings.Join(g.allowed(r.URL), ", "))
		c.w.WriteHeader(http.StatusNoContent)
	default:
		c.w.writeError(g.methodNotAllowed(c, r.URL))
	}
}

// methodNotAllowed makes the error, and its Allow header (RFC 9110, 15.5.6).
func (g *gateway) methodNotAllowed(c *call, u *url.URL) *status.Status {
	allow := strings.Join(g.allowed(u), ", ")
	c.w.Header().Set("Allow", allow)
	return apierror.Newf(apiv1.ErrorReason_METHOD_NOT_ALLOWED, "this path has no %s; it has %s", clip(c.request.Method), allow)
}

func notFound() *status.Status {
	return apierror.Newf(apiv1.ErrorReason_ROUTE_NOT_FOUND, "there is nothing at this path")
}

// malformed is the error of a request that can't be read, with a violation that names the field, parameter or header.
func malformed(field, description string) *status.Status {
	field, description = clip(field), strings.ToValidUTF8(description, "\uFFFD")
	return apierror.New(apiv1.ErrorReason_MALFORMED_REQUEST, description, apierror.BadRequest(apierror.Field(field, description)))
}

// recordError is the error of one record of a stream: by its number, counted from zero, and the field in it, as in
// "[3].price".
func recordError(reason apiv1.ErrorReason, index int, field, problem string) *status.Status {
	place := fmt.Sprintf("[%d]", index)
	message := fmt.Sprintf("record %s %s", place, problem)
	if field != "" {
		place += "." + field
	}
	return apierror.New(reason, message, apierror.BadRequest(apierror.Field(place, problem)))
}

// explain finds the status that the client is told for an error that the generated code reports. That code wraps errors
// of decoding into text; what was wrong is found out here by reading the culprit again.
func (c *call) explain(ctx context.Context, err error) *status.Status {
	if failure := c.failure.Load(); failure != nil && ownDoing(err) {
		return failure
	}
	if !c.called {
		return c.explainRequest()
	}
	st := apierror.Normalize(err)
	code := apierror.HTTPStatus(st)
	if (code == http.StatusInternalServerError || code == http.StatusServiceUnavailable) && st.Message() != status.Convert(err).Message() {
		c.log.WarnContext(ctx, "the server's error is not for the client's eyes", slog.String("request_id", c.id), slog.Int("status", code), slog.Any("error", err))
	}
	return st
}

func (c *call) explainRequest() *status.Status {
	if c.route == nil {
		return malformed("", "the path can't be read: escapes are %XX")
	}
	if len(c.body) > 0 {
		m := c.route.bodyType.New().Interface()
		if err := (codec{}).Unmarshal(c.body, m); err != nil {
			field, text := explainJSON(err, c.body, m)
			text = "the body can't be read: " + text
			return malformed(strings.Trim(c.route.bodyField()+"."+field, "."), text)
		}
	}
	if st := c.route.explainQuery(c.query); st != nil {
		return st
	}
	return malformed("", "the request can't be read")
}

// readable leaves out details that can't be written as JSON, those of types that this program doesn't know.
func readable(st *status.Status) *status.Status {
	p := st.Proto()
	kept := &spb.Status{Code: p.GetCode(), Message: strings.ToValidUTF8(p.GetMessage(), "\uFFFD")}
	for _, detail := range p.GetDetails() {
		if _, err := marshal("", detail, ""); err == nil {
			kept.Details = append(kept.Details, detail)
		}
	}
	return status.FromProto(kept)
}

// statusJSON is the body of every error: google.rpc.Status in JSON.
func statusJSON(st *status.Status) []byte {
	body, err := codec{}.Marshal(st.Proto())
	if err != nil {
		body, err = codec{}.Marshal(readable(st).Proto())
	}
	if err != nil { // not of a status that readable has passed
		return fmt.Appendf(nil, "{\"code\":%d}\n", st.Code())
	}
	return body
}

// describeError adds the headers that an error should have, unless the server has sent them.
func describeError(h http.Header, st *status.Status) {
	if h.Get("Retry-After") == "" {
		for _, detail := range st.Details() {
			if info, ok := detail.(*errdetails.RetryInfo); ok {
				seconds := math.Ceil(max(info.GetRetryDelay().AsDuration(), 0).Seconds())
				h.Set("Retry-After", strconv.Itoa(int(seconds)))
			}
		}
	}
	if apierror.HTTPStatus(st) == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		challenge := `Bearer realm="` + apierror.Domain + `"`
		if reason, ok := apierror.Reason(st); ok && reason == apiv1.ErrorReason_CREDENTIALS_INVALID {
			challenge += `, error="invalid_token"` // RFC 6750, 3.1
		}
		h.Set("WWW-Authenticate", challenge)
	}
}
