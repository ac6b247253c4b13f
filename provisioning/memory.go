package provisioning

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"homeward/cache"
	"homeward/internal/place"
)

// Memory is last good under the policy of today.
type Memory struct {
	policy Policy
	kept   cache.Record // of whatever SIP address
	known  bool         // there is one
}

// Memory returns what a store holds now, under this policy.
func (p *Policy) Memory(store *cache.DB) *Memory {
	record, ok := store.Load()
	return &Memory{*p, record, ok}
}

// Record returns last good, if it belongs to this SIP address.
func (m *Memory) Record() (cache.Record, bool) {
	return m.kept, m.known && m.kept.SIPAddress == m.policy.SIPAddress.String()
}

// Floor says whether this SIP domain has registered over TLS before, under whatever address. A floor of who knows which
// SIP domain counts.
func (m *Memory) Floor() bool {
	of, err := place.ParseSIPAddress(m.kept.SIPAddress)
	return m.known && m.kept.TLSFloor && (err != nil || of.Domain == m.policy.SIPAddress.Domain)
}

// ClockFloor is the latest moment that is known to have passed: the build of this program, or the last registration.
func (m *Memory) ClockFloor() time.Time {
	if m.known && m.kept.RegisteredAt.After(m.policy.Built) {
		return m.kept.RegisteredAt
	}
	return m.policy.Built
}

// Addresses returns those that last good holds for a host.
func (m *Memory) Addresses(host string) []netip.Addr {
	record, ok := m.Record()
	if !ok {
		return nil
	}
	for _, r := range RegistrarsOf(&record) {
		if r.Host == host {
			return r.Addresses
		}
	}
	for _, r := range record.MediaRelays {
		if r.Host == host {
			return r.Addresses
		}
	}
	return nil
}

// Earlier says where the name of a Candidate led when this device last registered, if it leads elsewhere now; nil: it leads there still, or
// that is not known. Only what is of one version of IP is compared, unless DNS has said that there is none of the other one: the look-ups
// may have been left out, or not been answered.
func (m *Memory) Earlier(c *Candidate) Facts {
	if k := &m.kept; k.SIPAddress == m.policy.SIPAddress.String() && !IsAddress(c.Host) {
		if k.Registrar.Host == c.Host {
			return c.ledTo([]netip.Addr{k.Registrar.Address}, "when", k.RegisteredAt)
		}
		for i := range k.Home {
			if h := &k.Home[i]; h.Host == c.Host {
				return c.ledTo(h.Addresses, "when", k.RegisteredAt)
			}
		}
		for i := range k.Flushed { // the newest first
			if f := &k.Flushed[i]; f.Host == c.Host && f.Kind != cache.FlushedRelay {
				return c.ledTo(f.Addresses, "elsewhere", f.At)
			}
		}
	}
	return nil
}

// ledTo are the facts of a name that led to these addresses, if it leads to none of them now, or none of their version of IP.
func (c *Candidate) ledTo(addrs []netip.Addr, moment string, at time.Time) Facts {
	leads := slices.ContainsFunc(c.Addrs, func(now netip.Addr) bool { return slices.Contains(addrs, now) }) // to one of them still
	var was []netip.Addr
	for _, addr := range addrs {
		gone := !slices.ContainsFunc(c.Addrs, func(now netip.Addr) bool { return now.BitLen() == addr.BitLen() }) // none of its version of IP
		if gone && c.OneVersion || !gone && !leads {
			was = append(was, addr)
		}
	}
	if was == nil || at.IsZero() {
		return nil
	}
	facts := Facts{"host": c.Host, "was": was, moment: at, "now": c.Addrs, "ask": true}
	if len(c.Addrs) > 1 {
		facts["more"] = true
	}
	facts.Count(was)
	return facts
}

// leads says whether a source for devices inside the site leads to an address.
func (f *Finding) leads() bool {
	return f.Step.IsInside() && f.Verdict == Found && slices.ContainsFunc(f.Names, func(n Name) bool { return len(n.Addrs) > 0 })
}

