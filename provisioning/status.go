package provisioning

import (
	"net/netip"
	"slices"
	"time"
)

// Status is where the agent stands: a snapshot, plain data, in the form of `homeward status --json`.
type Status struct {
	Version      int           `json:"version"`
	State        State         `json:"state"`
	Degraded     bool          `json:"degraded"`
	SIPAddress   string        `json:"sip_address"`
	SIPDomain    string        `json:"sip_domain"`
	Registrar    *Registrar    `json:"registrar,omitempty"`
	Home         []Registrar   `json:"home,omitempty"`
	MediaRelays  []MediaRelay  `json:"media_relays,omitempty"`
	Provisioning *Provisioning `json:"provisioning,omitempty"` // told in band
	Scheme       string        `json:"scheme,omitempty"`       // how it has signed in: "tls-dsk", "ntlm", "digest"; "": not asked for
	// Unproven is the server that has taken the certificate inside SIP and has not proven this name, behind a Registrar that has
	// proven its own; "": it has, or there is none.
	Unproven     string    `json:"unproven_server,omitempty"`
	RegisteredAt time.Time `json:"registered_at,omitzero"`
	ExpiresAt    time.Time `json:"expires_at,omitzero"`
	// NotRegisteredSince is since when it is not registered: its start, or the end of the registration.
	NotRegisteredSince time.Time `json:"not_registered_since,omitzero"`
	Reason             Reason    `json:"reason,omitempty"` // why it is not registered, or degraded
	Fault              string    `json:"fault,omitempty"`  // its id in docs/faults.md, where more is known than the Reason
	What               string    `json:"what,omitempty"`   // what is wrong, as docs/faults.md has it
	Detail             string    `json:"detail,omitempty"` // raw words
	Hint               string    `json:"hint,omitempty"`
	Side               Side      `json:"side,omitempty"`           // who has to put it right, where that is another than that of the Fault, or it has none
	NextAttempt        time.Time `json:"next_attempt_at,omitzero"` // while resting
	NextLookup         time.Time `json:"next_lookup_at,omitzero"`  // meanwhile, or while a better way is looked for: when DNS, and DHCP where nothing was found, are asked again
	NextKnock          time.Time `json:"next_knock_at,omitzero"`   // meanwhile: when the device sees whether a Registrar takes connections again
	Fallback           *Fallback `json:"fallback,omitempty"`       // why the device is registered at a lesser place; absent: it is not, or through last good
	Better             *Better   `json:"better,omitempty"`         // the better Registrar that is looked at meanwhile
	Watch              *Watch    `json:"watch,omitempty"`          // with binding = "release"; absent: homeward holds a binding, or is not signed in
	Pace               []Pace    `json:"pace,omitempty"`           // what is slow, lossy, dead or else not as it should be although the device is registered
	Losses             []Losses  `json:"losses,omitempty"`         // how often registrations were lost lately
	Certificate        *Identity `json:"certificate,omitempty"`    // for sign-in
	// ServerCertificates are that of the Registrar, and that of its issuer, if it ends before.
	ServerCertificates []Ending     `json:"server_certificates,omitempty"`
	Cycle              *Cycle       `json:"cycle,omitempty"`
	Store              []StoreState `json:"store,omitempty"`
	Link               *StoreState  `json:"link,omitempty"`    // what keeps the device off the network at the moment of the question; absent: nothing, as far as is known
	Metrics            *StoreState  `json:"metrics,omitempty"` // why metrics are not served where metrics_listen says so; absent: they are, or it does not
}

// Watch is how the Registrar is watched with binding = "release".
type Watch struct {
	Binding    string    `json:"binding"`              // "held": a brief one, while homeward learns; "given-back"; "none": none was needed
	Over       string    `json:"over"`                 // "connection"; "visits": the Registrar keeps no connection without a binding
	AnsweredAt time.Time `json:"answered_at,omitzero"` // when the Registrar was last seen to answer
	NextAt     time.Time `json:"next_at,omitzero"`     // of visits: the next one
}

