package check

import (
	"fmt"
	"slices"
	"strings"

	"homeward/provisioning"
	"homeward/provisioning/discover"
)

// dns has a node for each record of both orders, whether the device asks for it or not.
func (b *branch) dns() {
	f := b.facts
	root := Check{ID: "dns", Title: "DNS for " + f.sipDomain(), Result: Good, Detail: "name servers: " + provisioning.ListOf(f.Servers)}
	if f.NotServers != "" {
		root.Detail += " (" + f.NotServers + ")"
	}
	if wildcard(f, f.Stray.Addrs) {
		root.Detail += fmt.Sprintf("; a wildcard record gives %s to every name of %s that does not exist", provisioning.ListOf(f.Stray.Addrs), f.sipDomain())
	}
	switch {
	case f.NotAsked:
		root.Result, root.Needs, root.Detail = Skipped, "link", ""
	case len(f.Servers) == 0:
		root.because(Bad, provisioning.FaultNoNameServer.Met(nil))
		root.Detail = ""
	case f.hijacked():
		root.because(Warn, dnsAnswersAll(f))
		root.Detail += "; asked for " + f.Stray.Host
	default:
		if late := tooLate(f); !late.None() && f.dnsDead().Reason != "" {
			root.because(Bad, late)
		} else if t := provisioning.Among(b.verdict, provisioning.FaultNotAsGiven); !t.None() {
			root.because(Bad, t)
		} else if f.Late {
			root.because(Bad, dnsFails(f, provisioning.DNSTimeout.Met("")))
		} else if dead := f.dnsDead(); dead.Reason != "" {
			root.because(Bad, dnsFails(f, dead.Trouble))
		} else if t := noSuchDomain(f); !t.None() {
			root.because(Bad, t)
		} else if t := nameServersDisagree(f); !t.None() {
			root.because(Warn, t)
		} else if t := addressesDisagree(f); !t.None() {
			root.because(Warn, t)
		} else if t := provisioning.Among(b.verdict, provisioning.FaultOtherServers, provisioning.FaultAway, provisioning.FaultOutsideView); !t.None() {
			how := Bad
			if f.signsIn() {
				how = Warn
			}
			root.because(how, t)
		} else if bare(f) {
			root.Detail += "; the domain exists, without a record of a Registrar"
		}
	}
	for i := range f.Found {
		found := &f.Found[i] // all are asked at the same time
		if found.Source.Source == "dns" {
			root.TookMS = max(root.TookMS, found.TookMS)
		}
	}
	b.add(&root)
	if f.NotAsked {
		return
	}
	for i := range f.Quality {
		q := &f.Quality[i]
		b.server(q)
	}
	for _, step := range []provisioning.Step{provisioning.InternalTLS, provisioning.InternalTCP, provisioning.ExternalTLS, provisioning.ExternalTCP} {
		b.record(step)
	}
	if found, ok := f.finding(provisioning.Manual); ok {
		b.sourceNode("dns.manual", "configured servers", found)
	}
	for i := range f.HostNames {
		name := &f.HostNames[i]
		c := Check{ID: "dns." + strings.TrimSuffix(name.Host, "."+f.sipDomain()), Under: "dns", Title: "host name " + name.Host, Result: Good, Detail: provisioning.ListOf(name.Addrs)}
		asked := f.Policy.Order == provisioning.CommunicatorOrder
		switch {
		case len(name.Addrs) == 0:
			c.Result, c.Reason, c.Detail = Skipped, name.Reason, name.Detail
			if !asked {
				c.Hint = "nothing to do: host names are of use in the order communicator only"
			} else if name.Reason == provisioning.NoAddress {
				c.Hint = "nothing to do if another name leads to a Registrar; otherwise create its A record"
			}
		case !asked:
			c.Detail += "; a device in the device order does not ask for it"
		}
		b.add(&c)
	}
}

