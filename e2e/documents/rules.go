package documents

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// Rules say where the documents and the service differ on purpose, each with a word why. What of them is never needed is
// reported, so that none stays longer than its reason.
type Rules struct {
	// Shape are the reasons of requests that break a rule which the document should have too.
	Shape []string `json:"shape"`
	// Routing are the reasons of requests for which there is no operation.
	Routing []string `json:"routing"`
	// Elsewhere are the paths that are no part of the API, an expression.
	Elsewhere string `json:"elsewhere"`
	// Common are the reasons that need be shown once, and not for each operation.
	Common []string `json:"common"`
	// Unsaid are rules that JSON Schema has no words for: the service refuses what the document takes.
	Unsaid []*Exception `json:"unsaid"`
	// Lenient is what the service takes and the document doesn't have.
	Lenient []*Exception `json:"lenient"`
	// Unshown are the reasons that can't be provoked from outside, and why.
	Unshown map[string]string `json:"unshown"`

	elsewhere *regexp.Regexp
}

// Exception is where a document and the service differ on purpose. Its expressions match anywhere.
type Exception struct {
	Because string `json:"because"`
	// Reason is that of the error.
	Reason string `json:"reason"`
	// Of it is the id of the operation, or of several; of any if empty.
	Of string `json:"of"`
	// Field and Says are a violation's field and description. Of a request that the document refuses, Says is the complaint.
	Field string `json:"field"`
	Says  string `json:"says"`

	of, field, says *regexp.Regexp
}

func (r *Rules) compile() (err error) {
	if r.elsewhere, err = regexp.Compile("^(?:" + r.Elsewhere + ")$"); err != nil {
		return err
	}
	for _, exception := range slices.Concat(r.Unsaid, r.Lenient) {
		if exception.Because == "" || exception.Reason+exception.Says == "" {
			return fmt.Errorf("an exception needs a reason, and what it is about: %+v", exception)
		}
		for _, part := range []struct {
			text string
			into **regexp.Regexp
		}{{exception.Of, &exception.of}, {exception.Field, &exception.field}, {exception.Says, &exception.says}} {
			if *part.into, err = regexp.Compile(part.text); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Exception) match(o *operation, reason, field, says string) bool {
	return e.Reason == reason && e.of.MatchString(o.OperationId) && e.field.MatchString(field) && e.says.MatchString(says)
}

// except looks for an exception that matches, and notes that it is needed.
func (d *Documents) except(exceptions []*Exception, match func(*Exception) bool) bool {
	i := slices.IndexFunc(exceptions, match)
	if i < 0 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.needed[exceptions[i]] = true
	return true
}

// unsaid says whether the document can't have the rule that a request breaks. Of several violations one suffices.
func (d *Documents) unsaid(o *operation, f failure) bool {
	violations := f.violations
	if len(violations) == 0 {
		violations = []violation{{}}
	}
	return d.except(d.rules.Unsaid, func(e *Exception) bool {
		return slices.ContainsFunc(violations, func(v violation) bool { return e.match(o, f.reason, v.Field, v.Description) })
	})
}

func (d *Documents) lenient(o *operation, complaint string) bool {
	return d.except(d.rules.Lenient, func(e *Exception) bool { return e.match(o, "", "", complaint) })
}

func (r *Rules) isShape(reason string) bool   { return slices.Contains(r.Shape, reason) }
func (r *Rules) isRouting(reason string) bool { return slices.Contains(r.Routing, reason) }

// note keeps what an exchange has shown of an operation.
func (d *Documents) note(o *operation, status int, failures []failure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if status < 300 && len(failures) == 0 {
		d.seen[o.String()] = true
	}
	for _, failure := range failures {
		d.seen[o.String()+" "+failure.reason] = true
		d.seen[failure.reason] = true
	}
}

// Unseen lists what the documents promise and no exchange has shown, and the exceptions that none has needed.
func (d *Documents) Unseen() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var unseen []string
	documented := map[string]bool{}
	for _, o := range d.operations() {
		if !d.seen[o.String()] {
			unseen = append(unseen, o.String()+" never succeeds")
		}
		for _, reason := range o.allReasons() {
			documented[reason] = true
			_, unshown := d.rules.Unshown[reason]
			if !unshown && !slices.Contains(d.rules.Common, reason) && !d.seen[o.String()+" "+reason] {
				unseen = append(unseen, fmt.Sprintf("%s is never refused with %s", o, reason))
			}
		}
	}
	for _, reason := range d.rules.Common {
		if !documented[reason] {
			unseen = append(unseen, reason+" is said to be common, and no document has it")
		} else if !d.seen[reason] {
			unseen = append(unseen, "nothing is ever refused with "+reason)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(d.rules.Unshown)) {
		if d.seen[reason] {
			unseen = append(unseen, reason+" is shown, although it is said that it can't be")
		}
	}
	for _, exception := range slices.Concat(d.rules.Unsaid, d.rules.Lenient) {
		if !d.needed[exception] {
			unseen = append(unseen, "an exception is never needed: "+exception.Because)
		}
	}
	return unseen
}
