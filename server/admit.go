package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Admit says whether a call with this metadata would be taken, before there is any message of it: a gateway in the same
// process asks, so that it need not read the body of a request whose caller is not known. It answers what a refused call
// would: the headers and the error. A refusal is logged and counted like that call; what is admitted is not, since the
// call itself follows.
func (s *Server) Admit(ctx context.Context, full string, md metadata.MD) (metadata.MD, error) {
	m, ok := s.methods[full]
	if !ok {
		return nil, nil // the call will tell
	}
	headers := &headerSink{method: full, header: metadata.MD{}}
	ctx = grpc.NewContextWithServerTransportStream(metadata.NewIncomingContext(ctx, md), headers)
	err := s.chain.run(ctx, &call{method: m, inProcess: true, rehearsal: true}, func(context.Context) error { return nil })
	return headers.header, err
}

// headerSink keeps the headers that the chain sets.
type headerSink struct {
	method string
	header metadata.MD
}

func (s *headerSink) Method() string { return s.method }

func (s *headerSink) SetHeader(md metadata.MD) error {
	s.header = metadata.Join(s.header, md)
	return nil
}

func (s *headerSink) SendHeader(md metadata.MD) error { return s.SetHeader(md) }

func (s *headerSink) SetTrailer(metadata.MD) error { return nil }
