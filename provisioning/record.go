package provisioning

import (
	"cmp"
	"net/netip"
	"slices"

	"homeward/cache"
)

// RecallPlan is the Registrars this user was told to use: primary and backup of the home pool, then the pool told in
// band if it is another. fresh contains the addresses DNS gives now, by host; nil: the remembered ones are used. vouched are
// hosts that a proven Registrar has named in this run of the agent.
func RecallPlan(record *cache.Record, policy *Policy, fresh map[string]Name, vouched map[string]bool) Plan {
	var plan Plan
	if !record.Told || len(policy.Manual) > 0 {
		return plan
	}
	home, unusable := remembered(Recall, record.Home)
	plan.Skipped = unusable
	for i := range home {
		r := &home[i]
		name := Name{Addrs: r.Addresses}
		if fresh != nil {
			name = fresh[r.Host]
		}
		c := r.Recalled(Recall, name.Addrs)
		reason, detail := policy.RememberedReason(c, record.TLSFloor, vouched)
		plan.AddRemembered(&c, &name, reason, detail)
	}
	return plan
}

// OutagePlan is last good: the Registrar of the last registration, then the rest of its home pair, by name.
// Addresses DNS still gives come first, then the remembered ones, the one last used first. vouched as in RecallPlan.
func OutagePlan(record *cache.Record, policy *Policy, fresh map[string]Name, vouched map[string]bool) Plan {
	known, unusable := remembered(LastGood, append([]cache.Registrar{record.Registrar}, record.Home...))
	plan := Plan{Skipped: unusable}
	for i, r := range known {
		if slices.IndexFunc(known[:i], func(earlier Registrar) bool { return earlier.Endpoint == r.Endpoint }) >= 0 {
			continue
		}
		name := fresh[r.Host]
		name.Addrs = slices.Clone(name.Addrs)
		for _, addr := range append([]netip.Addr{r.Address}, r.Addresses...) {
			if addr.IsValid() && !slices.Contains(name.Addrs, addr) {
				name.Addrs = append(name.Addrs, addr)
			}
		}
		c := r.Recalled(LastGood, name.Addrs)
		reason, detail := policy.RememberedReason(c, record.TLSFloor, vouched)
		plan.AddRemembered(&c, &name, reason, detail)
	}
	return plan
}

// AddRemembered adds a remembered Registrar, or says why not: for the reason given, or since it has no address.
func (plan *Plan) AddRemembered(c *Candidate, name *Name, reason Reason, detail string) {
	if reason == "" && len(name.Addrs) == 0 {
		reason, detail = cmp.Or(name.Reason, NoAddress), name.Detail
	}
	if reason != "" {
		plan.Skipped = append(plan.Skipped, Skip{Step: c.Step, Endpoint: c.Endpoint, Reason: reason, Detail: detail})
		return
	}
	plan.Try = append(plan.Try, *c)
}

// RememberedReason says why a remembered Registrar may not be used, or "". The record is a file that can be edited: what
// it says of its own origin is not believed, and what the policy of today forbids is not used. Recalled is only one that
// a proven Registrar has named, and that is never over plain TCP.
func (p *Policy) RememberedReason(c Candidate, floor bool, vouched map[string]bool) (Reason, string) {
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
func (p *Policy) VouchedFor(record cache.Record, vouched map[string]bool) cache.Vouched {
	var hosts []string
	for _, r := range RegistrarsOf(&record) {
		if vouched[r.Host] && p.Naming != NamingOff && r.Transport == TLS && !IsAddress(r.Host) && CheckName(r.Host, p) != nil {
			hosts = append(hosts, r.Host)
		}
	}
	if len(hosts) == 0 {
		return cache.Vouched{}
	}
	slices.Sort(hosts)
	return cache.Vouched{Hosts: slices.Compact(hosts), Under: p.Naming.String()}
}

// NamesOf are the hosts of a record whose addresses may be asked for.
func (p *Policy) NamesOf(record cache.Record, vouched map[string]bool) []string {
	var hosts []string
	for _, r := range RegistrarsOf(&record) {
		if reason, _ := p.RememberedReason(r.Recalled(LastGood, nil), false, vouched); reason == "" {
			hosts = append(hosts, r.Host)
		}
	}
	return hosts
}
