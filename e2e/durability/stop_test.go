package durability

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"ordermanagement/e2e/process"
)

// A service that is asked to stop answers the calls it has taken, or says that it is unavailable, ends with 0, and leaves
// everything that it has acknowledged.
func TestStoppedWhileWriting(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, writerCount))
	stopped := round{
		writers: newWriters(t, writerCount, seed),
		dataDir: t.TempDir(),
		fault: func(t testing.TB, service *process.Service) {
			delay(t.Context(), random, maxDelay)
			service.Stop(t)
		},
	}
	stopped.run(t)
	settle(t, stopped.dataDir, stopped.writers, func() {
		if done, pending := pendingWrites(stopped.writers); done > 0 {
			t.Errorf("%d of %d writes without an answer are done: a call that was taken was not answered", done, pending)
		}
	})
}

// A stream that nobody closes doesn't keep a service from stopping: it is cut off when its time is over.
func TestStoppedWithAnOpenStream(t *testing.T) {
	service := program.Start(t, process.Config{Args: []string{"--shutdown-timeout=1s"}})
	stream, err := connect(t, service).legacy.ProcessOrders(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Header(); err != nil {
		t.Fatal(err)
	}
	service.Stop(t)
	if _, err := stream.Recv(); status.Code(err) != codes.Unavailable {
		t.Errorf("the stream ended with %v, want UNAVAILABLE", err)
	}
}
