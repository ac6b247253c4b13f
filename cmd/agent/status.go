package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"homeward/internal/config"
	"homeward/provisioning"
	"homeward/service/control"
)

func statusCommand(e env) *cobra.Command {
	var asJSON, watch bool
	c := verb("status [--watch] [--json]", "Show what the device uses now, and since when", func(c *cobra.Command) error {
		places, err := loadPlaces(c)
		if err != nil {
			return err
		}
		if watch {
			return watchStatus(c.Context(), e, places, asJSON)
		}
		status, err := daemon(places).Status(c.Context())
		if errors.Is(err, control.ErrNotRunning) {
			if wrong := cannotStart(c); wrong != nil {
				return &failure{code: exitNotRunning, err: errors.Join(err, wrong), hints: []string{notStarting, noService}}
			}
		}
		if err != nil {
			return daemonFailure(err)
		}
		if asJSON {
			err = printJSON(e.stdout, status)
		} else {
			err = printStatus(newPage(e.stdout), status, time.Now())
		}
		if err == nil && status.State != provisioning.Registered {
			err = &failure{code: exitNotRegistered}
		}
		return err
	})
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().BoolVar(&watch, "watch", false, "show it again whenever something happens, until interrupted; with --json one object a line")
	return c
}

// watchAtLeast is how often a watched status is shown anew though nothing happens: it tells how long ago things were. (Our choice.)
const watchAtLeast = 10 * time.Second

