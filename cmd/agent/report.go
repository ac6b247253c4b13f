package main

import (
	"time"

	"github.com/spf13/cobra"

	"homeward/provisioning"
)

func reportCommand(e env) *cobra.Command {
	return group("report", "Tell the daemon how the phone's own registration is", []*cobra.Command{reportFailedCommand(e)})
}

func reportFailedCommand(e env) *cobra.Command {
	c := verb("failed", "Say that the phone's own registration has failed", func(c *cobra.Command) error {
		places, err := loadPlaces(c)
		if err != nil {
			return err
		}
		report, err := daemon(places).Report(c.Context())
		if err != nil {
			return daemonFailure(err)
		}
		p := newPage(e.stdout)
		p.printf("%s\n", reportText(report, time.Now()))
		if report.Looks {
			e.remark("hint", "see what comes of it: homeward history --follow")
		}
		return p.err
	})
	c.Long = "If homeward is registered, it asks its Registrar at once. If it is looking for a Registrar, or leaves Registrars alone for a while, the report changes nothing. " +
		"After a report the next one counts after 30 s, and later while reports go on. Everybody who may read the control socket may report."
	return c
}

// reportText is what comes of a report, in words.
func reportText(r provisioning.Report, now time.Time) string {
	switch {
	case r.Looks:
		return "the Registrar is asked now"
	case r.State == provisioning.Registered:
		return "the Registrar was asked a short while ago; the next report counts " + until(now, r.Until)
	case r.State == provisioning.Resting && !r.Until.IsZero():
		return "Registrars are left alone for now, and are tried again " + until(now, r.Until)
	default:
		return "homeward is looking for a Registrar already"
	}
}