// Fallback is the first of the Registrars before the one in use that have failed in the cycle.
type Fallback struct {
	Attempt
	At time.Time `json:"at"` // when that cycle began
}

// Better is a Registrar that the device looks at, without signing in. It goes there when two looks in a row were answered.
type Better struct {
	Endpoint
	LookedAt time.Time `json:"looked_at,omitzero"` // absent: it was not looked at yet
	Answered bool      `json:"answered"`           // it took a connection then; over TLS, with a certificate that is trusted
	NextAt   time.Time `json:"next_look_at"`       // when it is looked at again
	Reason   Reason    `json:"reason,omitempty"`   // why it did not
	Fault    string    `json:"fault,omitempty"`    // as in Status
	What     string    `json:"what,omitempty"`
	Hint     string    `json:"hint,omitempty"`
}

// Why is why a look was not answered.
func (b *Better) Why() *Why {
	return &Why{Reason: b.Reason, Fault: b.Fault, What: b.What, Hint: b.Hint}
}

// Report is what comes of a report that the phone's own registration has failed.
type Report struct {
	State State     `json:"state"`          // in which it came
	Looks bool      `json:"looks"`          // the Registrar in use is asked now
	Until time.Time `json:"until,omitzero"` // where it is not: when the next report is heeded, or when Registrars are tried again anyway
}

// The values of a Watch.
const (
	BindingHeld, BindingGivenBack, BindingNone = "held", "given-back", "none"

	OverConnection, OverVisits = "connection", "visits"
)

// ByCertificate is the Scheme of a sign-in with the certificate of the device.
const ByCertificate = "tls-dsk"

// Identity is the certificate with which the device signs in, or why there is none. It holds no secret.
type Identity struct {
	Subject     string    `json:"subject,omitempty"`        // "CN=phone1@contoso.com"; "": there is none
	NotBefore   time.Time `json:"not_before,omitzero"`      // when it begins to be valid
	NotAfter    time.Time `json:"not_after,omitzero"`       // when it ends
	Fingerprint string    `json:"fingerprint,omitempty"`    // "sha256:…"
	EnrolledBy  string    `json:"enrolled_by,omitempty"`    // "ntlm", "password", "pin", "certificate", "import"
	EnrolledAt  time.Time `json:"enrolled_at,omitzero"`     // when it came
	Proven      bool      `json:"proven"`                   // a Registrar has accepted it
	Refused     bool      `json:"refused,omitempty"`        // Registrars have refused it
	NextAt      time.Time `json:"next_attempt_at,omitzero"` // when the next one is asked for
	Reason      Reason    `json:"reason,omitempty"`         // why there is none, or no new one
	Fault       string    `json:"fault,omitempty"`          // as in Status
	What        string    `json:"what,omitempty"`
	Detail      string    `json:"detail,omitempty"`
	Hint        string    `json:"hint,omitempty"`
}

// Because says why there is no certificate, or no new one.
func (i *Identity) Because(w *Why) {
	i.Reason, i.Fault, i.What, i.Detail, i.Hint = w.Reason, w.Fault, w.What, w.Detail, w.Hint
}

// Why is why there is no certificate, or no new one.
func (i *Identity) Why() *Why { return &Why{i.Reason, i.Fault, i.What, i.Detail, i.Hint, ""} }

// Ending is that of a certificate for sign-in.
func (i *Identity) Ending() Ending {
	return Ending{"this device, for sign-in", i.NotBefore, i.NotAfter}
}

// EndsSoon is that a certificate for sign-in ends, and no newer one has come; none: it does not end soon, there is none, or the next one is on its
// way.
func (i *Identity) EndsSoon(now time.Time) Trouble {
	e := i.Ending()
	if awaited := !i.NextAt.IsZero() && i.Reason == ""; awaited || !e.Soon(now) {
		return Trouble{}
	}
	return FaultOwnEndsSoon.Met(Facts{"ends": e.NotAfter, "left": e.Left(now)})
}

