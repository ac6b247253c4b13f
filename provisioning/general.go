package provisioning

// General returns the fault of a Reason, or "".
func (r Reason) General() Fault {
	if r == "" || theCatalogue().entries[Fault(r)] == nil {
		return ""
	}
	return Fault(r)
}

// Met returns the Trouble of which nothing is known but the Reason, and perhaps raw words; that of "" is none.
func (r Reason) Met(detail string) Trouble {
	return Trouble{Fault: r.General(), Facts: Facts{"detail": detail}}
}

// A ReasonText explains one Reason to a field tech.
type ReasonText struct {
	Code  Reason
	Title string // what it means, as the end of a sentence: no capital, no full stop
	Hint  string // what to do about it, in the imperative
}

// Title returns what the reason means.
func (r Reason) Title() string { return r.Met("").What() }

// Hint returns what to do about it.
func (r Reason) Hint() string { return r.Met("").Hint() }

// Reasons returns the whole list, in the order of the public documentation.
func Reasons() (texts []ReasonText) {
	for _, f := range theCatalogue().order {
		if r := Reason(f); f.entry().reason == r {
			texts = append(texts, ReasonText{r, r.Title(), r.Hint()})
		}
	}
	return texts
}