// server is the node of a name server: how well it answers.
func (b *branch) server(q *discover.Quality) {
	c := Check{ID: "dns.server." + q.Server.String(), Under: "dns", Title: "name server " + q.Server.String(), Result: Good, TookMS: provisioning.Milliseconds(q.Median)}
	if q.Answered == 0 {
		c.TookMS = provisioning.Milliseconds(q.Took)
	}
	switch dead := discover.DeadServer(append([]discover.Quality{*q}, b.facts.Quality...)); { // this one, if it is dead
	case q.Answered == 0 && !dead.None():
		c.because(Warn, dead)
	case q.Answered == 0: // as said of DNS
		c.Result, c.Needs = Skipped, "dns"
	case !discover.LossyServer(q).None():
		c.because(Warn, discover.LossyServer(q))
	case !discover.SlowServer(q).None():
		c.because(Warn, discover.SlowServer(q))
	default:
		c.Detail = fmt.Sprintf("%d of %d questions answered", q.Answered, q.Asked)
		if failing := q.Failing(); failing != "" {
			c.Detail += ", " + failing
		}
	}
	b.add(&c)
}

// record is the node of the SRV record of a step.
func (b *branch) record(step provisioning.Step) {
	found, asked := b.facts.finding(step)
	id, title := "dns."+step.String(), "SRV record "+found.Query
	if !asked {
		c := Check{ID: id, Under: "dns", Title: "SRV record of " + step.String(), Result: Skipped, Detail: "not asked"}
		if !b.facts.ByPassed {
			c.Reason, c.Detail = provisioning.TransportPolicy, ""
			for i := range b.facts.Plan.Skipped {
				s := &b.facts.Plan.Skipped[i]
				if s.Step == step && s.Host == "" {
					c.Reason = s.Reason
				}
			}
		}
		b.add(&c)
		return
	}
	b.sourceNode(id, title, found)
}

func (b *branch) sourceNode(id, title string, found provisioning.Finding) {
	c := Check{ID: id, Under: "dns", Title: title, Reason: found.Reason, Fault: found.Fault, What: found.What, Detail: found.Detail, Result: Good, TookMS: found.TookMS}
	switch found.Verdict {
	case provisioning.Absent:
		c.Result = Skipped
		if b.facts.nothingThere() && b.facts.Policy.Asks(found.Step) && found.Step == provisioning.InternalTLS || isGone(b.facts, &found) && len(b.facts.Plan.Try) == 0 { // any would do
			c.Result = Bad
		}
	case provisioning.Failed:
		c.Result, c.Hint = Bad, found.Trouble.Hint()
	default:
		c.Detail = listNames(found.Names)
		for i := range found.Names {
			name := &found.Names[i]
			if len(name.Addrs) == 0 && name.Reason != "" {
				c.Result, c.Reason, c.Detail = Bad, name.Reason, c.Detail+"; "+name.Detail
				t := name.Trouble
				for _, s := range b.facts.Plan.Skipped { // it says more
					if s.Step == found.Step && s.Host == name.Host && s.Trouble.Fault == t.Fault {
						t = s.Trouble
					}
				}
				if t.Specific() {
					c.because(Bad, t)
				}
			}
		}
		if found.Reason == provisioning.DNSMalformed {
			c.Result = Warn
		}
		if found.Reason == provisioning.ServiceNotOffered {
			c.Result, c.Detail = Warn, `target "."`
		}
	}
	if c.Result == Bad && len(b.facts.Plan.Try) > 0 {
		c.Result = Warn
	}
	b.add(&c)
}

func listNames(names []provisioning.Name) string {
	texts := make([]string, len(names))
	for i := range names {
		n := &names[i]
		texts[i] = provisioning.Endpoint{Host: n.Host, Port: n.Port}.HostPort()
		if len(n.Addrs) > 0 {
			texts[i] += " [" + provisioning.ListOf(n.Addrs) + "]"
		}
	}
	return strings.Join(texts, ", ")
}

// names has a node for each name that DNS or DHCP gave, with the verdict under both rules (TechNet dd637123).
func (b *branch) names() {
	f := b.facts
	var seen []string
	for i := range f.Found {
		found := &f.Found[i]
		for i := range found.Names {
			name := &found.Names[i]
			if found.Step == provisioning.Manual || slices.Contains(seen, name.Host) {
				continue
			}
			seen = append(seen, name.Host)
			b.name(name.Host)
		}
	}
}

