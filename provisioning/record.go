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
// band if it is another. fresh holds the addresses DNS gives now, by host; nil: the remembered ones are used. vouched are
// hosts that a proven Registrar has named in this run of the agent.
func RecallPlan(record cache.Record, policy Policy, fresh map[string]Name, vouched map[string]bool) Plan {
	var plan Plan
	if !record.Told || len(policy.Manual) > 0 {
		return plan
	}
	for _, e := range record.Home {
		name := Name{Addrs: e.Addresses}
		if fresh != nil {
			name = fresh[e.Host]
		}
		c := recalled(e, Recall, name.Addrs)
		reason, detail := policy.rememberedReason(c, record.TLSFloor, vouched)
		plan.addRemembered(c, name, reason, detail)
	}
	return plan
}

// OutagePlan is last good: the Registrar of the last registration, then the rest of its home pair, by name.
// Addresses DNS still gives come first, then the remembered ones, the one last used first. vouched as in RecallPlan.
func OutagePlan(record cache.Record, policy Policy, fresh map[string]Name, vouched map[string]bool) Plan {
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
		c := recalled(e, LastGood, name.Addrs)
		reason, detail := policy.rememberedReason(c, record.TLSFloor, vouched)
		plan.addRemembered(c, name, reason, detail)
	}
	return plan
}

// addRemembered adds a remembered Registrar, or says why not: for the reason given, or since it has no address.
func (plan *Plan) addRemembered(c Candidate, name Name, reason Reason, detail string) {
	if reason == "" && len(name.Addrs) == 0 {
		reason, detail = cmp.Or(name.Reason, NoAddress), name.Detail
	}
	if reason != "" {
		plan.Skipped = append(plan.Skipped, Skip{c.Step, c.Host, c.Port, c.Transport, reason, detail})
		return
	}
	plan.Try = append(plan.Try, c)
}

// rememberedReason says why a remembered Registrar may not be used, or "". The record is a file that can be edited: what
// it says of its own origin is not believed, and what the policy of today forbids is not used. Recalled is only one that
// a proven Registrar has named, and that is never over plain TCP.
func (p Policy) rememberedReason(c Candidate, floor bool, vouched map[string]bool) (Reason, string) {
	if reason := p.closed(c.Transport, floor); reason != "" {
		return reason, ""
	}
	if c.Step == Recall && c.Transport == TCP {
		return RegistrarNotProven, "recalled over plain TCP"
	}
	if reason, detail := p.portReason(c.Step, c.Port); reason != "" {
		return reason, detail
	}
	if c.Transport == TLS && vouched[c.Host] && !isAddress(c.Host) {
		return "", ""
	}
	return p.nameReason(c.Step, c.Host, c.Transport)
}

// vouchedIn are the hosts outside the name rule that proven Registrars have named before the last restart, under the rule of
// today. (What the record says of them is what this device has sealed: see package cache.)
func (p Policy) vouchedIn(store *cache.DB) map[string]bool {
	vouched := map[string]bool{}
	if record, ok := store.Load(); ok && record.SIPAddress == p.SIPAddress && record.Vouched.Under == p.Naming.String() {
		for _, host := range record.Vouched.Hosts {
			vouched[host] = true
		}
	}
	return vouched
}

// vouchedFor is what a record keeps of the hosts that proven Registrars have named. Without a name rule nobody has proven
// enough for the day when there is one.
func (p Policy) vouchedFor(record cache.Record, vouched map[string]bool) cache.Vouched {
	var hosts []string
	for _, e := range append([]cache.Endpoint{record.Registrar}, record.Home...) {
		if vouched[e.Host] && p.Naming != NamingOff && e.Transport == TLS.String() && !isAddress(e.Host) && checkName(e.Host, p) != nil {
			hosts = append(hosts, e.Host)
		}
	}
	if len(hosts) == 0 {
		return cache.Vouched{}
	}
	slices.Sort(hosts)
	return cache.Vouched{Hosts: slices.Compact(hosts), Under: p.Naming.String()}
}

// namesOf are the hosts of a record whose addresses may be asked for.
func (p Policy) namesOf(record cache.Record, vouched map[string]bool) []string {
	var hosts []string
	for _, e := range append([]cache.Endpoint{record.Registrar}, record.Home...) {
		if reason, _ := p.rememberedReason(recalled(e, LastGood, nil), false, vouched); reason == "" {
			hosts = append(hosts, e.Host)
		}
	}
	return hosts
}

// addressesNow returns what DNS says in this cycle about the names of a record, by host. It waits for the verdict.
func (g *gathering) addressesNow(hosts []string) map[string]Name {
	fresh := map[string]Name{}
	if g == nil {
		return fresh
	}
	for _, host := range hosts {
		fresh[host] = g.ground.lookedUp(LastGood, Name{Host: host}, g.lookup)
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
	record.Vouched = a.policy.vouchedFor(record, a.vouched)
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
