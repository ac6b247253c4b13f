//go:build linux

package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// A load balancer closes connections that are idle: status and check say how often that was lately, with the time after which it
// happens. A Registrar with one address would be left alone for a while after the second time.
func TestIdleConnectionsAreClosed(t *testing.T) {
	common := newScene(t)
	d := fault{given: with(record("pool01 A 10.0.0.16"), haproxy(
		"bind 10.0.0.20:5061,10.0.0.16:5061 ssl crt PEM\n timeout client 4s\n server fe08 10.0.0.18:5061"))}.arrange(t, common)
	d.boot(t)
	d.await(t, "registered, and lost three times", func(s status) bool { return len(s.Losses) == 1 && s.Losses[0].LastHour >= 3 })
	text, _ := d.run(t, "status")
	r := d.check(t)
	const pattern = `the connection to pool01\.contoso\.com:5061 was lost \d+ times in the last hour, each time after 4 s without traffic: something on the path, or the Registrar itself, closes idle connections`
	for in, wants := range map[string][]string{
		text:                         {pattern, `lost pool01\.contoso\.com:5061: \d+ in the last hour, \d+ in the last day, the last one `},
		strings.Join(r.Summary, " "): {pattern},
	} {
		in = strings.Join(strings.Fields(in), " ")
		for _, want := range wants {
			if !regexp.MustCompile(want).MatchString(in) {
				t.Errorf("it is not said that %s:\n%s", want, in)
			}
		}
	}
	if r.Verdict != "degraded" {
		t.Errorf("check: %s", r.Verdict)
	}
}

// TestAddressTwice: after connections were cut, the daemon asks the link whether another device has its address, too, and says so.
func TestAddressTwice(t *testing.T) {
	common := newScene(t)
	d := fault{given: with(record("pool01 A 10.0.0.16"), haproxy(
		"bind 10.0.0.20:5061,10.0.0.16:5061 ssl crt PEM\n timeout client 4s\n server fe08 10.0.0.18:5061"), rogue("10.0.0.90/24"))}.arrange(t, common)
	d.boot(t)
	d.await(t, "told of the other device", func(s status) bool {
		for _, p := range s.Pace {
			if p.Fault == "link.own-address-twice" && strings.Contains(p.What, rogueMAC) {
				return true
			}
		}
		return false
	})
}

// TestMend253GatewayTwice: where nobody behind the gateway answers, the daemon asks the link who has the gateway's address; two have it, and status and
// history say so as check does.
func TestMend253GatewayTwice(t *testing.T) {
	d := fault{given: with(published(fe01, second), address(fe01.host, "10.98.0.2"), address(second.host, "10.98.0.3"), rogue("10.0.0.1/24"))}.arrange(t, newScene(t))
	const says = "ore than one device on this link has the address 10.0.0.1 of the gateway: the MACs"
	shows(t, d.check(t).said(), says)
	d.boot(t)
	d.await(t, "resting since the gateway's address is used twice", func(s status) bool { return s.State == "resting" && s.Fault == "link.address-twice" })
	for _, command := range [][]string{{"status"}, {"history", "--failures"}} {
		text, _ := d.run(t, command...)
		shows(t, strings.Join(strings.Fields(text), " "), says, rogueMAC, "find the other device")
	}
}
