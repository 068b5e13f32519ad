package main

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A record is what the client saw of one step.
type record struct {
	Step       string        `json:"step"`
	Answers    []interface{} `json:"answers,omitempty"`
	Header     metadata.MD   `json:"header,omitempty"`
	Trailer    metadata.MD   `json:"trailer,omitempty"`
	Code       string        `json:"code"` // of the call that ended the step
	Message    string        `json:"message,omitempty"`
	Violations []violation   `json:"violations,omitempty"` // the bare ones among the details of the error
	Traffic    counts        `json:"traffic"`
}

type violation struct {
	Field       string `json:"field"`
	Description string `json:"description"`
}

func (r *record) answer(message interface{}) { r.Answers = append(r.Answers, message) }

// metadata are the call options of a unary call that keep what it carried.
func (r *record) metadata() []grpc.CallOption {
	return []grpc.CallOption{grpc.Header(&r.Header), grpc.Trailer(&r.Trailer)}
}

// of keeps what a stream that has ended carried.
func (r *record) of(stream grpc.ClientStream) {
	r.Header, _ = stream.Header() // an error of the stream is seen where it is read
	r.Trailer = stream.Trailer()
}

// fail keeps the status of the step. An error that is no status is the client's own.
func (r *record) fail(err error) error {
	s, ok := status.FromError(err)
	if !ok {
		return fmt.Errorf("%s: %v", r.Step, err)
	}
	r.Code, r.Message = s.Code().String(), s.Message()
	for _, detail := range s.Details() {
		// Details of types that are younger than this client come as errors; it passes over them.
		if v, ok := detail.(*errdetails.BadRequest_FieldViolation); ok {
			r.Violations = append(r.Violations, violation{v.Field, v.Description})
		}
	}
	// What HTTP/2 carries beside the metadata of a call is of no interest.
	for _, md := range []metadata.MD{r.Header, r.Trailer} {
		for key := range md {
			if strings.HasPrefix(key, ":") || key == "content-type" {
				delete(md, key)
			}
		}
	}
	return nil
}