// Registrar is one as status and registrar.json show it.
type Registrar struct {
	Endpoint
	Address   netip.Addr   `json:"address,omitzero"` // the one in use
	Addresses []netip.Addr `json:"addresses,omitempty"`
	Step      *Step        `json:"step,omitempty"`
	Via       string       `json:"via,omitempty"`
	Role      string       `json:"role,omitempty"` // "primary", "backup"
}

// MediaRelay is an A/V Edge as the phone's media stack needs it.
type MediaRelay struct {
	Host       string       `json:"host"`
	Addresses  []netip.Addr `json:"addresses,omitempty"`
	UDPPort    uint16       `json:"udp_port,omitempty"`
	TCPPort    uint16       `json:"tcp_port,omitempty"`
	Location   string       `json:"location,omitempty"`    // "intranet", "internet"
	UDPAnswers *bool        `json:"udp_answers,omitempty"` // whether the relay answered a probe over UDP on any address; absent: not probed
	TCPAnswers *bool        `json:"tcp_answers,omitempty"` // likewise, over TCP
}

// Provisioning is what a Registrar told in band besides its home pool and media relays (MS-SIPREGE 2.2.2.5.1).
type Provisioning struct {
	Pool            string  `json:"pool,omitempty"`              // the home pool
	SIPSecurityMode string  `json:"sip_security_mode,omitempty"` // "None", "Medium", "High"
	UpdateURL       string  `json:"update_url,omitempty"`        // where phones ask for their firmware
	Update          *Update `json:"update,omitempty"`            // the same, as far as it may be used
}

// Update is where the updater of the phone may ask for firmware, as a Registrar told in band. Only https URLs of hosts under the
// SIP domain are in it.
type Update struct {
	Enabled     bool   `json:"enabled"`                // false: the site wants no updates, and there are no URLs
	URL         string `json:"url,omitempty"`          // the one of the two for where the device is now
	InternalURL string `json:"internal_url,omitempty"` // from inside
	ExternalURL string `json:"external_url,omitempty"` // from outside
}

// Pace is one thing that is slow, loses packets, is dead or else not as it should be, although the device gets along.
type Pace struct {
	Reason Reason `json:"reason"`
	Fault  string `json:"fault,omitempty"` // as in Status
	What   string `json:"what,omitempty"`
	Hint   string `json:"hint,omitempty"`
	area   string // of the fault
	server string // which it is about, if it is about one
}

// Paced puts what was found of an area ("dns", "dhcp", "connect") in the place of what was found of it before, and returns what
// is new.
func (s *Status) Paced(area string, found []Trouble) (fresh []Trouble) {
	known := s.Pace
	s.Pace = nil
	for i := range known {
		if known[i].area != area {
			s.Pace = append(s.Pace, known[i])
		}
	}
	for _, t := range found {
		w, server, told := WhyOf(t.Reason(), "", t), t.fact("server"), false
		s.Pace = append(s.Pace, Pace{w.Reason, w.Fault, t.What(), w.Hint, area, server})
		for i := range known {
			told = told || known[i].Fault == w.Fault && known[i].area == area && known[i].server == server
		}
		if !told {
			fresh = append(fresh, t)
		}
	}
	return fresh
}

// farConnect is our choice: a name server that takes longer takes so by itself, where connecting is not slow.
const farConnect = 1000 // ms

