package provisioning

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"sync"

	"homeward/internal/packed"
)

// packedFaults is faults.txt without its comments, which say how it is written; make generate packs it, a fourth as large.
//
//go:embed faults.txt.gz
var packedFaults string

// entry is what the catalogue says of a Fault.
type entry struct {
	reason   Reason   // "": that of the Cause
	side     Side     // "": that of the Cause; or the Trouble says, as it depends on who named the server
	perhaps  bool     // it is not known whether anything is at fault
	what     string   // what is wrong
	do       string   // what to do about it: cures with a bar between them, the most probable first
	fine     string   // when there is nothing to do
	explains []string // nodes of a check
}

// catalogue is what faults.txt says.
type catalogue struct {
	order   []Fault
	entries map[Fault]*entry
}

// theCatalogue is read when something is told for the first time, which takes 2 ms.
var theCatalogue = sync.OnceValue(readCatalogue)

func readCatalogue() *catalogue {
	c, shared, to := &catalogue{entries: map[Fault]*entry{}}, map[string]*entry{}, &entry{}
	for line := range strings.Lines(packed.Text(packedFaults)) {
		line = strings.TrimSuffix(line, "\n")
		words, isWords := strings.CutPrefix(line, "\t")
		cure, isCure := strings.CutPrefix(words, "- ")
		fine, isFine := strings.CutPrefix(words, "fine ")
		name, isShared := strings.CutPrefix(line, "+")
		switch {
		case words == "-":
		case isWords && isCure && to.do != "":
			to.do += "|" + spelled(cure, shared)
		case isWords && isCure:
			to.do = spelled(cure, shared)
		case isWords && isFine:
			to.fine = fine
		case isWords:
			to.what = spelled(words, shared)
		case isShared:
			to = &entry{}
			shared[name] = to
		default:
			head := strings.Fields(line)
			side, perhaps := strings.CutSuffix(head[2], "?")
			to = &entry{reason: Reason(known(head[1])), side: Side(known(side)), perhaps: perhaps}
			if len(head) > 4 {
				to.explains = head[4:]
			}
			c.order = append(c.order, Fault(head[0]))
			c.entries[Fault(head[0])] = to
		}
	}
	return c
}

// known is a word of the catalogue; a dash is none.
func known(word string) string {
	if word == "-" {
		return ""
	}
	return word
}

// unknownFact stands where a fact belongs that is not known: that is a fault of ours, and tests look for it.
const unknownFact = "(not known)"

// spelled puts the shared texts into another.
func spelled(words string, shared map[string]*entry) string {
	before, rest, found := strings.Cut(words, "{+")
	if !found {
		return words
	}
	name, after, _ := strings.Cut(rest, "}")
	of := shared[name]
	if of == nil {
		return before + unknownFact + spelled(after, shared) // tests look for it
	}
	return before + of.what + of.do + spelled(after, shared)
}

// entry is never nil.
func (f Fault) entry() *entry {
	if f == "" {
		return &entry{}
	}
	if e := theCatalogue().entries[f]; e != nil {
		return e
	}
	return &entry{}
}

// Reason returns the public code; "": that of the Cause.
func (f Fault) Reason() Reason { return f.entry().reason }

// Side returns who has to put it right; "": that depends.
func (f Fault) Side() Side { return f.entry().side }

// Perhaps says whether it is not known that anything is at fault.
func (f Fault) Perhaps() bool { return f.entry().perhaps }

// Explains returns the nodes of a check that this fault explains: what fails there is a consequence.
func (f Fault) Explains() []string { return f.entry().explains }

// OfName says whether a fault is about the name of a host: it says more than that the host has no address.
func (f Fault) OfName() bool {
	return f == FaultDanglingAlias || f == FaultDNSFirstFails || f == FaultDNSBlocked
}

// Faults returns the whole catalogue: the faults of which more is known than the Reason, then the general one of each Reason.
func Faults() []Fault { return slices.Clone(theCatalogue().order) }

// diagnostics begins the id of a fault that a Lync server names itself; what follows is the error id of ms-diagnostics.
const diagnostics = "diagnostics."

// clocksApart is the error id of FaultClockRegistrar, which is not only told by servers.
const clocksApart = 1013

// FaultOfDiagnostics returns the fault of an error id of ms-diagnostics, or "".
func FaultOfDiagnostics(id int) Fault {
	f := Fault(diagnostics + strconv.Itoa(id))
	switch {
	case id == clocksApart:
		return FaultClockRegistrar
	case theCatalogue().entries[f] == nil:
		return ""
	default:
		return f
	}
}

// DiagnosticsIDs returns the error ids of ms-diagnostics that have a fault, in order.
func DiagnosticsIDs() []int {
	ids := []int{clocksApart}
	for _, f := range theCatalogue().order {
		if number, ok := strings.CutPrefix(string(f), diagnostics); ok {
			id, _ := strconv.Atoi(number) // 0 is none: a test looks for it
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}
