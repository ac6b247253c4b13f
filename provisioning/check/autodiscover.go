package check

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"homeward/internal/autodiscover"
	"homeward/internal/plain"
	"homeward/internal/trust"
	"homeward/provisioning"
)

// Specification constants.
const (
	webPort = 443 // RFC 9110 section 4.2.2
	poolTLS = 5061
)

// autodiscoverLimit is how long a check looks at Autodiscover, beside everything else: this device does not use it. (Our choice.)
const autodiscoverLimit = 5 * time.Second

// autodiscoverNames are the names that Lync clients ask before anything else, below the SIP domain (TechNet, Autodiscover).
var autodiscoverNames = []string{"lyncdiscoverinternal.", "lyncdiscover."}

// Autodiscover is what one of these names shows.
type Autodiscover struct {
	provisioning.Name
	Alias   string // the name of which it is an alias; "": it is none
	Root    autodiscover.Root
	TLS     trust.Shown
	Trouble provisioning.Trouble // why there is no root document; none: there is, or nothing was asked
	// Registrar says that the host to which the document leads is not in the plan and is itself a Registrar, which proves its name.
	Registrar bool
	Took      time.Duration
}

// Lead is where a record leads that no step asks for.
type Lead struct {
	Source string // "the alias sip.contoso.com"
	Name   string // the name that has the record
	Host   string
}

// autodiscover asks for the root document of each name, anonymously. What it leads to is looked at unless that is planned, which
// planned says as soon as there is a plan.
func (e *eye) autodiscover(ctx context.Context, planned func(host string) bool) []Autodiscover {
	all := e.roots(ctx)
	ctx, cancel := context.WithTimeout(ctx, autodiscoverLimit)
	defer cancel()
	seen := map[string]bool{"": false}
	for i := range all {
		to := all[i].Root.Leads()
		if _, known := seen[to]; !known {
			seen[to] = !provisioning.IsCloud(to) && !planned(to) && e.isRegistrar(ctx, to)
		}
		all[i].Registrar = seen[to]
	}
	return all
}

func (e *eye) roots(ctx context.Context) []Autodiscover {
	ctx, cancel := context.WithTimeout(ctx, autodiscoverLimit)
	defer cancel()
	all := make([]Autodiscover, len(autodiscoverNames))
	var asking sync.WaitGroup
	for i, prefix := range autodiscoverNames {
		asking.Go(func() { all[i] = e.autodiscoverAt(ctx, prefix+e.policy.SIPAddress.Domain) })
	}
	asking.Wait()
	return all
}

func (e *eye) autodiscoverAt(ctx context.Context, host string) (a Autodiscover) {
	started := time.Now()
	var aliases sync.WaitGroup
	alias := ""
	aliases.Go(func() { alias = e.Alias(ctx, host) })
	a.Name = e.LookUp(ctx, host)
	aliases.Wait()
	if a.Alias = alias; len(a.Addrs) == 0 || provisioning.IsCloud(alias) { // which cannot prove that it is this host
		return a
	}
	c := provisioning.Candidate{Step: provisioning.HostName, Endpoint: provisioning.Endpoint{Host: host, Port: webPort, Transport: provisioning.TLS}}
	for _, addr := range a.Addrs[:min(len(a.Addrs), 2)] {
		conn, met, trouble := e.signer.Open(ctx, &c, addr)
		if a.TLS = met.Shown; !trouble.None() {
			a.Trouble = provisioning.FaultAutodiscover.Because(trouble, provisioning.Facts{"host": host})
			continue
		}
		root, err := autodiscover.Ask(ctx, conn, autodiscover.Question{Host: host, User: e.policy.SIPAddress.Bare(), UserAgent: e.signer.UserAgent()})
		conn.Close()
		a.Root, a.Trouble = root, provisioning.Trouble{}
		if err != nil {
			a.Trouble = provisioning.FaultAutodiscoverAnswer.Met(provisioning.Facts{"host": host, "problem": plain.Words(err)})
		}
		break
	}
	a.Took = time.Since(started)
	return a
}

// isRegistrar says whether a host is a Registrar under this name, at the port of pools.
func (e *eye) isRegistrar(ctx context.Context, host string) bool {
	c := provisioning.Candidate{Step: provisioning.HostName, Endpoint: provisioning.Endpoint{Host: host, Port: poolTLS, Transport: provisioning.TLS}}
	c.Addrs = e.LookUp(ctx, host).Addrs
	return slices.ContainsFunc(c.Addrs[:min(len(c.Addrs), 2)], func(addr netip.Addr) bool {
		seen := e.signer.Probe(ctx, &c, addr)
		return seen.Secured && seen.Answered
	})
}

// leads asks for the records that Microsoft 365 has its customers make, besides Autodiscover (Microsoft 365, DNS records for
// Skype for Business Online and Teams).
func (e *eye) leads(ctx context.Context) (leads []Lead) {
	domain := e.policy.SIPAddress.Domain
	sip, federation := "sip."+domain, "_sipfederationtls._tcp."+domain
	var asking sync.WaitGroup
	alias := ""
	asking.Go(func() { alias = e.Alias(ctx, sip) })
	for _, name := range e.Records(ctx, federation).Names {
		leads = append(leads, Lead{"the SRV record " + federation, federation, name.Host})
	}
	asking.Wait()
	if alias != "" {
		leads = append(leads, Lead{"the alias " + sip, sip, alias})
	}
	return leads
}