// Late says of a name server that takes long, and that has left questions of this cycle unanswered, that it is slow and not silent, and what to do
// about it: first where it is, unless connecting is slow, too.
func (s *Status) Late(slow Trouble, was Facts) Trouble {
	if ms, _ := slow.Facts["ms"].(int64); ms >= farConnect && !slices.ContainsFunc(s.Pace, func(p Pace) bool { return p.area == "connect" }) {
		slow = slow.With(Facts{"way": nil, "look": true})
	}
	slow = slow.With(was)
	told := WhyOf(DNSTimeout, "", slow)
	late := func(t Trouble, w *Why) *Why {
		servers, _ := t.Facts["servers"].([]string)
		if t.Reason() != DNSTimeout || len(servers) != 1 || servers[0] != slow.fact("server") {
			return w
		}
		if s.Degraded && s.Reason == DNSTimeout {
			s.Because(told)
		}
		return told
	}
	for i := range s.Cycle.Attempts {
		a := &s.Cycle.Attempts[i]
		w := late(a.Trouble, a.Why())
		a.Fault, a.What, a.Hint = w.Fault, w.What, w.Hint
	}
	for i := range s.Cycle.Sources {
		o := &s.Cycle.Sources[i]
		w := late(o.Trouble, o.Why())
		o.Fault, o.What, o.Hint = w.Fault, w.What, w.Hint
	}
	return slow
}

// mayBeLate are the faults of which no more is known than that nothing came.
var mayBeLate = []Fault{FaultNothingBehind, FaultSilentBehind, FaultFiltered, FaultHostDrops, FaultPortFiltered, FaultAnsweredBefore, FaultDNSSilent, FaultDNSSilentFor}

// LateAnswers is that answers were late when some came, of one for which nothing comes now: it may be late, too. None: it is known why nothing comes, or
// none were.
func LateAnswers(found []Pace, t Trouble) Trouble {
	i := slices.IndexFunc(found, func(p Pace) bool { return p.Fault == string(FaultAnswersLate) })
	if i < 0 || !slices.Contains(mayBeLate, t.Fault) {
		return Trouble{}
	}
	return FaultAnswersLate.Because(t, t.Facts).InWords(found[i].What, found[i].Hint)
}

// AskOnly leaves out what was found of name servers that are not asked.
func (s *Status) AskOnly(servers []netip.AddrPort) {
	known := s.Pace
	s.Pace = nil
	for i := range known {
		if p := &known[i]; p.server == "" || slices.Contains(Texts(servers), p.server) {
			s.Pace = append(s.Pace, *p)
		}
	}
}

// KeepPace leaves what was found of these areas.
func (s *Status) KeepPace(areas ...string) {
	known := s.Pace
	s.Pace = nil
	for i := range known {
		if slices.Contains(areas, known[i].area) {
			s.Pace = append(s.Pace, known[i])
		}
	}
}

// Lost shows the losses lately, and where the registration has held for so long since then that they seem to be over.
func (s *Status) Lost(lately []Losses, now time.Time) {
	s.Losses = lately
	for i := range lately {
		if l := &lately[i]; s.State == Registered && s.Registrar != nil && s.Registrar.Endpoint == l.Endpoint && now.Sub(s.RegisteredAt) > max(l.apart, leastStable) {
			l.StableSince = s.RegisteredAt
		}
	}
}

// EndSoon are the certificates that do.
func (s *Status) EndSoon(now time.Time) (found []Trouble) {
	for _, e := range s.ServerCertificates {
		found = append(found, e.Trouble(now))
	}
	if s.Certificate != nil {
		found = append(found, s.Certificate.EndsSoon(now))
	}
	return slices.DeleteFunc(found, Trouble.None)
}

// Why is what is slow, lossy or dead, in words.
func (p *Pace) Why() *Why { return &Why{Reason: p.Reason, Fault: p.Fault, What: p.What, Hint: p.Hint} }

// Cycle is one walk through a plan.
type Cycle struct {
	StartedAt time.Time `json:"started_at"`
	TookMS    int64     `json:"took_ms"`
	Sources   []Source  `json:"sources,omitempty"`
	Attempts  []Attempt `json:"attempts"`
	Lost      []Losses  `json:"-"` // the registrations that were lost just before it began
}

