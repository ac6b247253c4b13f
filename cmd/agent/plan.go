package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"homeward/cache"
	"homeward/internal/config"
	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/wire"
)

func planCommand(e env) *cobra.Command {
	var asJSON bool
	c := verb("plan [flags]", "Ask DNS and DHCP, and print what a device would try, in order, without registering", func(c *cobra.Command) error {
		conf, err := loadSite(c, config.AllBut(config.Secrets...)...) // nothing is signed in to
		if err != nil {
			return err
		}
		record, unread := e.recall(c.Context(), conf, "last good cannot be read, so the TLS floor is unknown")
		progress, done := progressOn(e)
		progress("asking DNS and DHCP")
		answer := askAround(c.Context(), conf, record)
		done()
		answer.unread = unread
		if err := uninterrupted(c); err != nil {
			return err
		}
		if asJSON {
			err = printJSON(e.stdout, answer)
		} else {
			err = answer.print(newPage(e.stdout))
		}
		if err == nil && len(answer.Try) == 0 {
			err = &failure{code: exitNotRegistered}
		}
		return err
	})
	addSettingFlags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Example = "homeward plan\nhomeward plan --sip-address sip:phone1@contoso.com --dns-servers 10.0.0.2"
	return c
}

// planAnswer is `plan --json`.
type planAnswer struct {
	Version   int                      `json:"version"`
	SIPDomain string                   `json:"sip_domain"`
	Sources   []provisioning.Source    `json:"sources"`
	Try       []provisioning.Candidate `json:"try"`                 // what would be tried, in this order
	Skipped   []skip                   `json:"skipped"`             // what was ruled out, and why
	LastGood  *cache.Registrar         `json:"last_good,omitempty"` // what an outage would fall back on
	unread    bool                     // it may have a last good record: that cannot be read
}

// skip is a provisioning.Skip with what to do about it.
type skip struct {
	provisioning.Skip
	Fault string `json:"fault,omitempty"` // its id in docs/faults.md, where more is known than the reason
	What  string `json:"what,omitempty"`  // what is wrong, as docs/faults.md has it
	Hint  string `json:"hint,omitempty"`
}

// askAround asks every source once and makes the plan of it, for a device with this last good record. It changes
// nothing, here or elsewhere.
func askAround(ctx context.Context, conf *config.Config, record *cache.Record) planAnswer {
	memory := conf.Policy.Memory(cache.InMemory(*record))
	answer := planAnswer{Version: 1, SIPDomain: conf.Policy.SIPAddress.Domain, Sources: []provisioning.Source{}, Try: []provisioning.Candidate{}, Skipped: []skip{}}
	if _, ours := memory.Record(); ours {
		answer.LastGood = &record.Registrar
	}
	found := discover.Discover(ctx, &conf.Policy, wire.System(), memory.Floor())
	for i := range found {
		f := &found[i]
		answer.Sources = append(answer.Sources, f.Source)
	}
	plan := provisioning.PlanOf(memory, found)
	answer.Try = append(answer.Try, plan.Try...)
	for i := range plan.Skipped {
		s := &plan.Skipped[i]
		why := s.Event().Why()
		answer.Skipped = append(answer.Skipped, skip{*s, why.Fault, why.What, why.Hint})
	}
	return answer
}

// print shows what each source said, the order, and what it comes to.
func (a planAnswer) print(p *page) error {
	p.printf("asked for %s\n", a.SIPDomain)
	for i := range a.Sources {
		source := &a.Sources[i]
		printSource(p, source)
	}
	if len(a.Try) > 0 {
		p.printf("\nwould be tried, in this order\n")
	}
	for i := range a.Try {
		c := &a.Try[i]
		p.printf("  %-10d %-13s %s %s at %s\n", i+1, c.Step, printable(c.HostPort()), strings.ToUpper(c.Transport.String()), provisioning.ListOf(c.Addrs))
		p.printf("%27s%s\n", "", printable(c.Via))
	}
	if len(a.Skipped) > 0 {
		p.printf("\nskipped\n")
	}
	for i := range a.Skipped {
		s := &a.Skipped[i]
		p.printf("  %-10s %-13s %s\n", "", s.Step, strings.TrimSpace(printable(s.HostPort())+" "+strings.ToUpper(s.Transport.String())))
		p.because(&provisioning.Why{Reason: s.Reason, What: s.What, Detail: s.Detail, Hint: s.Hint})
	}
	p.printf("\na device would use: %s\n", a.sentence(p))
	return p.err
}

func (a planAnswer) sentence(p *page) string {
	switch {
	case len(a.Try) > 0:
		c := a.Try[0]
		return p.paint(good, printable(c.HostPort())+" over "+strings.ToUpper(c.Transport.String())) + " (" + c.Step.String() + ")"
	case a.LastGood != nil:
		return p.paint(warn, "its last good Registrar, "+hostPort(a.LastGood.Host, a.LastGood.Port)) + ", because nothing usable was found"
	case a.unread:
		return p.paint(bad, "nothing") + ", because nothing usable was found and the last good record cannot be read"
	default:
		return p.paint(bad, "nothing") + ", because nothing usable was found and it has no last good Registrar"
	}
}