func (b *branch) name(host string) {
	f := b.facts
	verdict := func(naming provisioning.Naming) string {
		policy := f.Policy
		if policy.Naming = naming; provisioning.CheckName(host, &policy) != nil {
			return "refused"
		}
		return "allowed"
	}
	c := Check{
		ID: "name." + host, Title: "name rule: " + host, Result: Good,
		Detail: fmt.Sprintf("suffix: %s; strict: %s", verdict(provisioning.NamingSuffix), verdict(provisioning.NamingStrict)),
	}
	for i := range f.Plan.Skipped {
		s := &f.Plan.Skipped[i]
		if s.Host == host && (s.Reason == provisioning.NameNotAllowed || s.Reason == provisioning.TLSNoName) {
			c.Result, c.Reason, c.Detail = Warn, s.Reason, s.Detail+"; "+c.Detail
			break // of the steps of DHCP, one says it
		}
		if s.Host == host && provisioning.Stale(s.Trouble) {
			c.because(Skipped, s.Trouble)
			break
		}
	}
	if c.Result == Warn && len(f.Plan.Try) == 0 {
		c.Result = Bad
	}
	if c.Result == Good && provisioning.CheckName(host, &f.Policy) != nil { // of a source that is not asked
		c.Result, c.Reason = Skipped, provisioning.NameNotAllowed
	}
	b.add(&c)
}

// plan is the node that says which place a device would try first, and why not the others.
func (b *branch) plan() {
	f := b.facts
	c := Check{ID: "plan", Title: "what a device would try", Result: Good}
	var order []string
	for i := range f.Plan.Try {
		try := &f.Plan.Try[i]
		order = append(order, fmt.Sprintf("%s (%s)", place(try), try.Step))
		if addressesDisagree(f).Host() == try.Host {
			order[len(order)-1] += " at the address from the name server that answers first"
		}
	}
	c.Detail = strings.Join(order, ", then ")
	if len(order) == 0 {
		c.because(Bad, whyNothing(f))
		c.Detail = "nothing: neither DNS nor DHCP leads to a Registrar"
		if named := namedInVain(f); named != "" {
			c.Detail = "nothing that can be used: " + named
		}
		if len(f.Policy.Manual) > 0 {
			c.Detail = "nothing: no configured server can be used"
		}
		if f.NotAsked {
			c = Check{ID: c.ID, Title: c.Title, Result: Skipped, Needs: "link"}
		} else if f.remembers() {
			c.Detail += fmt.Sprintf("; its last good Registrar is %s", f.lastGood().HostPort())
		}
	}
	b.add(&c)
	for i := range f.Plan.Skipped {
		s := &f.Plan.Skipped[i]
		if s.Host == "" {
			continue
		}
		c := Check{ID: fmt.Sprintf("plan.skipped-%d", i+1), Under: "plan", Title: fmt.Sprintf("not tried: %s (%s)", s.HostPort(), s.Step), Detail: s.Detail}
		c.because(Skipped, s.Trouble)
		b.add(&c)
	}
}

// namedInVain is what sources name that cannot be used; "": nothing.
func namedInVain(f *Facts) string {
	var named []string
	for i := range f.Plan.Skipped {
		s := &f.Plan.Skipped[i]
		source, _ := f.sourceOf(s.Step, s.Host)
		if text := source + " names " + s.Host; s.Host != "" && s.Step != provisioning.HostName && !slices.Contains(named, text) {
			named = append(named, text)
		}
	}
	return strings.Join(named, ", ")
}

// whyNothing is why discovery gave nothing usable. Of addresses that are of no use the Reason alone says too little.
func whyNothing(f *Facts) provisioning.Trouble {
	for i := range f.Plan.Skipped {
		s := &f.Plan.Skipped[i]
		switch {
		case s.Host == "":
		case s.Reason == provisioning.AddressNotAllowed || s.Reason == provisioning.ConnectUnreachable:
			return s.Trouble
		default:
			return s.Reason.Met("")
		}
	}
	for i := range f.Found {
		found := &f.Found[i]
		if found.Reason != "" {
			return found.Reason.Met("")
		}
	}
	return provisioning.DNSNoRecord.Met("")
}
