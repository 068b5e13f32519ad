package corpus

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	apiv1 "ordermanagement/gen/ordermanagement/api/v1"
)

// Parity collects which metadata every method of the contract answers with, by how its calls end, over each transport.
type Parity struct {
	transports []string
	seen       map[ending]map[string]keys // by transport
}

// ending is a way in which calls of a method end on a profile of server.
type ending struct {
	method, outcome, profile string
}

// keys are those of header and trailer metadata; "trailer KEY" for the latter.
type keys map[string]bool

// NewParity makes one for transports by their names, of which the first is the measure of the others.
func NewParity(transports ...string) *Parity {
	return &Parity{transports: transports, seen: map[ending]map[string]keys{}}
}

// Add takes the records of a case over a transport.
func (p *Parity) Add(profile, transport string, records []*Record) {
	if !slices.Contains(p.transports, transport) {
		return
	}
	for _, record := range records {
		// Which headers are on their way when a request breaks off is chance.
		if record.Call == "" || record.Broken || record.Result.Code == codes.Canceled {
			continue
		}
		e := ending{record.Call, outcomeOf(record.Result), profile}
		if p.seen[e] == nil {
			p.seen[e] = map[string]keys{}
		}
		if p.seen[e][transport] == nil {
			p.seen[e][transport] = keys{}
		}
		p.seen[e][transport].add(record.Result)
	}
}

// add undoes the mapping of names, so that transports can be compared.
func (k keys) add(result *Result) {
	for name := range result.Header {
		k[metadataKey(name, headerPrefix)] = true
	}
	for name := range result.Trailer {
		k["trailer "+metadataKey(name, trailerPrefix)] = true
	}
}

// metadataKey is the key that a header stands for. A name that no key has in HTTP stays what it is.
func metadataKey(name, prefix string) string {
	name = http.CanonicalHeaderKey(name)
	bare, own := strings.CutPrefix(name, prefix)
	key := strings.ToLower(bare)
	if _, known := httpNames[key]; prefix == headerPrefix && own == known || prefix == trailerPrefix && !own {
		return httpOnly + name
	}
	return key
}

const (
	headerPrefix  = "Grpc-Metadata-"
	trailerPrefix = "Grpc-Trailer-"
	httpOnly      = "HTTP's "
)

func outcomeOf(result *Result) string {
	if result.Error == (*spb.Status)(nil) {
		return "OK"
	}
	for _, detail := range result.Error.GetDetails() {
		info := &errdetails.ErrorInfo{}
		if detail.UnmarshalTo(info) == nil {
			return info.GetReason()
		}
	}
	return codeName(result.Code)
}

// derived are keys that HTTP has for what the details of an error say already.
var derived = map[string]bool{"retry-after": true}

// Differences are the endings that don't have the same metadata over all transports on which they were seen, and the
// methods with a route of which no call has ended well, or none badly.
func (p *Parity) Differences() (all []string) {
	ends := map[string]map[bool]bool{}
	for e, over := range p.seen {
		if ends[e.method] == nil {
			ends[e.method] = map[bool]bool{}
		}
		ends[e.method][e.outcome == "OK"] = true
		for _, one := range p.transports {
			for _, other := range p.transports {
				for key := range over[one] {
					if over[other] != nil && !over[other][key] && !derived[key] {
						all = append(all, fmt.Sprintf("%s, %s (%s): %s is there over %s, and not over %s", e.method, e.outcome, e.profile, key, one, other))
					}
				}
			}
		}
	}
	for _, method := range routedMethods() {
		if !ends[method][true] || !ends[method][false] {
			all = append(all, fmt.Sprintf("%s: the corpus has no call that ends well, or none that fails", method))
		}
	}
	slices.Sort(all)
	return all
}

// routedMethods are the methods of the contract that HTTP can call.
func routedMethods() (names []string) {
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				if proto.HasExtension(method.Options(), apiv1.E_Policy) && proto.HasExtension(method.Options(), annotations.E_Http) {
					names = append(names, fmt.Sprintf("%s/%s", service.FullName(), method.Name()))
				}
			}
		}
		return true
	})
	return names
}

// String lists, for each method, the metadata over each transport, and beneath it the endings that have it.
func (p *Parity) String() string {
	methods := map[string]map[string][]string{} // endings by method and metadata
	for e, over := range p.seen {
		var lines []string
		for i, transport := range p.transports {
			line := "-"
			if over[transport] != nil {
				line = strings.Join(slices.Sorted(maps.Keys(over[transport])), ", ")
				if i > 0 {
					line = over[transport].overHTTP()
				}
			}
			lines = append(lines, fmt.Sprintf("  %-8s %s\n", transport, line))
		}
		text := strings.Join(lines, "")
		if methods[e.method] == nil {
			methods[e.method] = map[string][]string{}
		}
		outcome := e.outcome
		if e.profile != "default" {
			outcome += " (" + e.profile + ")"
		}
		methods[e.method][text] = append(methods[e.method][text], outcome)
	}
	var all strings.Builder
	for _, method := range slices.Sorted(maps.Keys(methods)) {
		fmt.Fprintf(&all, "\n%s\n", method)
		byOutcome := map[string]string{}
		for text, outcomes := range methods[method] {
			slices.Sort(outcomes)
			byOutcome[strings.Join(outcomes, ", ")] = text
		}
		for _, outcomes := range slices.Sorted(maps.Keys(byOutcome)) {
			fmt.Fprintf(&all, " %s\n%s", outcomes, byOutcome[outcomes])
		}
	}
	return all.String()
}

// overHTTP writes keys by their names in HTTP.
func (k keys) overHTTP() string {
	var names []string
	for key := range k {
		if bare, ok := strings.CutPrefix(key, "trailer "); ok {
			names = append(names, "trailer "+trailerName(bare))
		} else if name, ok := strings.CutPrefix(key, httpOnly); ok {
			names = append(names, name)
		} else {
			names = append(names, httpName(key))
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
