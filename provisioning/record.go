package provisioning

import (
	"cmp"
	"net/netip"
	"slices"

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
		c := Recalled(e, Recall, name.Addrs)
		reason, detail := policy.RememberedReason(c, record.TLSFloor, vouched)
		plan.AddRemembered(c, name, reason, detail)
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
		c := Recalled(e, LastGood, name.Addrs)
		reason, detail := policy.RememberedReason(c, record.TLSFloor, vouched)
		plan.AddRemembered(c, name, reason, detail)
	}
	return plan
}

// AddRemembered adds a remembered Registrar, or says why not: for the reason given, or since it has no address.
func (plan *Plan) AddRemembered(c Candidate, name Name, reason Reason, detail string) {
	if reason == "" && len(name.Addrs) == 0 {
		reason, detail = cmp.Or(name.Reason, NoAddress), name.Detail
	}
	if reason != "" {
		plan.Skipped = append(plan.Skipped, Skip{c.Step, c.Endpoint, reason, detail})
		return
	}
	plan.Try = append(plan.Try, c)
}

// RememberedReason says why a remembered Registrar may not be used, or "". The record is a file that can be edited: what
// it says of its own origin is not believed, and what the policy of today forbids is not used. Recalled is only one that
// a proven Registrar has named, and that is never over plain TCP.
func (p Policy) RememberedReason(c Candidate, floor bool, vouched map[string]bool) (Reason, string) {
	if reason := p.Closed(c.Transport, floor); reason != "" {
		return reason, ""
	}
	if c.Step == Recall && c.Transport == TCP {
		return RegistrarNotProven, "recalled over plain TCP"
	}
	if reason, detail := p.PortReason(c.Step, c.Port); reason != "" {
		return reason, detail
	}
	if c.Transport == TLS && vouched[c.Host] && !IsAddress(c.Host) {
		return "", ""
	}
	return p.NameReason(c.Step, c.Host, c.Transport)
}

// VouchedFor is what a record keeps of the hosts that proven Registrars have named. Without a name rule nobody has proven
// enough for the day when there is one.
func (p Policy) VouchedFor(record cache.Record, vouched map[string]bool) cache.Vouched {
	var hosts []string
	for _, e := range append([]cache.Endpoint{record.Registrar}, record.Home...) {
		if vouched[e.Host] && p.Naming != NamingOff && e.Transport == TLS.String() && !IsAddress(e.Host) && CheckName(e.Host, p) != nil {
			hosts = append(hosts, e.Host)
		}
	}
	if len(hosts) == 0 {
		return cache.Vouched{}
	}
	slices.Sort(hosts)
	return cache.Vouched{Hosts: slices.Compact(hosts), Under: p.Naming.String()}
}

// NamesOf are the hosts of a record whose addresses may be asked for.
func (p Policy) NamesOf(record cache.Record, vouched map[string]bool) []string {
	var hosts []string
	for _, e := range append([]cache.Endpoint{record.Registrar}, record.Home...) {
		if reason, _ := p.RememberedReason(Recalled(e, LastGood, nil), false, vouched); reason == "" {
			hosts = append(hosts, e.Host)
		}
	}
	return hosts
}

// Recalled is the way back from what remember made.
func Recalled(e cache.Endpoint, step Step, addrs []netip.Addr) Candidate {
	c := Candidate{Step: step, Endpoint: Endpoint{Host: e.Host, Port: e.Port}, Addrs: addrs, Via: "last good"}
	if step == Recall {
		c.Via = "told by a Registrar"
	}
	if e.Transport == TCP.String() {
		c.Transport = TCP
	}
	return c
}

// HomeOf returns the home pair of a record as status shows it.
func HomeOf(record cache.Record) []Registrar {
	var home []Registrar
	for _, e := range record.Home {
		c := Recalled(e, Recall, e.Addresses)
		home = append(home, Registrar{Endpoint: c.Endpoint, Role: e.Role, Addresses: c.Addrs})
	}
	return home
}
