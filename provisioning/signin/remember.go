package signin

import (
	"net/netip"
	"slices"
	"time"

	"github.com/homeward-agent/homeward/cache"
	"github.com/homeward-agent/homeward/provisioning"
)

// Record maps a registration to what is kept of it, and shown. What it did not learn (the home pair, the relays) is carried
// over from last good.
func (s *Signer) Record(reg *Registration, m provisioning.Memory) cache.Record {
	previous, same := m.Record()
	c := reg.Candidate
	record := cache.Record{
		SIPAddress: s.policy.SIPAddress,
		Registrar:  remember(c, reg.Addr),
		// Verified TLS sets the floor; nothing that comes over the network lowers it.
		TLSFloor:     c.Transport == provisioning.TLS || m.Floor(),
		RegisteredAt: time.Now().UTC(),
		EndpointID:   s.EndpointID,
	}
	if date := reg.Binding.Date; !date.IsZero() && date.Before(record.RegisteredAt) {
		record.RegisteredAt = date // certificates are judged by it: a clock that is ahead must not close TLS later
	}
	if same {
		record.Home, record.MediaRelays = slices.Clone(previous.Home), previous.MediaRelays
		// A registration elsewhere says that the pair is not the way any more; it stays for outages.
		record.Told = previous.Told && slices.ContainsFunc(record.Home, isAt(c.Host, c.Port))
	}
	if len(reg.Home) > 0 {
		record.Home, record.Told = nil, true
		for i, h := range reg.Home {
			e := remember(h, netip.Addr{})
			e.Role = Roles[i]
			record.Home = append(record.Home, e)
		}
	}
	reg.Lesson.home(&record, len(reg.Home) > 0)
	reg.Lesson.keepRelays(&record)
	for i, h := range record.Home {
		if h.Host == c.Host && h.Port == c.Port {
			record.Home[i].Addresses = record.Registrar.Addresses
			record.Registrar.Role = h.Role
		}
	}
	record.Vouched = s.policy.VouchedFor(record, s.vouched)
	return record
}

// isAt looks for the Registrar of a place, whatever the transport.
func isAt(host string, port uint16) func(cache.Endpoint) bool {
	return func(e cache.Endpoint) bool { return e.Host == host && e.Port == port }
}

// Roles of the Contacts of a redirect by falling q (Lync: 0.7 and 0.3).
var Roles = [...]string{"primary", "backup"}

func remember(c provisioning.Candidate, used netip.Addr) cache.Endpoint {
	return cache.Endpoint{
		Host: c.Host, Port: c.Port, Transport: c.Transport.String(), Step: c.Step.String(), Via: c.Via,
		// Sorted, because name servers rotate addresses, and that alone is nothing to write down.
		Address: used, Addresses: slices.SortedFunc(slices.Values(c.Addrs), netip.Addr.Compare),
	}
}

// EndpointOf is the Registrar in use as status shows it.
func EndpointOf(reg *Registration, home []provisioning.Endpoint) *provisioning.Endpoint {
	c := reg.Candidate
	e := &provisioning.Endpoint{
		Host: c.Host, Port: c.Port, Transport: c.Transport, Address: reg.Addr, Addresses: c.Addrs, Step: &c.Step, Via: c.Via,
	}
	for _, h := range home {
		if h.Host == c.Host && h.Port == c.Port {
			e.Role = h.Role
		}
	}
	if e.Role == "" && reg.Binding.OnBackup {
		e.Role = Roles[1]
	}
	return e
}
