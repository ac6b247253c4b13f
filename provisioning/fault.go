package provisioning

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Facts are what is known of one case of a fault, by the names that What and Do use. A value is shown as people write
// it: lists with commas, times to the minute in UTC.
type Facts map[string]any

// Through notes a gateway, in the word for its version of IP.
func (f Facts) Through(gateway netip.Addr) {
	word := "gateway"
	if !gateway.Is4() {
		word = "router"
	}
	f[word] = gateway
}

// ByRoute are the facts of a route by which something goes through a gateway that does not answer.
func ByRoute(route any, hop netip.Addr) Facts {
	facts := Facts{"route": route, "hop": hop}
	if hop.Is4() {
		facts["unsure"] = "121 or 249"
	} else {
		facts["announced"] = "router advertisements"
	}
	return facts
}

// Count notes whether a sentence is about one address, or about several.
func (f Facts) Count(addrs []netip.Addr) {
	if f["one"], f["several"] = true, nil; len(addrs) > 1 {
		f["one"], f["several"] = nil, true
	}
}

// Family is the version of IP of an address.
func Family(addr netip.Addr) string {
	if addr.Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// Trouble is a fault that was met: which one, and the facts of the case. The zero Trouble is none. It goes by value
// through every judgement, so it is small: four words.
type Trouble struct {
	Fault Fault
	Facts Facts
	More  *More // nil: none. It is replaced, and never changed, since copies share it
}

// More is what few Troubles have.
type More struct {
	Side  Side      // where the Fault leaves it open
	Cause *Trouble  // what it comes from
	And   []Trouble // what is said in the same breath; the Reason and the Side are not theirs
	Words *Words    // nil: those of the Fault
}

// Words are those of somebody else who has met the Fault.
type Words struct{ What, Do string }

// rest is never nil, and a copy.
func (t Trouble) rest() *More {
	if t.More == nil {
		return &More{}
	}
	rest := *t.More
	return &rest
}

// cause is what it comes from; nil: nothing else.
func (t Trouble) cause() *Trouble { return t.rest().Cause }

// Others are what is said in the same breath: first that the place has served this device before (see Since), or that its name led
// elsewhere (see Led).
func (t Trouble) Others() []Trouble {
	others := t.rest().And
	for _, before := range []string{"led", "worked"} {
		if told, known := t.Facts[before].(Trouble); known {
			others = append([]Trouble{told}, others...)
		}
	}
	return others
}

// Met returns a Trouble.
func (f Fault) Met(facts Facts) Trouble { return Trouble{Fault: f, Facts: facts} }

// Because returns a Trouble that comes from another.
func (f Fault) Because(cause Trouble, facts Facts) Trouble {
	return Trouble{Fault: f, Facts: facts, More: &More{Cause: &cause}}
}

// Also adds what is said in the same breath.
func (t Trouble) Also(f Fault, facts Facts) Trouble { return t.And(f.Met(facts)) }

// And adds what is said in the same breath.
func (t Trouble) And(other Trouble) Trouble {
	t.More = t.rest()
	t.More.And = append(slices.Clip(t.More.And), other)
	return t
}

// Alone is without what is said in the same breath.
func Alone(t Trouble) Trouble {
	t = t.With(Facts{"led": nil, "worked": nil})
	t.More = t.rest()
	t.More.And = nil
	return t
}

// With adds facts. The Trouble that it is made from stays as it is.
func (t Trouble) With(more Facts) Trouble {
	facts := Facts{}
	maps.Copy(facts, t.Facts)
	maps.Copy(facts, more)
	t.Facts = facts
	return t
}

// AmongHeard is a question that DNS has left unanswered while it has answered another; any other Trouble as it is.
func AmongHeard(t Trouble) Trouble {
	if t.Fault != FaultDNSSilentFor || t.Facts["dead"] == nil {
		return t
	}
	return t.With(Facts{"dead": nil, "alone": nil, "hears": true})
}

// OfZone is what is told of one name, as told of the zone that it is in.
func OfZone(t Trouble) Trouble { return t.With(Facts{"name": t.Facts["zone"]}) }

// On says whose side it is on, where the Fault leaves that open.
func (t Trouble) On(side Side) Trouble {
	t.More = t.rest()
	t.More.Side = side
	return t
}

// InWords tells it in the words of somebody else.
func (t Trouble) InWords(what, do string) Trouble {
	t.More = t.rest()
	t.More.Words = &Words{what, do}
	return t
}

// SideOpen is no side, whatever that of the Fault or the Cause is.
const SideOpen = "open"

// OnNoSide says that it is not known whose side it is on, whatever the side of the Cause.
func (t Trouble) OnNoSide() Trouble { return t.On(SideOpen) }

// Host is the host that it is about; "": none.
func (t Trouble) Host() string {
	host, _ := t.Facts["host"].(string)
	if cause := t.cause(); host == "" && cause != nil {
		return cause.Host()
	}
	return host
}

// Among is the Trouble of one of these faults that t is, or that is its Cause; none: there is none.
func Among(t Trouble, faults ...Fault) Trouble {
	for cause := &t; cause != nil; cause = cause.cause() {
		if slices.Contains(faults, cause.Fault) {
			return *cause
		}
	}
	return Trouble{}
}

// None says whether nothing is wrong.
func (t Trouble) None() bool { return t.Fault == "" }

// Reason returns the public code.
func (t Trouble) Reason() Reason {
	reason, cause := t.Fault.entry().reason, t.cause()
	if reason != "" || cause == nil {
		return reason
	}
	return cause.Reason()
}

// OnSide returns who has to put it right.
func (t Trouble) OnSide() Side {
	rest := t.rest()
	switch side := t.Fault.Side(); {
	case rest.Side == SideOpen:
		return ""
	case rest.Side != "":
		return rest.Side
	case t.Facts["router"] != nil: // a router of IPv6 names itself: nobody has configured it here
		return SideNetwork
	case side != "" || rest.Cause == nil:
		return side
	default:
		return rest.Cause.OnSide()
	}
}

// Specific says whether more is known than the Reason: then What says all there is to say.
func (t Trouble) Specific() bool {
	return !t.None() && string(t.Fault) != string(t.Fault.entry().reason)
}

// Area is the node of a check at which the fault is found: "dns" of "dns.silent".
func (t Trouble) Area() string {
	area, _, _ := strings.Cut(string(t.Fault), ".")
	return area
}

// What says what is wrong.
func (t Trouble) What() string { return t.and(alone(t), Trouble.What) }

// alone says of that what nothing else says in the same breath.
func alone(t Trouble) string {
	if told := t.rest().Words; told != nil {
		return told.What
	}
	return fill(strings.Replace(t.Fault.entry().what, "|", ": ", 1), t.fact)
}

// changed are the faults of what has changed since the device was registered, which are told before what has come of that.
var changed = []Fault{FaultOtherNetwork, FaultOtherDefault, FaultOtherGateway, FaultMaskChanged, FaultOtherServers, FaultAway, FaultOutsideView, FaultLoginChanged}

// Sentences say what is wrong, and each thing that is said in the same breath, or has come of what has changed, in one of its own.
func (t Trouble) Sentences() []string {
	all := []string{alone(t)}
	for _, other := range t.Others() {
		all = append(all, other.Sentences()...)
	}
	if cause := Among(t, changed...).cause(); cause != nil {
		all = append(all, cause.Sentences()...)
	}
	return slices.DeleteFunc(all, func(s string) bool { return s == "" })
}

// observed says of that what was seen, without what it may mean.
func (t Trouble) observed() string {
	if told := t.rest().Words; told != nil {
		return told.What
	}
	seen, _, _ := strings.Cut(t.Fault.entry().what, "|")
	return fill(seen, t.fact)
}

// Do says what to do about it, if something is to be done: what is most likely to help.
func (t Trouble) Do() string {
	first, _ := t.cures()
	return t.and(first, Trouble.Do)
}

// Otherwise says what to do if that does not help, the more likely first.
func (t Trouble) Otherwise() []string {
	_, rest := t.cures()
	for _, other := range t.Others() {
		rest = append(rest, other.Otherwise()...)
	}
	return rest
}

// cures are what may help, of this Trouble alone.
func (t Trouble) cures() (first string, rest []string) {
	if told := t.rest().Words; told != nil {
		return told.Do, nil
	}
	for cure := range strings.SplitSeq(t.Fault.entry().do, "|") {
		if text := fill(cure, t.fact); text != "" {
			rest = append(rest, text)
		}
	}
	if len(rest) == 0 {
		return "", nil
	}
	first, rest = rest[0], rest[1:]
	if cause := t.cause(); cause != nil && strings.Contains(t.Fault.entry().do, "{cause.do}") {
		rest = append(rest, cause.Otherwise()...)
	}
	return first, rest
}

// Hint says what to do about it in one breath, and when there is nothing to do. Otherwise may say more.
func (t Trouble) Hint() string {
	if fine := t.Fault.entry().fine; fine != "" {
		return "nothing to do " + fine + "; otherwise " + t.Do()
	}
	if cause := t.cause(); cause != nil && t.Fault.entry().do == "{cause.do}" {
		return cause.Hint()
	}
	hint := t.Do()
	for _, cure := range t.Otherwise() {
		longer := hint + "; otherwise " + cure
		if len(longer) > longestHint {
			break
		}
		hint = longer
	}
	return hint
}

// longestHint is how much a hint says, in bytes: as many cures as fit. (Our choice.)
const longestHint = 220

// and adds to a text what is said in the same breath.
func (t Trouble) and(text string, more func(Trouble) string) string {
	parts := []string{text}
	for _, other := range t.Others() {
		parts = append(parts, more(other))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}

// fact returns one fact as people read it; "": it is not known.
func (t Trouble) fact(name string) string {
	switch cause := t.cause(); {
	case name == "cause" && cause != nil:
		return cause.What()
	case name == "cause.seen" && cause != nil:
		return cause.observed()
	case (name == "cause.do" || name == "cause.first") && cause != nil:
		return cause.Do()
	}
	switch v := t.Facts[name].(type) {
	case nil:
		return ""
	case []string:
		return strings.Join(v, ", ")
	case []netip.Addr:
		return ListOf(v)
	case time.Time:
		return v.UTC().Format("2006-01-02 15:04 UTC")
	default:
		return fmt.Sprint(v)
	}
}

// ListOf lists addresses, or what is like them, as a sentence does.
func ListOf[T fmt.Stringer](values []T) string { return strings.Join(Texts(values), ", ") }

// Texts are the texts of values.
func Texts[T fmt.Stringer](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = v.String()
	}
	return texts
}

// fill puts the facts in place of {name}. What stands in brackets is left out unless all its facts are known; {-name} is nothing but that
// condition. Brackets do not nest.
func fill(template string, fact func(string) string) string {
	var b strings.Builder
	for template != "" {
		plain, rest, _ := strings.Cut(template, "[")
		text, _ := fillPlain(plain, fact)
		b.WriteString(text)
		optional, after, _ := strings.Cut(rest, "]")
		if text, known := fillPlain(optional, fact); known {
			b.WriteString(text)
		}
		template = after
	}
	return b.String()
}

// fillPlain fills in a part of a template; known says whether it knows all facts of it.
func fillPlain(template string, fact func(string) string) (text string, known bool) {
	var b strings.Builder
	known = true
	for {
		plain, rest, more := strings.Cut(template, "{")
		b.WriteString(plain)
		if !more {
			return b.String(), known
		}
		name, after, _ := strings.Cut(rest, "}")
		name, asked := strings.CutPrefix(name, "-")
		value := fact(name)
		known = known && value != ""
		if !asked || value == "" {
			b.WriteString(cmp.Or(value, unknownFact))
		}
		template = after
	}
}