// watchStatus shows the status, and shows it again when something has happened. A daemon that ends, or starts, is shown as that.
func watchStatus(ctx context.Context, e env, places *config.Config, asJSON bool) error {
	happened := make(chan struct{}, 1)
	go func() {
		for ctx.Err() == nil {
			_ = daemon(places).History(ctx, control.Excerpt{Follow: true}, func(control.Entry) error {
				select {
				case happened <- struct{}{}:
				default: // it will be looked at anyway
				}
				return nil
			}) // a daemon that is gone is asked again
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
	}()
	for {
		if err := showStatus(ctx, e, places, asJSON); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-happened:
		case <-time.After(watchAtLeast):
		}
		select { // what happens at once is shown at once
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
		select {
		case <-happened:
		default:
		}
	}
}

// showStatus shows the status once, on a terminal in the place of what was there.
func showStatus(ctx context.Context, e env, places *config.Config, asJSON bool) error {
	status, err := daemon(places).Status(ctx)
	if ctx.Err() != nil {
		return nil
	}
	out := newPage(e.stdout)
	switch {
	case asJSON && err == nil:
		return printJSONLine(e.stdout, status)
	case asJSON:
		return printJSONLine(e.stdout, map[string]string{"error": err.Error()})
	case out.width > 0:
		out.asIs("\x1b[H\x1b[2J") // cursor to the top, erase the display (ECMA-48 §8.3.21, §8.3.39)
	default:
		out.printf("%s\n", moment(time.Now()))
	}
	if err != nil {
		out.printf("%s\n\n", printable(err.Error()))
		return out.err
	}
	err = printStatus(out, status, time.Now())
	out.printf("\n")
	return err
}

// printStatus prints what is used now, then what was tried last.
func printStatus(p *page, s *provisioning.Status, now time.Time) error {
	printHeadline(p, s, now)
	p.row("SIP address", printable(s.SIPAddress))
	if r := s.Registrar; r != nil {
		used := printable(r.HostPort()) + " over " + strings.ToUpper(r.Transport.String())
		if r.Address.IsValid() {
			used += " at " + r.Address.String()
		}
		p.row("Registrar", used)
		step := ""
		if r.Step != nil {
			step = r.Step.String()
		}
		p.row("found by", foundBy(step, r.Via))
		p.row("role", printable(r.Role))
		p.row("signed in", signedIn(s))
	}
	for i := range s.Home {
		h := &s.Home[i]
		p.row("home", strings.TrimSpace(printable(h.HostPort())+" "+printable(h.Role)))
	}
	for i := range s.MediaRelays {
		m := &s.MediaRelays[i]
		p.row("media relay", relay(m.Host, provisioning.ListOf(m.Addresses), port{m.UDPPort, m.UDPAnswers}, port{m.TCPPort, m.TCPAnswers}, m.Location))
	}
	if told := s.Provisioning; told != nil {
		p.row("in band", toldInBand(*told))
	}
	if w := s.Watch; w != nil && s.Registrar != nil {
		p.row("binding", watched(*w, s.Registrar.HostPort(), now))
	}
	if !s.ExpiresAt.IsZero() && s.ExpiresAt.After(now) {
		p.row("next renewal", "within "+words(s.ExpiresAt.Sub(now)))
	}
	printIdentity(p, s, now)
	for i := range s.Losses {
		l := &s.Losses[i]
		p.row("lost", lossesWords(l, now))
	}
	if !s.NextAttempt.IsZero() {
		p.row("next attempt", until(now, s.NextAttempt))
		for _, row := range meanwhile(s, now) {
			p.row("meanwhile", row)
		}
	}
	for i := range s.Store {
		state := &s.Store[i]
		p.printf("\n%s\n", p.paint(warn, "store: "+because(state.Why())))
		p.cure(s, state.Why())
	}
	if s.Metrics != nil {
		p.printf("\n%s\n", p.paint(warn, because(s.Metrics.Why())))
		p.cure(s, s.Metrics.Why())
	}
	for i := range s.Pace {
		pace := &s.Pace[i]
		if s.State != provisioning.Registered && pace.Fault != "" && pace.Fault == s.Fault { // it is why the device is not registered
			continue
		}
		p.printf("\n%s\n", p.paint(warn, because(pace.Why())))
		p.cure(s, pace.Why())
	}
	if s.Cycle != nil {
		printCycle(p, s, now)
	}
	return p.err
}

// printHeadline says in one line whether all is well; degraded is made loud.
func printHeadline(p *page, s *provisioning.Status, now time.Time) {
	how, besides := good, ""
	if n := len(s.Pace) + len(s.Store); n > 0 || s.Metrics != nil { // for a check, too, that is not well
		if how, besides = warn, ", with problems"; n == 0 || n == 1 && s.Metrics == nil {
			besides = ", with a problem"
		}
	}
	switch {
	case s.State == provisioning.Registered && s.Degraded:
		p.printf("%s since %s, through last good\n", p.paint(warn, "DEGRADED: registered"), since(now, s.RegisteredAt))
	case s.State == provisioning.Registered && s.Watch != nil && s.Watch.Binding != provisioning.BindingHeld:
		p.printf("%s since %s, holding no binding%s%s\n", p.paint(how, "signed in"), since(now, s.RegisteredAt), fallback(s), besides)
	case s.State == provisioning.Registered:
		p.printf("%s since %s%s%s\n", p.paint(how, "registered"), since(now, s.RegisteredAt), fallback(s), besides)
	default:
		text := fmt.Sprintf("%s (%s)", p.paint(bad, "NOT REGISTERED"), s.State)
		if !s.NotRegisteredSince.IsZero() {
			text += " since " + since(now, s.NotRegisteredSince)
		}
		p.printf("%s\n", text)
	}
	printWhy(p, s, now)
	printWayBack(p, s, now)
	if tried := inVain(s); len(tried) > 1 {
		hosts := map[string]bool{}
		for at := range tried {
			hosts[at.Host] = true
		}
		text := fmt.Sprintf("%d Registrars in the last cycle; none of them works (see below)", len(hosts))
		if len(hosts) == 1 {
			text = fmt.Sprintf("one Registrar on %d ports in the last cycle; none of them works (see below)", len(tried))
		}
		p.row("tried", text)
	}
}

// printWhy says why the device is not registered, or degraded: what keeps it off the network now comes before what it has met.
func printWhy(p *page, s *provisioning.Status, now time.Time) {
	why, label := s.Why(), "because"
	if s.Link != nil {
		if s.State == provisioning.Registered {
			label = "but now"
		}
		why = s.Link.Why()
	}
	if why.Reason != "" {
		p.row(label, because(why))
		if at := answered(s); at.IsZero() {
			p.cure(s, why)
		} else {
			p.row("by now", "DNS answers, since "+since(now, at)+"; if the device does not register now, run: homeward check")
		}
	}
	if s.Link != nil && s.Reason != "" {
		p.row("last met", because(s.Why()))
	}
	p.hinted[s.Hint] = true
}

// present is what is wrong now, in the order in which it is told. What the device had met before its link was lost is left out: whether that is still so is not
// known.
func present(s *provisioning.Status) (all []provisioning.Why) {
	add := func(why *provisioning.Why) {
		if why.Reason != "" {
			all = append(all, *why)
		}
	}
	switch {
	case s.Link != nil:
		add(s.Link.Why())
	case answered(s).IsZero():
		add(s.Why())
	}
	if f := s.Fallback; f != nil && f.AnsweredAt.IsZero() {
		add(f.Why())
	}
	if b := s.Better; b != nil && s.State == provisioning.Registered && !b.Answered {
		add(b.Why())
	}
	if s.Certificate != nil {
		add(s.Certificate.Why())
	}
	for i := range s.Store {
		state := &s.Store[i]
		add(state.Why())
	}
	if s.Metrics != nil {
		all = append(all, *s.Metrics.Why())
	}
	for i := range s.Pace {
		pace := &s.Pace[i]
		add(pace.Why())
	}
	return all
}

// cure writes what to do about what is wrong now, once.
func (p *page) cure(s *provisioning.Status, why *provisioning.Why) {
	if slices.Contains(present(s), *why) && !p.hinted[why.Hint] {
		p.hint(why.Hint)
		p.hinted[why.Hint] = true
	}
}

// answered is since when DNS answers what it had not answered, for which the device is not registered; zero: it does not, or that is not why.
func answered(s *provisioning.Status) (since time.Time) {
	if s.Cycle != nil && s.Link == nil && provisioning.Unanswered(s.Reason) {
		since = s.Cycle.AnsweredSince()
	}
	return since
}

// fallback names the Registrar in use where a better one has failed.
func fallback(s *provisioning.Status) string {
	if s.Fallback == nil || s.Registrar == nil {
		return ""
	}
	text := ", at a fallback: " + printable(s.Registrar.HostPort())
	if s.Registrar.Step != nil {
		text += " (" + s.Registrar.Step.String() + ")"
	}
	return text
}

// printWayBack says why the device is not at a better Registrar, and when it looks for that.
func printWayBack(p *page, s *provisioning.Status, now time.Time) {
	if f := s.Fallback; f != nil {
		p.row("because", fmt.Sprintf("%s (%s), %s: %s", printable(f.Endpoint().HostPort()), f.Step, ago(now, f.At), because(f.Why())))
		p.cure(s, f.Why())
	}
	text := ""
	switch b := s.Better; {
	case s.State != provisioning.Registered:
	case b != nil:
		text = printable(b.HostPort())
		if b.Answered {
			text += fmt.Sprintf(" took a connection %s; homeward signs in there %s, if it does so again", ago(now, b.LookedAt), until(now, b.NextAt))
			break
		}
		if !b.LookedAt.IsZero() {
			text += fmt.Sprintf(": no %s connection came about %s", strings.ToUpper(b.Transport.String()), ago(now, b.LookedAt))
			if b.Reason != "" {
				text += " (" + because(b.Why()) + ")"
			}
			text += "; it"
		}
		text += " is looked at again " + until(now, b.NextAt) + "; homeward signs in there once a connection has come about twice in a row"
	case !s.NextLookup.IsZero() && !s.Degraded:
		text = "DNS is asked again " + until(now, s.NextLookup) + " for what it has not answered about the inside"
	case !s.NextLookup.IsZero() && s.Cycle.WithoutDHCP():
		text = "DNS is asked again " + until(now, s.NextLookup)
	case !s.NextLookup.IsZero():
		text = "DNS and DHCP are asked again " + until(now, s.NextLookup)
	case s.Fallback != nil:
		text = "none is planned while this registration holds"
		if !s.Fallback.Reason.IsPause() {
			text += "; " + atOnce
		}
	}
	p.row("way back", text)
	if s.Better != nil {
		p.cure(s, s.Better.Why())
	}
}

// inVain are the Registrars that were tried in the last cycle of a device that rests since all of them have failed.
func inVain(s *provisioning.Status) map[provisioning.Endpoint]bool {
	tried := map[provisioning.Endpoint]bool{}
	if s.State != provisioning.Resting || s.Cycle == nil || s.Cycle.Registered() {
		return tried
	}
	for i := range s.Cycle.Attempts {
		a := &s.Cycle.Attempts[i]
		if a.Result == "failed" {
			tried[a.Endpoint()] = true
		}
	}
	return tried
}

// watched is what has become of the binding that is not to be held, and how the Registrar is watched.
func watched(w provisioning.Watch, at string, now time.Time) string {
	text := map[string]string{
		provisioning.BindingHeld:      "held for a moment, to learn from the Registrar",
		provisioning.BindingGivenBack: "given back, watching ",
		provisioning.BindingNone:      "none taken, watching ",
	}[w.Binding]
	switch {
	case w.Binding == provisioning.BindingHeld:
		return text
	case w.Over == provisioning.OverVisits:
		return text + printable(at) + ", which keeps no connection; next visit " + until(now, w.NextAt)
	default:
		return text + printable(at) + " over its connection"
	}
}

// signedIn is how the device has signed in, and what of the server is not proven.
func signedIn(s *provisioning.Status) string {
	switch {
	case s.Scheme == "":
		return ""
	case s.Scheme != provisioning.ByCertificate:
		return "with its password (" + printable(s.Scheme) + ")"
	case s.Unproven != "":
		return "with its certificate; the server behind the Registrar has not proven that it is " + printable(s.Unproven)
	default:
		return "with its certificate"
	}
}

// lossesWords says how often registrations at a Registrar were lost lately.
func lossesWords(l *provisioning.Losses, now time.Time) string {
	text := fmt.Sprintf("%s: %d in the last hour, %d in the last day, the last one %s", printable(l.HostPort()), l.LastHour, l.LastDay, ago(now, l.LastAt))
	if l.LastReason != "" {
		reasons := string(l.LastReason)
		for i, other := range l.OtherReasons {
			reasons += []string{"; before that ", ", "}[min(i, 1)] + string(other)
		}
		text += " (" + printable(reasons) + ")"
	}
	return text
}

// printIdentity says until when the device can sign in with its certificate, or why it cannot.
func printIdentity(p *page, s *provisioning.Status, now time.Time) {
	c := s.Certificate
	if c == nil {
		return
	}
	if c.Subject != "" {
		p.row("certificate", identityWords(c, now))
	}
	if c.Reason != "" {
		p.row("certificate", p.paint(warn, because(c.Why())))
		p.cure(s, c.Why())
	}
}

// identityWords says until when a certificate is valid, and what Registrars think of it.
func identityWords(c *provisioning.Identity, now time.Time) string {
	text := "until " + clock(c.NotAfter)
	if left := c.NotAfter.Sub(now); left > 0 {
		text += " (" + words(left) + " left)"
	}
	switch {
	case c.Refused:
		return text + ", refused by the Registrar"
	case c.Proven:
		return text
	default:
		return text + ", not used yet"
	}
}

// foundBy is a step and what led to it; last good is both.
func foundBy(step, via string) string {
	if step == provisioning.LastGood.String() {
		step = ""
	}
	return strings.Trim(printable(step)+", "+printable(via), ", ")
}

// meanwhile says what goes on while Registrars are left alone.
func meanwhile(s *provisioning.Status, now time.Time) (rows []string) {
	if !s.NextLookup.IsZero() {
		what := "DNS and DHCP are asked again every few seconds"
		switch {
		case triesSome(s.Cycle):
			what = "DNS is asked again every few seconds for what it has not answered"
		case s.Cycle.WithoutDHCP():
			what = "DNS is asked again every few seconds"
		}
		rows = append(rows, what+"; next "+until(now, s.NextLookup))
	}
	if !s.NextKnock.IsZero() {
		rows = append(rows, "the device tries every few seconds to connect to a Registrar, and signs in as soon as one accepts; next "+until(now, s.NextKnock))
	}
	if len(rows) == 0 && s.Link == nil && mayTry(s) {
		rows = append(rows, "what is fixed may not be noticed before that; "+atOnce)
	}
	return rows
}

// atOnce is how a daemon tries now: by hand, since a fault that is fixed is fixed for all devices in the same instant.
const atOnce = "to have it tried at once: homeward service restart"

// mayTry says whether nothing speaks against that.
func mayTry(s *provisioning.Status) bool {
	return s.State == provisioning.Resting && !s.Reason.IsPause()
}

// triesSome says whether DNS and DHCP have led to something to try: else they are asked for all of it again.
func triesSome(c *provisioning.Cycle) bool {
	return c != nil && slices.ContainsFunc(c.Attempts, func(a provisioning.Attempt) bool { return a.Result != "skipped" && a.Step < provisioning.Recall })
}

func since(now, then time.Time) string {
	return fmt.Sprintf("%s (%s)", clock(then), ago(now, then))
}

func until(now, then time.Time) string {
	if then.Before(now) {
		return "now"
	}
	return fmt.Sprintf("in %s (%s)", words(then.Sub(now)), clock(then))
}

// port is a port of a Media Relay, and whether it answers; nil: nobody has asked.
type port struct {
	number  uint16
	answers *bool
}

// String returns "3478 (answers)".
func (p port) String() string {
	switch {
	case p.answers == nil:
		return fmt.Sprint(p.number)
	case *p.answers:
		return fmt.Sprintf("%d (answers)", p.number)
	default:
		return fmt.Sprintf("%d (no answer)", p.number)
	}
}

func relay(host, addrs string, udp, tcp port, location string) string {
	parts := []string{printable(host), addrs}
	if udp.number != 0 {
		parts = append(parts, "UDP "+udp.String())
	}
	if tcp.number != 0 {
		parts = append(parts, "TCP "+tcp.String())
	}
	parts = append(parts, printable(location))
	return strings.Join(strings.Fields(strings.Join(parts, " ")), " ")
}

// toldInBand is what the Registrar says of itself: "pool01.contoso.com, SIP security mode High".
func toldInBand(told provisioning.Provisioning) string {
	mode := ""
	if told.SIPSecurityMode != "" {
		mode = "SIP security mode " + printable(told.SIPSecurityMode)
	}
	return strings.Trim(printable(told.Pool)+", "+mode, ", ")
}

// printCycle prints what was asked and tried last.
func printCycle(p *page, s *provisioning.Status, now time.Time) {
	c := s.Cycle
	switch {
	case c.TookMS > 0 || len(c.Attempts) > 0:
		p.printf("\nlast cycle: %s, took %s\n", ago(now, c.StartedAt), milliseconds(c.TookMS))
	case s.State == provisioning.Resting || s.State == provisioning.Registered: // nothing was tried, so that nothing took its time
		p.printf("\nlast cycle: %s\n", ago(now, c.StartedAt))
	default:
		p.printf("\nthis cycle: running for %d s\n", max(0, int(now.Sub(c.StartedAt).Seconds())))
	}
	for _, source := range c.Sources {
		if source.Follows || s.Fault == string(provisioning.FaultDNSSilent) && source.Fault == string(provisioning.FaultDNSSilentFor) {
			source.Hint = "" // it is not the zone: no question was answered
		}
		if !source.AnsweredAt.IsZero() {
			source.Query, source.Hint = source.Query+", answered since "+clock(source.AnsweredAt), ""
		}
		printSource(p, &source)
	}
	for _, earlier := range []bool{false, true} {
		for i := range c.Attempts {
			a := &c.Attempts[i]
			if a.Earlier == earlier {
				printAttempt(p, s, *a, now)
			}
		}
	}
}

// printAttempt prints what was tried, and why that failed. What does not count any more comes without a cure.
func printAttempt(p *page, s *provisioning.Status, a provisioning.Attempt, now time.Time) {
	tried, result := printable(a.Endpoint().HostPort()), printable(a.Result)
	if a.Address.IsValid() {
		tried += " at " + a.Address.String()
	}
	if a.Host != "" {
		tried += " " + strings.ToUpper(a.Transport.String())
	}
	if a.Earlier {
		tried, result, a.Hint = tried+", "+since(now, a.At), "earlier", ""
	}
	if a.Result == "failed" && s.Fault == string(provisioning.FaultAlike) {
		a.Hint = "" // it is one cause for all
	}
	if a.Follows {
		tried, a.Hint = tried+fromThat, ""
	}
	if a.Reason == provisioning.TLSFloor && a.Host == "" {
		a.Hint = "" // the step was not asked: it is not known whether anything is behind it
	}
	if !a.AnsweredAt.IsZero() {
		tried, a.Hint = tried+"; took a connection "+ago(now, a.AnsweredAt), ""
	}
	p.printf("  %-10s %-13s %s\n", result, a.Step, tried)
	p.because(a.Why())
}

// fromThat marks what is no further fault.
const fromThat = "; follows from the reason above"

// printSource prints what one source said.
func printSource(p *page, s *provisioning.Source) {
	text := strings.TrimSpace(printable(s.Source+" "+s.Query)) + ", " + milliseconds(s.TookMS)
	if s.Follows {
		text += fromThat
	}
	p.printf("  %-10s %-13s %s\n", s.Verdict, s.Step, text)
	p.because(s.Why())
}
