package provisioning

import "fmt"

// Step is a position in the Lync device order (TechNet gg398713, "Log on to the Lync Server"), or, after the
// six, another origin of a Candidate. The text form is the one of the public JSON. It is an int, as the other lists of
// words here are: string(step) would print a control character, and go vet overlooks that for smaller types.
type Step int

// The six steps of the Lync device order, in order, and then the origins that stand outside it.
const (
	InternalTLS Step = iota
	DHCPTLS
	InternalTCP
	DHCPTCP
	ExternalTLS
	ExternalTCP

	Manual   // internal_server and external_server of the configuration
	HostName // sipinternal., sip., sipexternal.: the Communicator order, when no SRV record exists
	Recall   // told by a Registrar before
	LastGood // the outage rule
	Redirect // named by a 3xx answer
)

var stepNames = [...]string{
	"internal-tls", "dhcp-tls", "internal-tcp", "dhcp-tcp", "external-tls", "external-tcp",
	"manual", "host-name", "recall", "last-good", "redirect",
}

// IsInside says whether the step is for devices inside the site.
func (s Step) IsInside() bool { return s <= DHCPTCP }

// IsOutside says whether it is for those outside.
func (s Step) IsOutside() bool { return s == ExternalTLS || s == ExternalTCP }

// String returns the name used in the public JSON, such as "internal-tls".
func (s Step) String() string { return stepNames[s] }

// BySRV says whether SRV records lead to this step.
func (s Step) BySRV() bool { return s.SRVName() != "" }

// MarshalText writes the name of the step.
func (s Step) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name of a step.
func (s *Step) UnmarshalText(text []byte) error { return parseName(s, stepNames[:], text) }

// Transport is how a Registrar is reached: SIP over TLS or over plain TCP (RFC 3261 §18).
type Transport int

// The two transports of a Lync Registrar.
const (
	TLS Transport = iota
	TCP
)

var transportNames = [...]string{"tls", "tcp"}

// String returns "tls" or "tcp".
func (t Transport) String() string { return transportNames[t] }

// MarshalText writes "tls" or "tcp".
func (t Transport) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads "tls" or "tcp".
func (t *Transport) UnmarshalText(text []byte) error { return parseName(t, transportNames[:], text) }

// State is where the agent stands; it exists for display, the phases of package agent decide.
type State int

// The states, in the order of a cold start.
const (
	Recalling State = iota
	Discovering
	Outage
	Registered
	Resting
)

var stateNames = [...]string{"recalling", "discovering", "outage", "registered", "resting"}

// String returns the name used in the public JSON.
func (s State) String() string { return stateNames[s] }

// MarshalText writes the name of the state.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the name of a state.
func (s *State) UnmarshalText(text []byte) error { return parseName(s, stateNames[:], text) }

// Verdict is what a look-up proved. The outage rule and the host-name rule depend on the difference between
// what does not exist and what did not answer (TechNet dd572514: "not if they are not valid; only if they do
// not exist at all").
type Verdict int

// The three verdicts.
const (
	Failed Verdict = iota // no answer, or a broken one
	Absent                // proven not to exist
	Found                 // it exists
)

var verdictNames = [...]string{"failed", "absent", "found"}

// String returns the name used in the public JSON.
func (v Verdict) String() string { return verdictNames[v] }

// MarshalText writes the name of the verdict.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads the name of a verdict.
func (v *Verdict) UnmarshalText(text []byte) error { return parseName(v, verdictNames[:], text) }

// parseName sets *v to the index of text among names.
func parseName[T ~int](v *T, names []string, text []byte) error {
	for i, name := range names {
		if name == string(text) {
			*v = T(i)
			return nil
		}
	}
	return fmt.Errorf("%q is none of %q", text, names)
}

// srvNames are the DNS names of the steps, to be followed by the SIP domain (TechNet dd637152, gg398713).
var srvNames = map[Step]string{
	InternalTLS: "_sipinternaltls._tcp.",
	InternalTCP: "_sipinternal._tcp.",
	ExternalTLS: "_sip._tls.",
	ExternalTCP: "_sip._tcp.",
}

// SRVName is what an SRV query of this step begins with; "": it asks for none.
func (s Step) SRVName() string { return srvNames[s] }
