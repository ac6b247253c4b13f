package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"homeward/cache"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// Options are what a check is about.
type Options struct {
	Policy provisioning.Policy
	Wire   wire.Wire
	Record cache.Record // what the device remembers; zero: nothing
	Unread bool         // what it remembers cannot be read: who asks may not, or it is damaged
	Link   Link
	// Identity is the certificate with which the device signs in; zero: it has none.
	Identity provisioning.Identity
	// EndpointID is the endpoint to which Policy.Identity was issued: the check signs in as that, since the daemon does not run. "":
	// as an endpoint of its own.
	EndpointID string
	// NoPassword is why the password that is configured cannot be read; none: it was, or there is none.
	NoPassword provisioning.Trouble
	// Alone says whether the daemon still does not run, where there is an EndpointID.
	Alone func() bool
	// Untried is why the check does not sign in with the certificate that the device has; none: it does, or there is none.
	Untried provisioning.Trouble
	// Store is what the daemon says about its store.
	Store  []provisioning.StoreState
	Daemon Daemon
	// Again asks the daemon once more.
	Again func() *Daemon
	// Losses are how often the daemon has lost registrations lately.
	Losses []provisioning.Losses
	// ByPassed says that Policy.Manual was named on the command line, to by-pass discovery as -TargetFQDN does.
	ByPassed bool
	// Progress, if there is one, is told what is being looked at.
	Progress func(what string)
}

// Daemon is where the daemon of this device stands; zero: nothing is known of one.
type Daemon struct {
	NotRunning  bool
	Hangs       bool // it runs, and does not answer
	Unknown     bool // it could not be asked
	State       provisioning.State
	SIPAddress  string // as which it signs in
	Newer       string // a file of settings that is newer than its start; "": none, as far as that is known
	Degraded    bool
	Since       time.Time           // it is registered, or is not; zero: not known
	Reason      provisioning.Reason // why it is not registered, or degraded
	Fault       string              // its id in docs/faults.md, where more is known than the Reason
	What        string              // that in words, with the hosts; "": nothing more is known
	Hint        string              // what to do about it; "": nothing more is known
	Side        provisioning.Side   // who has to put it right, where that is another than that of the Fault; "": see the Fault
	NextAttempt time.Time           // while it rests
	// NextKnock is when it sees before that whether one of the places to which no connection came about takes one, and NextLookup whether there
	// is something to try, where there was nothing; zero: it does not.
	NextKnock, NextLookup time.Time
	LinkLost              provisioning.Pace // that the link of this device was lost often lately; empty: it was not
	Late                  provisioning.Pace // that answers came late; empty: they did not
	// Cycle is its latest walk; nil: none.
	Cycle *provisioning.Cycle
	// Metrics is why it serves no metrics although it should; nil: it does, or should not.
	Metrics *provisioning.StoreState
	// At is how it is registered; nil: it is not.
	At *provisioning.Status
}

// registered says whether it is.
func (d *Daemon) registered() bool { return d.State == provisioning.Registered }

// MayBeBound says whether it may hold a binding, or is about to: where a Registrar keeps one for each account, another one would push
// it out, and to take that back would leave none. One that rests, or does not run, has none to lose.
func (d *Daemon) MayBeBound() bool {
	return *d != Daemon{} && !d.NotRunning && d.State != provisioning.Resting
}

// does is what it does, and since when.
func (d *Daemon) does() string {
	text := "registered"
	switch {
	case d.registered() && d.Degraded:
		text += " through last good"
	case d.missed() != nil:
		text += " at a fallback, " + d.where()
	case d.registered():
	default:
		text = "not registered (" + d.State.String() + ")"
	}
	facts := d.facts()
	if since := facts["since"]; since != nil {
		text += fmt.Sprintf(" since %s", since)
	}
	if until := facts["until"]; until != nil {
		text += fmt.Sprintf("; it tries again at %s", until)
	}
	return text
}

// spares is why nobody signs in now, or none: a Registrar has refused the password of the daemon, or asks for a pause. The daemon
// counts its tries, and one of the check would come on top. Another Registrar than those of the daemon has asked for no pause.
func (d *Daemon) spares(elsewhere bool) provisioning.Trouble {
	asked := d.Reason == provisioning.RetryAfter || d.Reason == provisioning.SIPUnavailable
	rests := d.Reason == provisioning.CredentialsResting
	switch {
	case rests && !d.registered(): // also while it looks for a Registrar, after a change of its network
	case d.State != provisioning.Resting, !d.Reason.IsPause(), d.Reason == provisioning.StormWindow, asked && elsewhere:
		return provisioning.Trouble{}
	}
	facts := d.facts()
	if d.Newer != "" && !asked { // it may hold another password
		facts["newer"] = d.Newer
	}
	if rests {
		facts["rests"] = true
		if a := d.met(provisioning.SIPCredentials, provisioning.SIPForbidden); a != nil {
			facts["host"] = a.Host
			return passwordSpared(d.cause(), facts, told(a).OnSide())
		}
		return provisioning.FaultPasswordSpared.Because(d.cause(), facts)
	}
	tells := func(a provisioning.Attempt) bool { return a.Result == "failed" && a.What != "" && a.What == d.What }
	if i := slices.IndexFunc(d.attempts(), tells); i >= 0 { // else it is not known of whom it tells
		facts["others"] = hostsBut(d.attempts(), d.attempts()[i].Host)
	}
	return provisioning.FaultSpared.Because(d.cause(), facts).Also(provisioning.FaultPauses, facts)
}