// Attempt is one address tried, or one Candidate skipped.
type Attempt struct {
	At        time.Time  `json:"at,omitzero"` // when it ended
	Step      Step       `json:"step"`
	Host      string     `json:"host,omitempty"`
	Address   netip.Addr `json:"address,omitzero"`
	Port      uint16     `json:"port,omitempty"`
	Transport Transport  `json:"transport"`
	Result    string     `json:"result"` // "ok", "redirected", "failed", "skipped"
	Reason    Reason     `json:"reason,omitempty"`
	Fault     string     `json:"fault,omitempty"` // as in Status
	What      string     `json:"what,omitempty"`
	Detail    string     `json:"detail,omitempty"`
	Hint      string     `json:"hint,omitempty"`
	Side      Side       `json:"side,omitempty"`    // as in Status
	Follows   bool       `json:"follows,omitempty"` // from that for which the device rests
	// Earlier says that what was met later in the cycle counts: the place was tried again; or the registration there had just been lost, and this
	// connection was dropped as well, as a server does that ends, and others were tried since.
	Earlier bool `json:"earlier,omitempty"`
	// AnsweredAt is when the place took a connection in a look since, where none had come about.
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	// Seen are the certificates of a server that is not trusted, its own first: for homeward trust accept.
	Seen    SeenCertificates `json:"seen,omitempty"`
	Trouble Trouble          `json:"-"` // what Fault, What and Hint are made from
	TookMS  int64            `json:"took_ms,omitempty"`
	rank    int              // as in Event
	ending  bool             // it was dropped as by a server that ends
}

// Endpoint is the place that was tried or skipped.
func (a *Attempt) Endpoint() Endpoint { return Endpoint{a.Host, a.Port, a.Transport} }

// StoreState says what is not as it should be with the store, with the link, or with metrics.
type StoreState struct {
	Reason Reason `json:"reason"`
	Fault  string `json:"fault,omitempty"`
	What   string `json:"what,omitempty"`
	Detail string `json:"detail"`
	Hint   string `json:"hint,omitempty"`
}

// Why is the state in words.
func (s *StoreState) Why() *Why { return &Why{s.Reason, s.Fault, s.What, s.Detail, s.Hint, ""} }

// Note adds an attempt or a skip to the cycle, and what the cycle knows to the event; other events tell nothing of it. Nil: no cycle has begun.
func (c *Cycle) Note(e *Event) {
	results := map[EventKind]string{Attempted: "failed", Redirected: "redirected", Skipped: "skipped"}
	result, tells := results[e.Kind]
	if c == nil || !tells {
		return
	}
	if e.Kind == Attempted && e.Reason == "" {
		result = "ok"
	}
	if c.hears() {
		e.Trouble = AmongHeard(e.Trouble)
	}
	w := e.Why()
	c.Attempts = append(c.Attempts, Attempt{
		At: e.At.UTC().Truncate(time.Millisecond), ending: result == "failed" && droppedAsItEnds(c.Lost, e.Endpoint, e.Reason, e.At), Step: e.Step, Host: e.Host, Address: e.Addr, Port: e.Port, Transport: e.Transport, Result: result,
		Reason: w.Reason, Fault: w.Fault, What: w.What, Detail: w.Detail, Hint: w.Hint, Side: w.Side, Trouble: e.Trouble, Seen: e.Trouble.seen(), TookMS: Milliseconds(e.Took), rank: e.Rank,
	})
	c.TookMS = e.At.Sub(c.StartedAt).Milliseconds()
	for i := range c.Sources { // some were asked before it began
		c.TookMS = max(c.TookMS, c.Sources[i].TookMS)
	}
	c.outdate()
}

// outdate marks what was met before the last attempt and does not count any more.
func (c *Cycle) outdate() {
	last := &c.Attempts[len(c.Attempts)-1]
	if last.Result == "skipped" {
		return
	}
	for i := range c.Attempts[:len(c.Attempts)-1] {
		a := &c.Attempts[i]
		again := a.Endpoint() == last.Endpoint() && a.Address == last.Address
		a.Earlier = a.Earlier || a.Result == "failed" && (again || a.ending && !last.ending)
	}
}

