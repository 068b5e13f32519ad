package corpus_test

import (
	"os"
	"strings"
	"sync"
	"testing"

	"ordermanagement/e2e/corpus"
	"ordermanagement/e2e/documents"
	"ordermanagement/e2e/process"
	"ordermanagement/internal/store/postgres/pgtest"
	"ordermanagement/openapi"
)

var program = process.NewProgram()

func TestMain(m *testing.M) { program.Main(m) }

// TestCorpus runs every case over every transport and on both stores, compares what they answered, and checks what was sent over HTTP against the
// OpenAPI documents.
func TestCorpus(t *testing.T) {
	all, err := corpus.Load(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	tokens, tokensFile, callersFile, err := all.Callers()
	if err != nil {
		t.Fatal(err)
	}
	parity := newParity()
	documented, err := documents.Load(openapi.Documents, all.Documents)
	if err != nil {
		t.Fatal(err)
	}
	postgres, err := pgtest.Start(t.Context(), pgtest.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := postgres.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, p := range profiles {
		t.Run(p.name, func(t *testing.T) {
			cases := all.For(p.name)
			if len(cases) == 0 {
				t.Fatal("no case runs on this server")
			}
			outcomes := &outcomes{records: map[string]map[string][]*corpus.Record{}}
			t.Run("over", func(t *testing.T) {
				for _, transport := range transports {
					if strings.HasPrefix(transport.name, onPostgres) && !p.stores {
						continue
					}
					t.Run(transport.name, func(t *testing.T) {
						t.Parallel()
						way := transport.make(t, newWorld(t, p, postgres, tokensFile, callersFile))
						t.Cleanup(way.Close) // before the processes end
						for _, one := range cases {
							if transport.name == "published" && !one.AboutV1() {
								continue
							}
							t.Run(one.Name, func(t *testing.T) {
								runner := &corpus.Runner{Transport: way.Transport, Reasons: all.Reasons, Case: one, Settle: settler(way.server), Documents: documented, Report: t.Errorf}
								if !p.open {
									t.Parallel()
									runner.Tokens = tokens[one]
								}
								outcomes.add(one.Name, transport.name, runner.Run(t.Context()))
							})
						}
					})
				}
			})
			outcomes.addTo(parity, p.name)
			for _, one := range cases {
				t.Run("compared/"+one.Name, func(t *testing.T) {
					t.Parallel()
					var names []string
					for _, transport := range transports {
						names = append(names, transport.name)
					}
					for _, difference := range corpus.Compare(names, outcomes.records[one.Name]) {
						t.Error(difference)
					}
				})
			}
		})
	}
	// Of all profiles together; a run of some of them leaves it out.
	t.Run("parity", func(t *testing.T) { checkParity(t, parity) })
	t.Run("everything documented is seen", func(t *testing.T) {
		for _, unseen := range documented.Unseen() {
			t.Error(unseen)
		}
	})
}

// outcomes are the records of each case over each transport.
type outcomes struct {
	mu      sync.Mutex
	records map[string]map[string][]*corpus.Record
}

func (o *outcomes) add(name, transport string, records []*corpus.Record) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.records[name] == nil {
		o.records[name] = map[string][]*corpus.Record{}
	}
	o.records[name][transport] = records
}

func (o *outcomes) addTo(parity *corpus.Parity, profile string) {
	for _, byTransport := range o.records {
		for transport, records := range byTransport {
			parity.Add(profile, transport, records)
		}
	}
}

// TestReasons makes sure that the corpus knows the codes of every reason of the contract.
func TestReasons(t *testing.T) {
	all, err := corpus.Load(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	if wrong := all.CheckReasons(); len(wrong) > 0 {
		t.Error(strings.Join(wrong, "\n"))
	}
}
