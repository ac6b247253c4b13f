package check

import (
	"slices"

	"homeward/provisioning"
)

// inCloud is for a SIP domain whose records lead to Microsoft 365.
func inCloud(f *Facts) provisioning.Trouble {
	for _, lead := range f.Leads {
		if provisioning.IsCloud(lead.Host) {
			return atCloud(f, lead)
		}
	}
	return provisioning.Trouble{}
}

// aliasInCloud is for a host that is an alias of one of Microsoft 365.
func aliasInCloud(f *Facts, host string) provisioning.Trouble {
	i := slices.IndexFunc(f.Leads, func(lead Lead) bool { return lead.Name == host && provisioning.IsCloud(lead.Host) })
	if i < 0 {
		return provisioning.Trouble{}
	}
	return atCloud(f, f.Leads[i])
}

func atCloud(f *Facts, lead Lead) provisioning.Trouble {
	return provisioning.FaultCloud.Met(provisioning.Facts{"source": lead.Source, "host": lead.Host, "alias": lead.Name, "domain": f.sipDomain()}).On(provisioning.SideDNS)
}

// autodiscoverLeads are where Autodiscover leads, with the names that are aliases.
func autodiscoverLeads(all []Autodiscover) (leads []Lead) {
	for i := range all {
		a := &all[i]
		if a.Alias != "" {
			leads = append(leads, Lead{"the alias " + a.Host, a.Host, a.Alias})
		}
		if to := a.Root.Leads(); to != "" {
			leads = append(leads, Lead{"Autodiscover (" + a.Host + ")", a.Host, to})
		}
	}
	return leads
}

// autodiscoverPool is a Registrar to which Autodiscover leads, and the name that leads there.
func autodiscoverPool(f *Facts) (pool, by string) {
	for i := range f.Autodiscover {
		a := &f.Autodiscover[i]
		if a.Registrar {
			return a.Root.Leads(), a.Host
		}
	}
	return "", ""
}

// autodiscoverDiffers is about an Autodiscover that leads other clients to another pool than this device.
func autodiscoverDiffers(f *Facts) provisioning.Trouble {
	for i := range f.Autodiscover {
		a := &f.Autodiscover[i]
		if t := differs(f, a); !t.None() {
			return t
		}
	}
	return provisioning.Trouble{}
}

// differs is about one of the names. Only of a host that is a Registrar itself is it known that it is another: the web services
// of a pool often have a name of their own.
func differs(f *Facts, a *Autodiscover) provisioning.Trouble {
	to := a.Root.Leads()
	if !a.Registrar || f.ByPassed || len(f.Plan.Try) == 0 || ownPool(f, to) {
		return provisioning.Trouble{}
	}
	here := f.Plan.Try[0].Host
	if f.signsIn() {
		here = f.SignIn.Registrar.Host
	}
	return provisioning.FaultAutodiscoverElsewhere.Met(provisioning.Facts{"host": a.Host, "pool": to, "here": here})
}

// ownPool says whether the device comes to a host by itself, or knows it as its home pool.
func ownPool(f *Facts, host string) bool {
	hosts := []string{f.Record.Registrar.Host}
	for i := range f.Plan.Try {
		c := &f.Plan.Try[i]
		hosts = append(hosts, c.Host)
	}
	for i := range f.Record.Home {
		home := &f.Record.Home[i]
		hosts = append(hosts, home.Host)
	}
	if f.signsIn() {
		hosts = append(hosts, f.SignIn.Registrar.Host)
		for i := range f.SignIn.Home {
			home := &f.SignIn.Home[i]
			hosts = append(hosts, home.Host)
		}
		if p := f.SignIn.Provisioning; p != nil {
			hosts = append(hosts, p.Pool)
		}
	}
	return slices.Contains(hosts, host)
}
