package provisioning

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/homeward-agent/homeward/dhcpopts"
)

// Our choices.
const (
	dhcpLimit  = 3 * time.Second        // three DHCPINFORMs without an answer
	dhcpWindow = 500 * time.Millisecond // for answers after the first
)

// dhcpAsk is one round of DHCPINFORM: it settles both DHCP steps with the first answer that carries a usable
// name ("the first DHCP response with an FQDN is used", Lync device text), and listens on for a while to notice
// servers that disagree.
type dhcpAsk struct {
	g       *gathering
	answers []dhcpopts.Answer
	settled bool
}

func (g *gathering) askDHCP(ctx context.Context) {
	d := &dhcpAsk{g: g}
	if !g.policy.AskDHCP {
		d.settle(Finding{Source: Source{Verdict: Failed, Reason: DHCPOff}})
		return
	}
	ctx, cancel := context.WithTimeout(ctx, min(g.limit, dhcpLimit))
	defer cancel()
	conn, err := g.wire.Listen(ctx, g.policy.Interface)
	if err != nil {
		d.settle(Finding{Source: Source{Verdict: Failed, Reason: DHCPNotPermitted, Detail: err.Error()}})
		return
	}
	defer conn.Close()
	err = dhcpopts.Inform(ctx, conn, func(answer dhcpopts.Answer) {
		if len(d.answers) == 0 {
			time.AfterFunc(dhcpWindow, cancel)
		}
		d.take(answer)
	})
	if !d.settled {
		d.settle(d.finding(err))
	}
}

func (d *dhcpAsk) take(answer dhcpopts.Answer) {
	for _, earlier := range d.answers {
		if detail := disagreement(earlier, answer); detail != "" {
			d.g.conflict(detail)
			break
		}
	}
	d.answers = append(d.answers, answer)
	if !d.settled && slices.ContainsFunc(answer.SIP.Names, d.usable) {
		d.settle(d.finding(nil))
	}
}

func (d *dhcpAsk) usable(name string) bool {
	reason, _ := d.g.policy.nameReason(DHCPTLS, name, TLS)
	return reason == ""
}

// disagreement says how two acknowledging servers differ, or "".
func disagreement(a, b dhcpopts.Answer) string {
	if a.Type != "ack" || b.Type != "ack" || slices.Equal(a.SIP.Names, b.SIP.Names) && slices.Equal(a.SIP.Addrs, b.SIP.Addrs) {
		return ""
	}
	return fmt.Sprintf("%s says %s, %s says %s", a.Server, registrarsOf(a), b.Server, registrarsOf(b))
}

func registrarsOf(a dhcpopts.Answer) string {
	all := slices.Clone(a.SIP.Names)
	for _, addr := range a.SIP.Addrs {
		all = append(all, addr.String())
	}
	return orNothing(strings.Join(all, ", "))
}

func orNothing(said string) string { return cmp.Or(said, "nothing") }

func (d *dhcpAsk) finding(err error) Finding {
	f := bestAnswer(d.answers, d.usable)
	if len(d.answers) == 0 && err != nil {
		f.Detail = err.Error()
	}
	return f
}

// bestAnswer weighs the answers: a usable name first, then any name, then addresses; else why there is none.
func bestAnswer(answers []dhcpopts.Answer, usable func(name string) bool) Finding {
	f := Finding{Source: Source{Verdict: Failed, Reason: DHCPSilent}}
	rank := 0
	for _, a := range answers {
		r, verdict, reason, detail := weigh(a, usable)
		if r <= rank {
			continue
		}
		rank = r
		f = Finding{Source: Source{Verdict: verdict, Reason: reason, Detail: detail}}
		for _, name := range a.SIP.Names {
			f.Names = append(f.Names, Name{Host: name})
		}
		for _, addr := range a.SIP.Addrs {
			f.Names = append(f.Names, Name{Host: addr.String()})
		}
	}
	return f
}

func weigh(a dhcpopts.Answer, usable func(name string) bool) (rank int, v Verdict, reason Reason, detail string) {
	from := "from " + a.Server.String()
	switch {
	case a.Type == "nak":
		return 1, Failed, DHCPRefused, from
	case slices.ContainsFunc(a.SIP.Names, usable):
		return 6, Found, "", joinDetail(from, a.SIP.Problem)
	case len(a.SIP.Names) > 0:
		return 5, Found, "", joinDetail(from, a.SIP.Problem)
	case len(a.SIP.Addrs) > 0:
		return 4, Found, "", joinDetail(from, a.SIP.Problem)
	case len(a.SIP.Raw) > 0:
		return 3, Failed, DHCPMalformed, joinDetail(from, a.SIP.Problem)
	default:
		return 2, Absent, DHCPNoOption, from
	}
}

func joinDetail(from, problem string) string {
	if problem == "" {
		return from
	}
	return from + ": " + problem
}

// settle resolves the names beside the socket, so that later answers are heard, and decides both steps.
func (d *dhcpAsk) settle(f Finding) {
	d.settled = true
	g, took := d.g, time.Since(d.g.started) // without the look-ups of its names
	g.tasks.Go(func() {
		f.Source.Source, f.Query, f.TookMS = "dhcp", "option 120", took.Milliseconds()
		g.addresses(DHCPTLS, f.Names)
		for _, step := range []Step{DHCPTLS, DHCPTCP} {
			if g.answers[step] != nil {
				g.settle(step, f)
			}
		}
	})
}