// passwordSpared is that nobody signs in since a Registrar has refused the password; that is on the side of its refusal, be it known or not.
func passwordSpared(cause provisioning.Trouble, facts provisioning.Facts, side provisioning.Side) provisioning.Trouble {
	return provisioning.FaultPasswordSpared.Because(cause, facts).On(cmp.Or(side, provisioning.SideOpen))
}

// hostsBut are the hosts at which attempts have failed, but for one, in words; "": none.
func hostsBut(attempts []provisioning.Attempt, host string) string {
	var hosts []string
	for i := range attempts {
		if a := &attempts[i]; a.Result == "failed" && a.Host != host && !slices.Contains(hosts, a.Host) {
			hosts = append(hosts, a.Host)
		}
	}
	return strings.Join(hosts, " and ")
}

// cause is why a daemon rests, in its own words where it has told some.
func (d *Daemon) cause() provisioning.Trouble {
	t := d.Reason.Met("")
	if t.None() || d.What == "" {
		return t
	}
	return toldAs(t, d.Fault, d.What, cmp.Or(d.Hint, d.Reason.Hint()), d.Side)
}

// toldAs is a Trouble in the words of the daemon, with the side of the fault that it names, or that of the case.
func toldAs(t provisioning.Trouble, fault, what, do string, of provisioning.Side) provisioning.Trouble {
	t = t.InWords(what, do)
	switch side := cmp.Or(of, provisioning.Fault(fault).Side()); {
	case !slices.Contains(provisioning.Faults(), provisioning.Fault(fault)): // of a daemon of another version
		return t
	case side == "":
		return t.OnNoSide()
	default:
		return t.On(side)
	}
}

// told is why an attempt has failed, in the words of the daemon.
func told(a *provisioning.Attempt) provisioning.Trouble {
	return toldAs(a.Reason.Met(""), a.Fault, cmp.Or(a.What, a.Reason.Title()), cmp.Or(a.Hint, a.Reason.Hint()), a.Side)
}

// met is the last attempt that has failed for one of these reasons, and tells more of it; nil: there is none.
func (d *Daemon) met(reasons ...provisioning.Reason) *provisioning.Attempt {
	attempts := d.attempts()
	for i := len(attempts) - 1; i >= 0; i-- {
		if a := &attempts[i]; a.Result == "failed" && a.What != "" && slices.Contains(reasons, a.Reason) {
			return a
		}
	}
	return nil
}

// attempts are those of its latest walk.
func (d *Daemon) attempts() []provisioning.Attempt {
	if d.Cycle == nil {
		return nil
	}
	return d.Cycle.Attempts
}

// since is that moment, as people read it.
func (d *Daemon) since() string { return d.Since.UTC().Format("2006-01-02 15:04:05 UTC") }

// facts are since when it is as it is, and when it tries again.
func (d *Daemon) facts() provisioning.Facts { return d.factsUntil(d.NextAttempt) }

func (d *Daemon) factsUntil(at time.Time) provisioning.Facts {
	facts := provisioning.Facts{}
	if !at.IsZero() {
		facts["until"] = at.UTC().Format("15:04:05 UTC")
		if !d.Reason.IsPause() {
			facts["restart"] = true
		}
	}
	if !d.Since.IsZero() {
		facts["since"] = d.since()
	}
	return facts
}

// knocksAt says whether it sees by itself that a Registrar takes connections: it knocks where none came about.
func (d *Daemon) knocksAt(r *provisioning.Registrar) bool {
	return !d.NextKnock.IsZero() && d.Cycle != nil && slices.ContainsFunc(d.Cycle.Attempts, func(a provisioning.Attempt) bool {
		return a.Result == "failed" && a.Reason.IsConnect() && a.Endpoint() == r.Endpoint && a.Address == r.Address
	})
}

// back are the facts of a daemon that has nothing left to wait for, where a check has signed in to a Registrar.
func (d *Daemon) back(r *provisioning.Registrar) provisioning.Facts {
	at := d.NextAttempt
	switch {
	case d.knocksAt(r):
		at = d.NextKnock
	case !d.NextLookup.IsZero():
		at = d.NextLookup
	}
	facts := d.factsUntil(at)
	if facts["in"] = spell(time.Until(at)); d.State != provisioning.Resting {
		facts["in"], facts["looks"] = nil, true
	}
	return facts
}

// spell is a time that is left, in words.
func spell(left time.Duration) string {
	if left = max(left, 1); left < 2*time.Minute {
		return fmt.Sprintf("%d s", (left+time.Second-1)/time.Second)
	}
	return fmt.Sprintf("%d min", (left+time.Minute-1)/time.Minute)
}

