package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"homeward/internal/anchor"
	"homeward/internal/config"
	"homeward/provisioning"
)

func trustCommand(e env) *cobra.Command {
	return group("trust", "Show, accept or delete authorities that are trusted besides roots", []*cobra.Command{
		trustShowCommand(e), trustAcceptCommand(e), trustForgetCommand(e),
	})
}

// trustAnswer is `trust show --json`.
type trustAnswer struct {
	Version   int             `json:"version"`
	Bootstrap string          `json:"trust_bootstrap"`      // the setting
	Pins      []string        `json:"trust_pins,omitempty"` // the setting
	Accepted  []anchor.Anchor `json:"accepted"`             // on this device
	// Untrusted are the servers that the daemon has not trusted of late, and what they have sent.
	Untrusted []untrusted `json:"untrusted,omitempty"`
}

// untrusted is a server whose authority is not trusted.
type untrusted struct {
	Host string                        `json:"host"`
	Seen provisioning.SeenCertificates `json:"seen"` // its own first
}

func trustShowCommand(e env) *cobra.Command {
	var asJSON bool
	c := verb("show [--json]", "Show the authorities that are trusted besides roots, and those that were met", func(c *cobra.Command) error {
		settings, err := loadSettings(c)
		if err != nil {
			return err
		}
		conf, err := checked(settings, "sip_address", "state_dir", "runtime_dir", "trust_bootstrap", "trust_pins")
		if err != nil {
			return err
		}
		shown := trustAnswer{Version: 1, Bootstrap: settings.Of("trust_bootstrap").Text, Pins: conf.Policy.TrustPins, Accepted: []anchor.Anchor{}}
		if status, err := daemon(conf).Status(c.Context()); err == nil && status.Cycle != nil {
			shown.Untrusted = untrustedIn(status.Cycle)
		}
		kept, err := anchor.In(conf.StateDir).Of(conf.Policy.SIPAddress.Domain)
		if err != nil {
			return &failure{code: exitFailed, err: err, hints: []string{asWhom(runAsRoot)}}
		}
		shown.Accepted = append(shown.Accepted, kept...)
		if asJSON {
			return printJSON(e.stdout, shown)
		}
		return printTrust(newPage(e.stdout), shown)
	})
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// untrustedIn are the servers of a cycle whose authority is not trusted, each once.
func untrustedIn(c *provisioning.Cycle) (all []untrusted) {
	met := map[string]bool{}
	for i := range c.Attempts {
		a := &c.Attempts[i]
		if len(a.Seen) > 0 && !met[a.Host] {
			met[a.Host] = true
			all = append(all, untrusted{a.Host, a.Seen})
		}
	}
	return all
}

func printTrust(p *page, t trustAnswer) error {
	p.printf("trust_bootstrap is %s\n", t.Bootstrap)
	for _, pin := range t.Pins {
		p.row("pin", pin)
	}
	for i := range t.Accepted {
		a := &t.Accepted[i]
		by := "accepted " + clock(a.At)
		if a.By == anchor.FirstUse {
			by = "trusted on first use " + clock(a.At) + "; compared by nobody"
		}
		p.row("authority", fields(a.Fingerprint, printable(a.Subject)))
		p.row("", by)
	}
	if len(t.Accepted) == 0 {
		p.row("authorities", "none accepted on this device")
	}
	for _, u := range t.Untrusted {
		p.printf("\n%s is not trusted; it sends\n", printable(u.Host))
		for _, c := range u.Seen {
			p.printf("  %s  %s\n", printable(c.Fingerprint), printable(c.Subject))
		}
		last := u.Seen[len(u.Seen)-1]
		p.row("hint", fmt.Sprintf("compare the last one with the site's root certificate; if it is the same: trust_bootstrap = \"pin\" and trust_pins = [%q] in the configuration, or homeward trust accept %s", last.Fingerprint, last.Fingerprint))
	}
	return p.err
}

func trustAcceptCommand(e env) *cobra.Command {
	c := verb("accept FINGERPRINT", "Trust the authority that has this fingerprint", nil)
	c.Args = func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return badUsage("want one fingerprint")
		}
		return nil
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		fingerprint, err := anchor.Parse(args[0])
		if err != nil {
			return badUsage("%v", err)
		}
		if err := onlyRoot(); err != nil {
			return err
		}
		conf, err := loadConfig(c, "sip_address", "state_dir", "runtime_dir", "trust_bootstrap")
		if err != nil {
			return err
		}
		return accept(c, e, conf, fingerprint)
	}
	c.Long = "The fingerprint is the SHA-256 of a certificate that servers of the site send: \"homeward trust show\" and \"homeward check\" show those that were met. Compare it with that of the site's root certificate first, by another way than this network."
	c.Example = "homeward trust accept sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	return c
}

func accept(c *cobra.Command, e env, conf *config.Config, fingerprint string) error {
	domain := conf.Policy.SIPAddress.Domain
	accepted := anchor.Anchor{Fingerprint: fingerprint, SIPDomain: domain, By: anchor.Tech, At: time.Now().UTC().Truncate(time.Second)}
	status, err := daemon(conf).Status(c.Context())
	if err == nil && status.Cycle != nil {
		for _, u := range untrustedIn(status.Cycle) {
			for _, seen := range u.Seen {
				if seen.Fingerprint == fingerprint {
					accepted.Subject = seen.Subject
				}
			}
		}
	}
	if err := os.MkdirAll(conf.StateDir, stateDirMode); err != nil {
		return &failure{code: exitFailed, err: err}
	}
	if err := anchor.In(conf.StateDir).Keep(accepted); err != nil {
		return &failure{code: exitFailed, err: fmt.Errorf("not accepted: %w", err), hints: []string{unwritable(conf.StateDir)}}
	}
	newPage(e.stdout).printf("accepted for %s\n", domain)
	if conf.Policy.Bootstrap == provisioning.TrustRoots {
		e.remark("hint", `it has no effect until trust_bootstrap = "pin" is set`)
	} else if err == nil && status.State == provisioning.Resting {
		hint := "the daemon uses it at its next attempt, " + until(time.Now(), status.NextAttempt)
		if mayTry(status) {
			hint += "; " + atOnce
		}
		e.remark("hint", hint)
	}
	return nil
}

func trustForgetCommand(e env) *cobra.Command {
	return verb("forget", "Delete the authorities that were accepted on this device", func(c *cobra.Command) error {
		if err := onlyRoot(); err != nil {
			return err
		}
		places, err := loadPlaces(c)
		if err != nil {
			return err
		}
		had, err := anchor.In(places.StateDir).Forget()
		switch {
		case err != nil:
			return &failure{code: exitFailed, err: errors.Join(errors.New("not forgotten"), err), hints: []string{unwritable(places.StateDir)}}
		case had:
			newPage(e.stdout).printf("forgotten\n")
		default:
			newPage(e.stdout).printf("there was nothing to forget\n")
		}
		return nil
	})
}