// Known says of a name that DNS lacks who names it besides, and where it has led: then it is hardly misspelt.
func (m *Memory) Known(found Findings, host string, t Trouble) Trouble {
	source, _ := t.Facts["source"].(string)
	name, isAlias := t.Facts["alias"].(string)
	if !isAlias {
		name = host
	}
	if t.Fault != FaultDanglingAlias && (t.Fault != FaultNoAddress || t.Facts["meant"] != nil) {
		return t
	}
	if t.Fault == FaultNoAddress && !m.ours() && !slices.ContainsFunc(found, func(f Finding) bool { return f.Source.Source == "dns" && f.Verdict == Found }) {
		t = t.With(Facts{"stranger": t.Facts["servers"]}) // nothing shows that it knows the SIP domain
	}
	was := m.Earlier(&Candidate{Endpoint: Endpoint{Host: name}, OneVersion: true})
	var others []string
	for i := range found {
		by, _ := m.policy.Named(&found[i].Source, host)
		if by != source && found[i].Step != HostName && slices.ContainsFunc(found[i].Names, func(n Name) bool { return n.Host == name || n.Trouble.Facts["alias"] == name }) {
			others = with(others, by)
		}
	}
	for i := range found { // where DNS leads to a Registrar, DHCP may name the one of before
		if f := &found[i]; source == dhcpNames && others == nil && !isAlias && m.policy.Asks(f.Step) && f.Step.BySRV() && f.leads() {
			useful := f.Names[slices.IndexFunc(f.Names, func(n Name) bool { return len(n.Addrs) > 0 })].Host
			t = t.With(Facts{"useful": useful, "leads": "the SRV record " + f.Query}).On(SideDHCP)
			break
		}
	}
	switch {
	case others != nil: // it is DNS that lacks it
		t = t.With(Facts{"others": strings.Join(others, " and "), "misspelt": strings.Join(append([]string{source}, others...), " and in ")}).On(SideDNS)
	case was != nil:
	case isAlias:
		return t.With(Facts{"then": m.Earlier(&Candidate{Endpoint: Endpoint{Host: host}, OneVersion: true})["was"]})
	default:
		return t
	}
	facts := Facts{"known": name, "create": nil, "record": "A", "was": was["was"], "when": was["when"], "elsewhere": was["elsewhere"]}
	if addrs, _ := was["was"].([]netip.Addr); addrs != nil && !addrs[0].Is4() {
		facts["record"] = "AAAA"
	}
	return t.With(facts)
}

// Vouched are the hosts outside the name rule that proven Registrars have named before the last restart, under the rule of
// today. (What the record says of them is what this device has sealed: see package cache.)
func (m *Memory) Vouched() map[string]bool {
	vouched := map[string]bool{}
	if record, ok := m.Record(); ok && record.Vouched.Under == m.policy.Naming.String() {
		for _, host := range record.Vouched.Hosts {
			vouched[host] = true
		}
	}
	return vouched
}

// Worked is how this device was registered before it met an address of a place, as last good and the losses of its daemon have it. now is by its clock.
func (m *Memory) Worked(losses []Losses, at Endpoint, addr netip.Addr, now time.Time) Past {
	r := &m.kept.Registrar
	if !m.ours() || m.kept.RegisteredAt.IsZero() {
		return Past{}
	}
	past := Past{Moment: m.last(losses), Scheme: m.kept.Scheme, File: cmp.Or(m.policy.PasswordFile, "the password file")}
	m.compare(&past, losses, now)
	m.logins(&past)
	if past.Issuer = m.kept.Issuer; r.Address != addr || r.Host != at.Host || r.Port != at.Port || r.Transport != at.Transport.String() {
		past.Elsewhere, past.Issuer = r.Host, ""
		if r.Address == addr && r.Host == at.Host && r.Transport == at.Transport.String() {
			past.Port, past.Step = r.Port, r.Step
			if n := m.kept.Network; n != nil && len(m.kept.Home) == 0 { // nobody has named it but that
				past.Step = n.Step
			}
		}
	}
	return past
}

// compare notes whether the file of the password was written since it signed in. One that is older than it was, or of the future, tells
// nothing: some clock was wrong, or it comes from elsewhere. Neither does one with which the device may have been registered since: an
// outage leaves the record as it is.
func (m *Memory) compare(past *Past, losses []Losses, now time.Time) {
	then, is := m.kept.PasswordChanged, m.policy.PasswordChanged
	since := slices.ContainsFunc(losses, func(l Losses) bool { return l.LastAt.Truncate(time.Second).After(is) })
	switch {
	case then.IsZero() || is.IsZero():
	case then.Equal(is):
		past.SameTime = true
	case is.After(then) && !is.After(now) && !since:
		past.Written = is
	}
}

// logins notes whether the login name is that with which the password signed in. What was sent then is compared with what may be sent now.
func (m *Memory) logins(past *Past) {
	then, is := m.kept.User, m.policy.User
	switch {
	case !past.byPassword():
	case then == "":
		past.Nameless = true
	case then == is, m.kept.Scheme == "ntlm" && strings.EqualFold(strings.ReplaceAll(then, "/", `\`), strings.ReplaceAll(is, "/", `\`)):
	case (is == "" || is == m.policy.SIPAddress.Bare()) && (then == m.policy.SIPAddress.Bare() || then == m.policy.SIPAddress.User):
	default:
		past.User = then
	}
}

// ours says whether last good belongs to this SIP address.
func (m *Memory) ours() bool { return m.known && m.kept.SIPAddress == m.policy.SIPAddress.String() }

// last is until when, or else when, this device was registered at its last good Registrar.
func (m *Memory) last(losses []Losses) Moment {
	last, r := Moment{At: m.kept.RegisteredAt}, &m.kept.Registrar
	for i := range losses {
		if l := &losses[i]; l.Host == r.Host && l.Port == r.Port && !l.LastAt.Before(last.At) {
			last = Moment{l.LastAt, true}
		}
	}
	return last
}
