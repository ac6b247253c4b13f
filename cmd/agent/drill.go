package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"homeward/internal/config"
	"homeward/provisioning"
	"homeward/provisioning/drill"
	"homeward/provisioning/wire"
)

func drillCommand(e env) *cobra.Command {
	var asJSON bool
	cases := make([]string, len(drill.Cases()))
	for i, c := range drill.Cases() {
		cases[i] = string(c)
	}
	c := verb("drill "+strings.Join(cases, "|")+" [--json]", "Rehearse an outage, without touching the daemon's registration", func(c *cobra.Command) error {
		conf, err := loadSite(c)
		if err != nil {
			return err
		}
		report := rehearse(c.Context(), e, conf, drill.Case(c.Flags().Arg(0)))
		if err := uninterrupted(c); err != nil {
			return err
		}
		if asJSON {
			err = printJSON(e.stdout, report)
		} else {
			err = printDrill(newPage(e.stdout), report)
		}
		switch {
		case err == nil && !report.Held:
			err = &failure{code: exitFailed}
		case err == nil && !report.Registered:
			err = &failure{code: exitNotRegistered}
		}
		return err
	})
	c.Long = `Simulates one failure: dns (no name server answers), dhcp (no DHCP server answers), both, primary (the Registrar in use
does not answer), or clock (the device starts without a clock). It then looks for a Registrar as the daemon would, really
signs in there as a separate endpoint, and signs out again; beside a running daemon it takes no place from it, as check does. It reports how long the device would be without a Registrar
after a power cut or the loss of its Registrar, and what to repair beforehand. It takes 20 seconds at most.
While the daemon pauses, for example because the password was refused, the drill is not held.
Exit code 0: the device would find a Registrar; 4: it would not; 1: the drill was not held.`
	c.Example = "homeward drill dns\nhomeward drill primary --json"
	c.Args = func(c *cobra.Command, args []string) error {
		if len(args) != 1 || !slices.Contains(cases, args[0]) {
			return badUsage("drill: say what should fail: %s or %s", strings.Join(cases[:len(cases)-1], ", "), cases[len(cases)-1])
		}
		return nil
	}
	c.ValidArgsFunction = cobra.FixedCompletions(cases, cobra.ShellCompDirectiveNoFileComp)
	addSettingFlags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// rehearse holds a drill for this device as it is now. A daemon beside it goes on undisturbed.
func rehearse(ctx context.Context, e env, conf *config.Config, what drill.Case) *drill.Report {
	identify(&conf.Policy, thisVersion())
	anchored(conf)
	asking, cancel := context.WithTimeout(ctx, daemonLimit)
	defer cancel()
	var rests provisioning.Trouble
	status, err := daemon(conf).Status(asking) // first: if it hangs, nothing else waits for it
	record, _ := e.recall(asking, conf, "the last good record cannot be read; the drill assumes that there is none")
	if err == nil {
		rests = pause(status)
	}
	lent := lend(conf, record, status, err)
	progress, done := progressOn(e)
	defer done()
	progress("rehearsing, for 20 seconds at most")
	return drill.Run(ctx, drill.Options{
		Case: what, Policy: conf.Policy, Wire: wire.System(), Record: *record, Rests: rests, Beside: daemonStands(conf, status, err).MayBeBound(), EndpointID: lent.endpoint, Untried: lent.untried,
	})
}

// pause is why the daemon leaves Registrars alone: one that has refused the password once, or has asked for a pause, would be
// bothered again by a drill.
func pause(s *provisioning.Status) provisioning.Trouble {
	switch {
	case s.State != provisioning.Resting:
		return provisioning.Trouble{}
	case s.Reason == provisioning.CredentialsResting:
		return s.Reason.Met("")
	default:
		facts := provisioning.Facts{"until": s.NextAttempt.UTC().Format("15:04:05 UTC")}
		if mayTry(s) {
			facts["restart"] = true
		}
		return provisioning.FaultDaemonRests.Because(s.Reason.Met(""), facts)
	}
}

// printDrill prints what the drill comes to, then step by step how.
func printDrill(p *page, r *drill.Report) error {
	switch {
	case r.Registered && r.Registrar != nil:
		how := ""
		if r.Degraded {
			how = ", through last good"
		}
		p.printf("%s\nThe device would find %s%s. It would be without a Registrar for %.1f s.\n", p.paint(good, "ok"), printable(r.Registrar.HostPort()), how, float64(r.WithoutMS)/1000)
	case !r.Held:
		p.printf("%s\nThe drill was not held: %s\n", p.paint(bad, "failed"), because(r.Why()))
		for _, mend := range r.Mend {
			p.printf("To do first: %s.\n", inFull(mend))
		}
		return p.err
	case r.Reason != "" || r.What != "":
		p.printf("%s\nThe device would not find a Registrar: %s\n", p.paint(bad, "failed"), because(r.Why()))
	default:
		p.printf("%s\nThe device would not find a Registrar.\n", p.paint(bad, "failed"))
	}
	for _, mend := range r.Mend {
		p.printf("Before the real outage: %s.\n", inFull(mend))
	}
	if len(r.Steps) > 0 {
		p.printf("\n")
	}
	for _, s := range r.Steps {
		p.printf("%s\n", fmt.Sprintf("%8s  %s", fmt.Sprintf("+%.1f s", float64(s.AtMS)/1000), inFull(s.Text)))
	}
	return p.err
}
