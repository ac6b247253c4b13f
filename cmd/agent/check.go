package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"homeward/internal/config"
	"homeward/provisioning"
	"homeward/provisioning/check"
	"homeward/provisioning/wire"
)

func checkCommand(e env) *cobra.Command {
	var asJSON, all bool
	var target, metadata string
	c := verb("check [flags]", "Test the whole sign-in, layer by layer, and say what to fix", func(c *cobra.Command) error {
		conf, noPassword, err := toCheck(func(names ...string) (*config.Config, error) { return loadSite(c, names...) })
		if err != nil {
			return besideDaemon(c, err)
		}
		if c.Flags().Changed("target") {
			conf.Policy.Manual = nil
			if err := conf.AddServer(target, false); err != nil {
				return badUsage("--target: %v", err)
			}
			if len(conf.Policy.Manual) == 0 {
				return badUsage("--target is empty")
			}
		}
		report := checkSite(c.Context(), e, conf, noPassword, c.Flags().Changed("target"))
		if err := uninterrupted(c); err != nil {
			return err
		}
		if metadata != "" {
			if err := saveMetadata(c.Context(), e, conf, report.CertificateService, metadata); err != nil {
				return err
			}
		}
		if asJSON {
			err = printJSON(e.stdout, report)
		} else {
			err = printReport(newPage(e.stdout), &report, all)
		}
		if err == nil && !noPassword.None() {
			return &failure{code: exitUsage}
		}
		if err == nil && report.Verdict == check.Failed {
			err = &failure{code: exitNotRegistered}
		}
		return err
	})
	c.Long = `It begins with what is wrong, whose side it is on, and what to do. DHCP is asked on the interface with the default route,
unless the setting interface names another. The time servers that DHCP and DNS name are asked how far off the clock of
this device is; the clock is never set. check signs in and signs out again as a separate endpoint; beside a running daemon it does so
without a Contact, so that a Registrar which keeps one registration for each account leaves that of the daemon as it is.
The certificate of this device belongs to the endpoint of the daemon: where the daemon is registered with it, check
reports that; where the daemon is not running, check signs in with it. Exit code 0 means ok or degraded. Degraded means that the device signs in, but
something should be fixed.

What other phones use and this device does not is looked at, too, anonymously and over verified HTTPS only: the root document
of Autodiscover is compared with the plan, and the certificate service that option 43 names is asked which ways to sign
in it offers. Whether certificates are issued and whether PIN sign-in works is not tested, nor is Exchange. check cannot tell that a Registrar's certificate was once signed by
another authority.`
	addSettingFlags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVarP(&all, "verbose", "v", false, "print every line, not only problems and what supports the verdict")
	c.Example = "homeward check\nhomeward check --target pool01.contoso.com:5061"
	c.Flags().StringVar(&target, "target", "", "test the Registrar `HOST[:PORT]` instead of those that DNS and DHCP name")
	complete(c, "target")
	c.Flags().StringVar(&metadata, "save-metadata", "", "save what the certificate services say of themselves in `DIR`, with the names of the site replaced")
	return c
}

// toCheck loads the settings for a check. The file of the password may be wrong, where the configuration names it: what can be seen without
// the password is seen all the same. Who may not read the file is not the daemon, and who types its name is there to correct it.
func toCheck(load func(names ...string) (*config.Config, error)) (*config.Config, provisioning.Trouble, error) {
	conf, err := load()
	var wrong config.Problems
	if !errors.As(err, &wrong) || len(wrong) != 1 || wrong[0].Key != passwordKey || wrong[0].From.Flag != "" || errors.Is(err, fs.ErrPermission) {
		return conf, provisioning.Trouble{}, err
	}
	p := wrong[0]
	if conf, err = load(config.AllBut(passwordKey)...); err != nil {
		return nil, provisioning.Trouble{}, err
	}
	facts := provisioning.Facts{"problem": p.Err.Error(), "from": p.From.String(), "advice": p.Hint}
	if p.Hint == "" {
		facts["mute"] = true
	}
	return conf, provisioning.FaultPasswordFile.Met(facts), nil
}

// passwordKey is the setting that names the file of the password.
const passwordKey = "password_file"

// besideDaemon says of a configuration that cannot be used how the daemon stands, which may have read it at its start. What is wrong with a
// flag, or with the rights of who runs the command, is nothing to the daemon.
func besideDaemon(c *cobra.Command, wrong error) error {
	places, err := loadPlaces(c)
	if err != nil || errors.Is(wrong, fs.ErrPermission) || setByFlag(c) {
		return wrong
	}
	asking, cancel := context.WithTimeout(c.Context(), daemonLimit)
	defer cancel()
	s, err := daemon(places).Status(asking)
	if err != nil || s.State != provisioning.Registered {
		return wrong
	}
	return &failure{code: exitUsage, err: wrong, hints: []string{"the daemon has been registered since " + clock(s.RegisteredAt) +
		" with the settings and the password that it read at its start; if it reads this file at its next start, correct this before then"}}
}