// Source adds what a source said to the cycle, in the place of what it said before. That DHCP servers disagree is told with what
// the first of them has said, unless that has a fault of its own.
func (c *Cycle) Source(said Source) {
	if c == nil {
		return
	}
	conflict, other := (*Source)(nil), (*Source)(nil)
	for i := range c.Sources {
		switch s := &c.Sources[i]; {
		case s.Step != said.Step:
		case s.Reason == DHCPConflict && conflict == nil:
			conflict = s
		case s.Reason != DHCPConflict && other == nil:
			other = s
		}
	}
	switch {
	case said.Reason == DHCPConflict && other != nil && other.Reason == "":
		other.explain(&said)
		return
	case said.Reason == DHCPConflict && conflict != nil:
		conflict.explain(&said)
		return
	case said.Reason == "" && conflict != nil:
		said.explain(conflict)
		c.drop(said.Step, true)
	case said.Reason != DHCPConflict:
		c.drop(said.Step, false)
	}
	c.Sources = append(c.Sources, said)
}

// drop leaves out what was said of a step, with that DHCP servers disagree or without.
func (c *Cycle) drop(step Step, conflict bool) {
	kept := 0
	for i := range c.Sources {
		if s := &c.Sources[i]; s.Step != step || s.Reason == DHCPConflict && !conflict {
			c.Sources[kept] = *s
			kept++
		}
	}
	c.Sources = c.Sources[:kept]
}

// explain gives the source the words of another.
func (s *Source) explain(why *Source) {
	s.Reason, s.Fault, s.What, s.Detail, s.Hint, s.Trouble = why.Reason, why.Fault, why.What, why.Detail, why.Hint, why.Trouble
}

// Registered says whether this cycle ended with a registration.
func (c *Cycle) Registered() bool {
	return slices.ContainsFunc(c.Attempts, func(a Attempt) bool { return a.Result == "ok" })
}

// WithoutDHCP says whether nobody asks DHCP in this cycle: that is switched off, or a server is configured.
func (c *Cycle) WithoutDHCP() bool {
	return c != nil && slices.ContainsFunc(c.Attempts, func(a Attempt) bool { return a.Reason == DHCPOff || a.Step == Manual })
}

// Heard says whether DNS has answered it.
func (s *Source) Heard() bool { return s.Source == "dns" && s.Reason != DNSTimeout }

// Trip is how long a round trip took, at most, to the name server that has led somewhere; 0: unknown.
func (s *Source) Trip() time.Duration {
	if s.Source != "dns" || s.Verdict != Found {
		return 0
	}
	return time.Duration(s.TookMS) * time.Millisecond / 2 // the record, and the addresses
}

// hears says whether any question to DNS was answered.
func (c *Cycle) hears() bool {
	return slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Heard() })
}

// dnsAlways says whether all questions to DNS have met one fault.
func (c *Cycle) dnsAlways(met Fault) bool {
	return !slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Source == "dns" && s.Trouble.Fault != met })
}

// Milliseconds is how long something took, as JSON and people have it: what took any time took a millisecond.
func Milliseconds(d time.Duration) int64 { return int64((d + time.Millisecond - 1) / time.Millisecond) }

// Because says why the device is where it stands.
func (s *Status) Because(w *Why) {
	s.Reason, s.Fault, s.What, s.Detail, s.Hint, s.Side = w.Reason, w.Fault, w.What, w.Detail, w.Hint, w.Side
}

// Why is why the device is where it stands.
func (s *Status) Why() *Why { return &Why{s.Reason, s.Fault, s.What, s.Detail, s.Hint, s.Side} }

// Why is why it failed, or was skipped.
func (a *Attempt) Why() *Why { return &Why{a.Reason, a.Fault, a.What, a.Detail, a.Hint, a.Side} }

