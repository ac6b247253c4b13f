package check

import (
	"strings"

	"homeward/provisioning"
)

// autodiscover has a node for each name that other Lync clients ask before DNS and DHCP.
func (b *branch) autodiscover() {
	f := b.facts
	if f.ByPassed {
		return
	}
	root := Check{ID: "autodiscover", Title: "Autodiscover, which other Lync clients ask first", Result: Skipped, Detail: "this site has none"}
	switch {
	case f.NotAsked:
		root.Needs, root.Detail = "link", ""
	case f.hijacked():
		root.Needs, root.Detail = "dns", ""
	}
	if root.Needs != "" {
		b.add(&root)
		return
	}
	var below []Check
	for i := range f.Autodiscover {
		a := &f.Autodiscover[i]
		if a.Reason == provisioning.NoAddress && a.Alias == "" || !a.Trouble.None() && wildcard(f, a.Addrs) { // as most sites have it
			continue
		}
		if len(a.Addrs) == 0 {
			root.Detail = "not known"
		}
		c := autodiscoverNode(f, a)
		if c.Result == Good && root.Result != Good {
			root.Result, root.Detail = Good, a.Host+" "+c.Detail
		}
		if c.Result == Warn && root.Result == Skipped {
			root.Detail = "not as it should be"
		}
		below = append(below, c)
	}
	b.add(&root)
	for i := range below {
		c := &below[i]
		b.add(c)
	}
}

func autodiscoverNode(f *Facts, a *Autodiscover) Check {
	id := strings.TrimSuffix(a.Host, "."+f.sipDomain())
	c := Check{ID: "autodiscover." + id, Under: "autodiscover", Title: "Autodiscover at " + a.Host, Result: Good, TookMS: a.Took.Milliseconds()}
	switch t := differs(f, a); {
	case len(a.Addrs) == 0:
		c.Result, c.Reason, c.Detail = Skipped, a.Reason, a.Detail
		c.Hint = "nothing to do: this device does not use Autodiscover"
	case provisioning.IsCloud(a.Alias):
		c.Detail = "is an alias of " + a.Alias + ", which belongs to Microsoft 365"
	case !a.Trouble.None():
		c.because(Warn, a.Trouble)
	case !t.None():
		c.because(Warn, t)
	default:
		c.Detail = leadsTo(f, a)
	}
	return c
}

// leadsTo compares where Autodiscover leads with where the device goes.
func leadsTo(f *Facts, a *Autodiscover) string {
	text := "leads to " + a.Root.Leads()
	switch {
	case provisioning.IsCloud(a.Root.Leads()):
		text += ", which belongs to Microsoft 365"
	case ownPool(f, a.Root.Leads()):
		text += ", as DNS and DHCP do"
	case !a.Registrar:
		text += ", which has the web services of a pool and is no Registrar itself"
	}
	if a.Root.Location != "" {
		text += "; it takes this device to be " + map[string]string{"Internal": "inside", "External": "outside"}[a.Root.Location]
	}
	return text
}