// checkSite runs a check for this device as it is now. A daemon beside it goes on undisturbed.
func checkSite(ctx context.Context, e env, conf *config.Config, noPassword provisioning.Trouble, byPassed bool) check.Report {
	v := thisVersion()
	identify(&conf.Policy, v)
	anchored(conf)
	asking, cancel := context.WithTimeout(ctx, daemonLimit)
	defer cancel()
	status, err := daemon(conf).Status(asking) // first: if it hangs, nothing else waits for it
	record, unread := e.recall(asking, conf, "last good cannot be read")
	stands := daemonStands(conf, status, err)
	if all := conf.Policy.LateRoots; all != nil { // a check tells of every chain that a certificate has
		conf.Policy.Roots, conf.Policy.LateRoots = all(), nil
	}
	own, _ := identityOf(asking, conf) // who may not read it sees the rest
	lent := lend(conf, record, status, err)
	if slices.IndexFunc(status.Store, isWithoutSpace) < 0 { // the daemon does not run, or is of another version
		status.Store = append(withoutSpace(conf, tight{}), status.Store...)
	}
	progress, done := progressOn(e)
	defer done()
	r := check.Run(ctx, check.Options{
		NoPassword: noPassword, EndpointID: lent.endpoint, Alone: func() bool { return isAlone(ctx, conf) }, Untried: lent.untried,
		Policy: conf.Policy, Wire: wire.System(), Record: *record, Unread: unread, Identity: own.Identity, Link: check.SystemLink(conf.Policy.Interface),
		Store: status.Store, Daemon: *stands, Again: func() *check.Daemon { return askAgain(ctx, conf) }, Losses: status.Losses, ByPassed: byPassed, Progress: progress,
	})
	r.CertificateService = cmp.Or(r.CertificateService, lent.service)
	return r
}

// saveMetadata saves what the certificate service and the web ticket service say of themselves to everybody.
func saveMetadata(ctx context.Context, e env, conf *config.Config, url, dir string) error {
	if url == "" {
		return &failure{code: exitFailed, err: errors.New("no Registrar has named a certificate service: nothing is saved"), hints: []string{"a Registrar names it when it offers TLS-DSK"}}
	}
	ctx, cancel := context.WithTimeout(ctx, metadataLimit)
	defer cancel()
	all, err := check.Describe(ctx, check.Options{Policy: conf.Policy, Wire: wire.System()}, url)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return &failure{code: exitFailed, err: err}
	}
	for _, d := range all {
		name := filepath.Join(dir, d.Name+"-mex.xml")
		if err := os.WriteFile(name, d.Text, 0o600); err != nil {
			return &failure{code: exitFailed, err: err}
		}
		e.remark("hint", "saved "+name+", with the names of this site replaced: look at it before you send it to anybody")
	}
	if err != nil {
		return &failure{code: exitFailed, err: fmt.Errorf("the services do not say more: %w", err)}
	}
	return nil
}

// metadataLimit is how long the services may take. (Our choice.)
const metadataLimit = 30 * time.Second

// sideUnknown says that it is not known whose side it is on, and why, where that is what a tech would ask. Where it is the same at all Registrars,
// what is most likely has been said.
func sideUnknown(r check.Report) string {
	switch {
	case provisioning.Fault(r.Fault) == provisioning.FaultAlike:
		return "Which side is at fault is not known for certain."
	case r.Reason == provisioning.TLSUntrusted:
		return "Which side is at fault is not known: a certificate that is not trusted may come from anybody on the way."
	}
	return "Which side is at fault is not known."
}

