package durability

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"ordermanagement/e2e/process"
	v2 "ordermanagement/gen/ordermanagement/v2"
)

const (
	// defaultKills is how often the service is killed unless the environment variable DURABILITY_KILLS says otherwise.
	defaultKills = 8
	startKills   = 6
	writerCount  = 8
	maxDelay     = 600 * time.Millisecond
)

func TestKilledWhileWriting(t *testing.T) {
	kills := defaultKills
	if setting, ok := os.LookupEnv("DURABILITY_KILLS"); ok {
		var err error
		if kills, err = strconv.Atoi(setting); err != nil || kills < 1 {
			t.Fatalf("DURABILITY_KILLS=%s is not a number from 1", setting)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, writerCount))
	killed := round{
		writers: newWriters(t, writerCount, seed),
		dataDir: t.TempDir(),
		fault: func(t testing.TB, service *process.Service) {
			delay(t.Context(), random, maxDelay)
			service.Kill(t)
		},
	}
	for range kills {
		killed.run(t)
	}
	settle(t, killed.dataDir, killed.writers, func() {})
}

// A service that is killed while it starts leaves nothing that keeps the next one from starting.
func TestKilledWhileStarting(t *testing.T) {
	begin := time.Now()
	first := program.Start(t, process.Config{})
	most := time.Since(begin)
	first.Stop(t)
	random := rand.New(rand.NewPCG(rand.Uint64(), 0))
	for i := range startKills {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			dataDir := t.TempDir()
			starting := program.Launch(t, process.Config{DataDir: dataDir})
			delay(t.Context(), random, most)
			starting.Kill(t)
			service := program.Start(t, process.Config{DataDir: dataDir})
			if _, _, err := connect(t, service).create(t.Context(), overREST, uuid.NewString(), &v2.Order{CurrencyCode: "EUR"}); err != nil {
				t.Error(err)
			}
		})
	}
}