// missed is the better Registrar at which the daemon has failed; nil: it is at none worse than that.
func (d *Daemon) missed() *provisioning.Fallback {
	if d.At == nil || d.At.Registrar == nil {
		return nil
	}
	return d.At.Fallback
}

// aside says whether it is registered at a lesser place than it might be.
func (d *Daemon) aside() bool {
	return d.missed() != nil || d.Degraded && d.At != nil && d.At.Registrar != nil
}

// outside says whether it is registered where only devices outside the site need to be.
func (d *Daemon) outside() bool {
	return d.At != nil && d.At.Registrar != nil && d.At.Registrar.Step != nil && d.At.Registrar.Step.IsOutside()
}

// where is the place at which it is registered.
func (d *Daemon) where() string {
	r := d.At.Registrar
	if r.Step == nil {
		return r.HostPort()
	}
	return r.HostPort() + " (" + r.Step.String() + ")"
}

// wayBack are where it is instead of a better Registrar, and when it looks at one.
func (d *Daemon) wayBack() provisioning.Facts {
	facts := d.factsUntil(time.Time{})
	facts["at"] = d.where()
	if missed := d.missed(); missed != nil {
		facts["better"], facts["host"] = missed.Endpoint().HostPort(), missed.Host
	}
	switch b := d.At.Better; {
	case b != nil:
		facts["looks"], facts["until"], facts["in"] = b.HostPort(), b.NextAt.UTC().Format("15:04:05 UTC"), spell(time.Until(b.NextAt))
		if facts["twice"] = true; b.Answered {
			facts["once"], facts["twice"] = true, nil
		}
	case d.At.NextLookup.IsZero():
		facts["stays"] = true
	default:
		if facts["asks"] = "DNS and DHCP"; !d.Degraded || d.Cycle.WithoutDHCP() { // else for what DNS has not answered
			facts["asks"] = "DNS"
		}
		facts["until"], facts["in"] = d.At.NextLookup.UTC().Format("15:04:05 UTC"), spell(time.Until(d.At.NextLookup))
	}
	return facts
}

// Verdict is what a check comes to.
type Verdict string

// The verdicts.
const (
	OK       Verdict = "ok"       // the device signs in, the way the site means it to
	Degraded Verdict = "degraded" // it signs in, and something is to be mended
	Failed   Verdict = "failed"   // it does not sign in
)

// Result is how one node of the tree stands.
type Result string

// The results.
const (
	Good    Result = "ok"
	Warn    Result = "warn" // wrong, and the device gets along without it
	Bad     Result = "failed"
	Skipped Result = "skipped" // not looked at, or of no use: see Needs and Reason
)

// Check is one node of the tree. All text is escaped by those who show it: some of it comes from the network.
type Check struct {
	ID     string              `json:"id"`              // "dns.internal-tls", "registrar.fe01.contoso.com:5061/tls"
	Under  string              `json:"under,omitempty"` // the node it belongs to
	Title  string              `json:"title"`
	Result Result              `json:"result"` // how it stands; the clock is "skipped" where nothing has told whether it is right
	Reason provisioning.Reason `json:"reason,omitempty"`
	Fault  string              `json:"fault,omitempty"` // its id in docs/faults.md, where more is known than the reason
	What   string              `json:"what,omitempty"`  // what is wrong, as docs/faults.md has it
	Detail string              `json:"detail,omitempty"`
	Hint   string              `json:"hint,omitempty"`
	Needs  string              `json:"needs,omitempty"` // the node that failed, so that this one was not looked at
	From   string              `json:"from,omitempty"`  // the node below it that is not well: Result, Reason, Fault and What are of that one
	TookMS int64               `json:"took_ms"`
}

// because makes a node that of a fault.
func (c *Check) because(result Result, t provisioning.Trouble) {
	c.Result, c.Reason, c.Hint = result, t.Reason(), t.Hint()
	if t.Specific() {
		c.Fault, c.What = string(t.Fault), t.What()
	}
}

// Report is the outcome, in the form of `homeward check --json`.
type Report struct {
	Version int      `json:"version"`
	Verdict Verdict  `json:"verdict"`
	Summary []string `json:"summary"` // one to three sentences: what is wrong, whose side it is on, what to do
	// Otherwise is what to do if that does not help, the more likely first.
	Otherwise []string            `json:"otherwise,omitempty"`
	Reason    provisioning.Reason `json:"reason,omitempty"`
	Fault     string              `json:"fault,omitempty"` // as in Check
	Also      []string            `json:"also,omitempty"`  // faults told in the same breath
	// Besides are the nodes with a problem that the summary neither tells nor explains.
	Besides []string          `json:"besides,omitempty"`
	Side    provisioning.Side `json:"side,omitempty"` // who has to put it right
	Host    string            `json:"host,omitempty"` // the host that the summary is about
	TookMS  int64             `json:"took_ms"`
	// CertificateService is the URL that a Registrar has named for certificates for sign-in.
	CertificateService string `json:"certificate_service,omitempty"`
	// Losses are how often the daemon has lost registrations lately, as in status.
	Losses []provisioning.Losses `json:"losses,omitempty"`
	Checks []Check               `json:"checks"` // the nodes, from the socket in the wall to the day when DNS and DHCP die
}