// Told is the source with its texts made.
func (s Source) Told() Source {
	w := WhyOf(s.Reason, "", s.Trouble)
	s.Fault, s.What, s.Hint = w.Fault, w.What, w.Hint
	return s
}

// Why is why the source gave nothing.
func (s *Source) Why() *Why { return &Why{s.Reason, s.Fault, s.What, s.Detail, s.Hint, ""} }

// blamed is why an attempt failed; where DHCP servers disagree about what it went to, that too.
func (c *Cycle) blamed(a *Attempt) (*Why, Trouble) {
	i := slices.IndexFunc(c.Sources, func(s Source) bool { return s.Step == DHCPTLS && s.Reason == DHCPConflict })
	if i < 0 || a.Result != "failed" || a.Step != DHCPTLS && a.Step != DHCPTCP {
		return a.Why(), a.Trouble
	}
	t := FaultDHCPDisagreeDead.Because(a.Trouble, c.Sources[i].Trouble.Facts)
	return WhyOf(t.Reason(), a.Detail, t), t
}

// waits says whether a Registrar was not tried since it had dropped the device or not served it lately, or has asked to be left alone.
func (a *Attempt) waits() bool {
	return a.Result == "skipped" && (a.Address.IsValid() || a.Reason == RetryAfter)
}

// Blame returns what this cycle failed for: where it stopped, if it did; else the first Registrar that answered, and
// refused; else the first that failed, which is the one the site means to be used; else the first that was ruled
// out, or only had no turn yet since it had failed before; else the first source that gave nothing of use. What does not count any more is passed over.
func (c *Cycle) Blame(stopped bool) (*Why, Trouble) {
	for _, counts := range []func(*Attempt) bool{
		func(a *Attempt) bool { return a.Result == "failed" && a.Reason.IsSIP() && !a.Earlier },
		func(a *Attempt) bool { return a.Result == "failed" && !a.Earlier },
		func(a *Attempt) bool { return a.Result == "skipped" && a.Host != "" && !a.waits() },
		func(a *Attempt) bool { return a.Result == "skipped" && a.Host != "" },
	} {
		for i := range c.Attempts {
			attempt := &c.Attempts[i]
			last := i == len(c.Attempts)-1
			if counts(attempt) && (last || !stopped) {
				if t := attempt.Trouble; t.Fault == FaultDNSSilentFor && c.dnsAlways(t.Fault) && !c.hears() { // no question at all was answered, of whatever name
					t = FaultDNSSilent.Met(t.Facts)
					return WhyOf(t.Reason(), attempt.Detail, t), t
				}
				return c.blamed(attempt)
			}
		}
	}
	return c.blameSources()
}

// blameSources is why the sources have led nowhere.
func (c *Cycle) blameSources() (*Why, Trouble) {
	for _, verdict := range []Verdict{Found, Failed, Absent} { // what is there and of no use says more than what is not there
		for i := range c.Sources {
			source := &c.Sources[i]
			if source.Verdict != verdict || verdict == Found && source.Reason != ServiceNotOffered && source.Reason != DNSMalformed {
				continue
			}
			if i := slices.IndexFunc(c.Sources, func(s Source) bool { return s.Trouble.Fault == FaultDNSClosed }); i >= 0 && source.Trouble.Fault == FaultDNSSilentFor && !c.hears() {
				source = &c.Sources[i] // one refusal outweighs silence: a system refuses only so many a second aloud
			}
			if t := source.Trouble; (t.Fault == FaultDNSSilentFor || t.Fault == FaultDNSWaits) && c.dnsAlways(t.Fault) {
				if t.Fault == FaultDNSWaits {
					t = OfZone(t)
				} else {
					t = FaultDNSSilent.Met(t.Facts)
				}
				return WhyOf(t.Reason(), source.Detail, t), t
			}
			return source.Why(), source.Trouble
		}
	}
	return &Why{}, Trouble{}
}