// printReport prints what the check comes to, and then what supports it: in a line what is well, in full what is not.
// all: every line there is.
func printReport(p *page, r *check.Report, all bool) error {
	p.printf("%s\n", p.paint(verdictColour(r.Verdict), string(r.Verdict)))
	for i, sentence := range r.Summary {
		p.printf("%s\n", inFull(sentence))
		if i == 0 && r.Side == "" && r.Verdict != check.OK && !provisioning.Fault(r.Fault).Perhaps() { // absent from the JSON, as all that is not known
			p.printf("%s\n", sideUnknown(*r))
		}
	}
	if len(r.Otherwise) > 0 {
		p.printf("If that does not help:\n")
	}
	for _, sentence := range r.Otherwise {
		p.printf("  - %s\n", inFull(sentence))
	}
	if also := alsoWrong(*r); len(also) > 0 {
		heading := "Other problems (details below)"
		if r.Verdict == check.OK {
			heading = "Not in the way of this sign-in, but should be fixed (details below)"
		}
		p.printf("%s: %s.\n", heading, strings.Join(also, ", "))
	}
	p.printf("\n")
	t := outline(*r)
	for i := range r.Checks {
		c := &r.Checks[i]
		depth := t.depth[c.ID]
		needs := cmp.Or(t.titles[c.Needs], c.Needs)
		indent := strings.Repeat("  ", depth)
		wrong := c.Result == check.Warn || c.Result == check.Bad
		switch {
		case all && !t.repeats[c.ID], wrong && !t.repeats[c.ID]:
			printCheck(p, c, indent, needs)
			if c.From == "" && c.Hint != "" && slices.Contains(r.Besides, c.ID) { // the summary has that of the others
				p.printf("%s%shint: %s\n", strings.Repeat(" ", 11), indent, inFull(c.Hint))
			}
		case all || depth > 0:
		case c.Result == check.Good && !strings.HasPrefix(c.ID, "name."):
			p.printf("%s%s\n", mark(p, c), oneLine(c))
		case c.Result == check.Skipped && (t.needed[c.ID] || c.ID == clockNode) && needs == "":
			printCheck(p, c, indent, needs)
		case c.Result == check.Skipped && needs != "":
			p.printf("%s%s: not tested, because of: %s\n", mark(p, c), printable(c.Title), printable(needs))
		}
	}
	if !all {
		p.printf("\nhomeward check -v shows every line.\n")
	}
	return p.err
}

// tree is where the nodes of a report stand.
type tree struct {
	depth   map[string]int
	titles  map[string]string
	repeats map[string]bool // what the node above it says already
	needed  map[string]bool // what another one was not tested for
}

// outline finds where the nodes stand. Below an address of a Registrar are its layers, which say what it says.
func outline(r check.Report) tree {
	t := tree{map[string]int{}, map[string]string{}, map[string]bool{}, map[string]bool{}}
	for i := range r.Checks {
		c := &r.Checks[i]
		t.needed[c.Needs] = true
		t.titles[c.ID] = c.Title
		if c.Under == "" {
			continue
		}
		t.depth[c.ID] = t.depth[c.Under] + 1
		t.repeats[c.ID] = t.repeats[c.Under] || t.depth[c.ID] > 1
	}
	return t
}

// oneLine is a node at which all is well.
func oneLine(c *check.Check) string {
	text := printable(c.Title)
	if c.Detail != "" {
		text += ": " + inFull(c.Detail)
	}
	if c.TookMS > 0 {
		text += fmt.Sprintf(" (%d ms)", c.TookMS)
	}
	return text
}

// alsoWrong lists what has a problem besides that of the summary.
func alsoWrong(r check.Report) []string {
	var also []string
	for i := range r.Checks {
		c := &r.Checks[i]
		if slices.Contains(r.Besides, c.ID) {
			also = append(also, fmt.Sprintf("%s (%s)", printable(c.Title), cmp.Or(string(c.Reason), c.Fault)))
		}
	}
	return also
}

// printCheck prints a line for a check, and below it what there is to say. needs is the check that it waits for.
func printCheck(p *page, c *check.Check, indent, needs string) {
	took := ""
	if c.TookMS > 0 {
		took = fmt.Sprintf(" (%d ms)", c.TookMS)
	}
	p.printf("%s%s%s%s\n", mark(p, c), indent, printable(c.Title), took)
	below := strings.Repeat(" ", 11) + indent
	switch {
	case c.From != "": // in the lines below
	case needs != "":
		p.printf("%snot tested, because of: %s\n", below, printable(needs))
	case c.Reason != "" || c.What != "":
		p.printf("%s%s\n", below, because(&provisioning.Why{Reason: c.Reason, What: c.What, Detail: c.Detail}))
	case c.Detail != "":
		p.printf("%s%s\n", below, inFull(c.Detail))
	}
}

// mark is how a node stands, at the beginning of its line.
func mark(p *page, c *check.Check) string {
	text := fmt.Sprintf("%-9s", standing(*c))
	if colour := map[check.Result]string{check.Good: good, check.Warn: warn, check.Bad: bad}[c.Result]; colour != "" {
		return p.paint(colour, text)
	}
	return text
}

// clockNode is that of which nobody may be there to tell.
const clockNode = "clock"

// standing is the result in a word. What was looked at, and is of no use to the device, was not skipped.
func standing(c check.Check) string {
	switch {
	case c.ID == clockNode && c.Result == check.Skipped && c.Needs == "":
		return "unknown"
	case c.Result != check.Skipped || c.Needs != "" || c.TookMS == 0:
		return string(c.Result)
	case c.Reason == provisioning.DNSNoRecord, c.Reason == provisioning.NoAddress:
		return "none"
	case c.Reason != "":
		return "unused"
	default:
		return string(c.Result)
	}
}

func verdictColour(v check.Verdict) string {
	return map[check.Verdict]string{check.OK: good, check.Degraded: warn, check.Failed: bad}[v]
}
