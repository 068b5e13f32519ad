package server

import (
	"context"

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
	sent := &sentMetadata{method: full}
	ctx = sent.serve(metadata.NewOutgoingContext(ctx, md))
	c := &call{method: m, inProcess: true, rehearsal: true}
	err := s.chain.run(c.Begin(ctx, true), c, func(context.Context) error { return nil })
	c.SendHeader(ctx)
	return sent.header, err
}
