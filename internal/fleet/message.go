package fleet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/netip"
	"strings"
	"time"
)

// maxState is how many bytes a State has at most: a million of them are 2 GiB on the broker.
const maxState = 2 << 10

// Presence says whether a device is connected to the broker. While it is, the broker knows; when the device falls silent, the
// broker publishes the last will, which is a Presence with Online false and nothing else.
type Presence struct {
	Online  bool      `json:"online"`
	Version string    `json:"version,omitempty"` // of homeward
	BootID  string    `json:"boot_id,omitempty"` // changes with each boot of the device (Linux)
	At      time.Time `json:"at,omitzero"`       // by the clock of the device
}

// State is how a device stands.
type State struct {
	Version     int       `json:"version"` // of this form: 1
	At          time.Time `json:"at"`      // by the clock of the device
	State       string    `json:"state"`
	Degraded    bool      `json:"degraded"`
	Since       time.Time `json:"since,omitzero"` // when it entered this state
	Reason      string    `json:"reason,omitempty"`
	Fault       string    `json:"fault,omitempty"`
	NextAttempt time.Time `json:"next_attempt_at,omitzero"` // while resting
	Pace        []string  `json:"pace,omitempty"`           // reasons: what is slow, loses packets or is dead, although the device gets along

	SIPDomain  string `json:"sip_domain,omitempty"`
	Account    string `json:"account,omitempty"`     // AccountOf the SIP address
	SIPAddress string `json:"sip_address,omitempty"` // only where the site has asked for identities

	Registrar    *Registrar  `json:"registrar,omitempty"`
	RegisteredAt time.Time   `json:"registered_at,omitzero"`
	Home         []Registrar `json:"home,omitempty"`
	MediaRelays  []string    `json:"media_relays,omitempty"`
	Cache        *Cache      `json:"cache,omitempty"`

	CertificateUntil       time.Time `json:"certificate_until,omitzero"`        // of the certificate for sign-in
	BrokerCertificateUntil time.Time `json:"broker_certificate_until,omitzero"` // of the certificate for the broker

	LastFailure *Failure `json:"last_failure,omitempty"`
	Counters    Counters `json:"counters"`
}

// Registrar is the one in use, or one of the home pool.
type Registrar struct {
	Host      string     `json:"host"`
	Port      uint16     `json:"port"`
	Transport string     `json:"transport"`
	Address   netip.Addr `json:"address,omitzero"`
	Step      string     `json:"step,omitempty"`
	Role      string     `json:"role,omitempty"`
}

// Cache is what the device holds for an outage.
type Cache struct {
	Generation uint64    `json:"generation"`
	WrittenAt  time.Time `json:"written_at,omitzero"`
	Registrar  string    `json:"registrar,omitempty"` // its host
}

// Failure is the latest one.
type Failure struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
	Fault  string    `json:"fault,omitempty"`
	Step   string    `json:"step,omitempty"`
	Host   string    `json:"host,omitempty"`
}

// Counters count since the start of the daemon.
type Counters struct {
	Cycles        uint64 `json:"cycles"`
	Registrations uint64 `json:"registrations"`
	Failures      uint64 `json:"failures"`
	Outages       uint64 `json:"outages"`
	Dropped       uint64 `json:"dropped"` // events that the broker did not get
}

// Event is one thing that happened: a line of the history without text.
type Event struct {
	At        time.Time `json:"at"`
	Event     string    `json:"event"`
	Number    uint64    `json:"number"` // rises from event to event; the same one twice is the same event
	State     string    `json:"state,omitempty"`
	Degraded  bool      `json:"degraded,omitempty"`
	Step      string    `json:"step,omitempty"`
	Host      string    `json:"host,omitempty"`
	Port      uint16    `json:"port,omitempty"`
	Transport string    `json:"transport,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	Fault     string    `json:"fault,omitempty"`
	Until     time.Time `json:"until,omitzero"`
	Version   string    `json:"version,omitempty"` // of homeward, when it starts or stops
}

// AccountOf is what stands for a SIP address where the site has not asked for identities: the first 16 hexadecimal digits of its
// SHA-256, in lower case and with "sip:". Whoever knows an address can find its device by it.
func AccountOf(sipAddress string) string {
	sum := sha256.Sum256([]byte("sip:" + strings.TrimPrefix(strings.ToLower(sipAddress), "sip:")))
	return hex.EncodeToString(sum[:8])
}

// text is a state as it is published: as much of it as there is room for.
func (s State) text() []byte {
	text := marshal(s)
	for _, shorten := range []func(){
		func() { s.MediaRelays = nil },
		func() { s.Home = nil },
		func() { s.LastFailure = nil },
		func() { s.Cache = nil },
	} {
		if len(text) <= maxState {
			break
		}
		shorten()
		text = marshal(s)
	}
	return text
}

// change is what makes two states differ so much that the new one is published: not what counts, and not the time.
func (s State) change() string {
	s.At, s.Counters, s.NextAttempt = time.Time{}, Counters{}, time.Time{}
	if s.LastFailure != nil {
		failure := *s.LastFailure
		failure.At = time.Time{}
		s.LastFailure = &failure
	}
	if s.Cache != nil {
		kept := *s.Cache
		kept.WrittenAt = time.Time{}
		s.Cache = &kept
	}
	return string(marshal(s))
}

// marshal is the JSON of a message. They all have one.
func marshal(message any) []byte {
	text, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	return text
}
