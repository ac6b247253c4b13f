package provisioning

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/homeward-agent/homeward/cache"
)

// RecallPlan is the Registrars this user was told to use: primary and backup of the home pool, then the pool told in
// band if it is another. fresh holds the addresses DNS gives now, by host; nil: the remembered ones are used.
func RecallPlan(record cache.Record, policy Policy, fresh map[string]Name) Plan {
	var plan Plan
	if !record.Told || len(policy.Manual) > 0 {
		return plan
	}
	for _, e := range record.Home {
		name := Name{Addrs: e.Addresses}
		if fresh != nil {
			name = fresh[e.Host]
		}
		plan.addRemembered(e, Recall, name, policy, record.TLSFloor)
	}
	return plan
}

// OutagePlan is last good: the Registrar of the last registration, then the rest of its home pair, by name.
// Addresses DNS still gives come first, then the remembered ones, the one last used first.
func OutagePlan(record cache.Record, policy Policy, fresh map[string]Name) Plan {
	var plan Plan
	for i, e := range append([]cache.Endpoint{record.Registrar}, record.Home...) {
		if i > 0 && e.Host == record.Registrar.Host && e.Port == record.Registrar.Port {
			continue
		}
		name := fresh[e.Host]
		name.Addrs = slices.Clone(name.Addrs)
		for _, addr := range append([]netip.Addr{e.Address}, e.Addresses...) {
			if addr.IsValid() && !slices.Contains(name.Addrs, addr) {
				name.Addrs = append(name.Addrs, addr)
			}
		}
		plan.addRemembered(e, LastGood, name, policy, record.TLSFloor)
	}
	return plan
}

// addRemembered adds a remembered Registrar. The record is a file that can be edited: what the policy of today
// forbids is not used. A name that DNS or DHCP gave must still obey the name rule; one that a trusted
// Registrar or the configuration gave need not.
func (plan *Plan) addRemembered(e cache.Endpoint, step Step, name Name, policy Policy, floor bool) {
	c := recalled(e, step, name.Addrs)
	var origin Step
	learnt := origin.UnmarshalText([]byte(e.Step)) == nil && origin <= ExternalTCP || origin == HostName
	reason, detail := policy.closed(c.Transport, floor), ""
	if reason == "" && learnt {
		reason, detail = policy.nameReason(origin, e.Host, c.Transport)
	}
	if reason == "" && len(name.Addrs) == 0 {
		reason, detail = cmp.Or(name.Reason, NoAddress), name.Detail
	}
	if reason != "" {
		plan.Skipped = append(plan.Skipped, Skip{step, c.Host, c.Port, c.Transport, reason, detail})
		return
	}
	plan.Try = append(plan.Try, c)
}

// addressesNow returns what DNS says in this cycle about the names of a record, by host. It waits for the verdict.
func (g *gathering) addressesNow(record cache.Record) map[string]Name {
	fresh := map[string]Name{}
	if g == nil {
		return fresh
	}
	for _, e := range append([]cache.Endpoint{record.Registrar}, record.Home...) {
		addrs, err := g.lookup(e.Host)
		name := Name{Host: e.Host, Addrs: addrs}
		if err != nil {
			name.Reason, name.Detail = addressReason(err)
		}
		fresh[e.Host] = name
	}
	return fresh
}

// commit keeps what this registration has proven: one transaction that drops whatever it does not confirm. A
// degraded registration proves nothing new, and erases nothing.
func (a *Agent) commit(reg *registration) {
	if reg.Degraded {
		return
	}
	changed, err := a.store.Commit(a.newRecord(reg))
	switch {
	case err != nil:
		reason := CacheWrite
		if note := (cache.Note{}); errors.As(err, &note) {
			reason = Reason(note.Code)
		}
		a.tell(Event{Kind: StoreNote, Reason: reason, Detail: err.Error()})
	case changed:
		a.tell(reg.event(Committed, "", ""))
	}
}

// newRecord maps a registration to what is kept of it. What it did not learn (the home pair, the relays) is
// carried over from the record of the same SIP address.
func (a *Agent) newRecord(reg *registration) cache.Record {
	previous, same := a.record()
	c := reg.Candidate
	record := cache.Record{
		SIPAddress: a.policy.SIPAddress,
		Registrar:  remember(c, reg.Addr),
		// Verified TLS sets the floor; nothing that comes over the network lowers it.
		TLSFloor:     c.Transport == TLS || a.floor(),
		RegisteredAt: time.Now().UTC(),
		EndpointID:   a.endpointID,
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
			e.Role = roles[i]
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
	return record
}

// isAt looks for the Registrar of a place, whatever the transport.
func isAt(host string, port uint16) func(cache.Endpoint) bool {
	return func(e cache.Endpoint) bool { return e.Host == host && e.Port == port }
}

// roles of the Contacts of a redirect by falling q (Lync: 0.7 and 0.3).
var roles = [...]string{"primary", "backup"}

func remember(c Candidate, used netip.Addr) cache.Endpoint {
	return cache.Endpoint{
		Host: c.Host, Port: c.Port, Transport: c.Transport.String(), Step: c.Step.String(), Via: c.Via,
		// Sorted, because name servers rotate addresses, and that alone is nothing to write down.
		Address: used, Addresses: slices.SortedFunc(slices.Values(c.Addrs), netip.Addr.Compare),
	}
}

// recalled is the way back from what remember made.
func recalled(e cache.Endpoint, step Step, addrs []netip.Addr) Candidate {
	c := Candidate{Step: step, Host: e.Host, Port: e.Port, Addrs: addrs, Via: "last good"}
	if step == Recall {
		c.Via = "told by a Registrar"
	}
	if e.Transport == TCP.String() {
		c.Transport = TCP
	}
	return c
}

// homeOf returns the home pair of a record as status shows it.
func homeOf(record cache.Record) []Endpoint {
	var home []Endpoint
	for _, e := range record.Home {
		c := recalled(e, Recall, e.Addresses)
		home = append(home, Endpoint{Host: c.Host, Port: c.Port, Transport: c.Transport, Role: e.Role, Addresses: c.Addrs})
	}
	return home
}

// endpointOf is the Registrar in use as status shows it.
func endpointOf(reg *registration, home []Endpoint) *Endpoint {
	c := reg.Candidate
	e := &Endpoint{
		Host: c.Host, Port: c.Port, Transport: c.Transport, Address: reg.Addr, Addresses: c.Addrs, Step: &c.Step, Via: c.Via,
	}
	for _, h := range home {
		if h.Host == c.Host && h.Port == c.Port {
			e.Role = h.Role
		}
	}
	if e.Role == "" && reg.Binding.OnBackup {
		e.Role = roles[1]
	}
	return e
}
