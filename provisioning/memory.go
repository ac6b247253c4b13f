package provisioning

import (
	"net/netip"
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
	for _, r := range RegistrarsOf(record) {
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

// Worked says until when, or else when, this device was registered at an address of a place, as last good and the losses of its daemon have
// it; "": it is not known to have been.
func (m *Memory) Worked(losses []Losses, at Endpoint, addr netip.Addr) string {
	since, ours := m.kept.RegisteredAt, m.known && m.kept.SIPAddress == m.policy.SIPAddress.String()
	if r := &m.kept.Registrar; !ours || r.Address != addr || r.Host != at.Host || r.Port != at.Port || r.Transport != at.Transport.String() || since.IsZero() {
		return ""
	}
	layout := "at 2006-01-02 15:04 UTC"
	for i := range losses {
		if l := &losses[i]; l.Endpoint == at && !l.LastAt.Before(since) {
			since, layout = l.LastAt, "until 2006-01-02 15:04:05 UTC"
		}
	}
	return since.UTC().Format(layout)
}
