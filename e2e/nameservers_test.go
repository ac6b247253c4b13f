//go:build linux

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// file is the zone in the form of a zone file, for the servers that read one.
func (z zone) file(h *host) string {
	var records strings.Builder
	fmt.Fprintf(&records, "$ORIGIN %s.\n$TTL 60\n@ SOA dns hostmaster 1 3600 600 86400 60\n@ NS dns\ndns A %s\n", sipDomain, h.addr)
	for _, s := range z.srv {
		fmt.Fprintf(&records, "%s. SRV %d %d %d %s.\n", s.name, s.priority, s.weight, s.port, s.target)
	}
	for _, name := range slices.Sorted(maps.Keys(z.addrs)) {
		fmt.Fprintf(&records, "%s. A %s\n", name, z.addrs[name])
	}
	for _, record := range z.more {
		fmt.Fprintln(&records, record)
	}
	return records.String()
}

// startUnbound serves the zone with Unbound, which is a resolver and is told the records one by one.
func startUnbound(t testing.TB, h *host, z zone) *process {
	t.Helper()
	lines := []string{"local-zone: " + sipDomain + ". static"}
	for _, s := range z.srv {
		lines = append(lines, fmt.Sprintf(`local-data: "%s. 60 SRV %d %d %d %s."`, s.name, s.priority, s.weight, s.port, s.target))
	}
	for _, name := range slices.Sorted(maps.Keys(z.addrs)) {
		lines = append(lines, fmt.Sprintf(`local-data: "%s. 60 A %s"`, name, z.addrs[name]))
	}
	return startUnboundWith(t, h, lines)
}

// startUnboundWith runs Unbound with further lines of its section "server", and of sections that follow.
func startUnboundWith(t testing.TB, h *host, lines []string) *process {
	t.Helper()
	return startUnboundFor(t, h, lines, "NOERROR")
}

// startUnboundFor runs Unbound until it answers so.
func startUnboundFor(t testing.TB, h *host, lines []string, code string) *process {
	t.Helper()
	conf := "server:\n" + strings.Join(append([]string{
		"interface: " + h.addr, "access-control: 0.0.0.0/0 allow", "access-control: ::0/0 allow", "do-daemonize: no", `username: ""`, `chroot: ""`,
		`pidfile: ""`, "use-syslog: no", `logfile: ""`, "log-queries: yes", "num-threads: 1", "do-not-query-localhost: no",
	}, lines...), "\n") + "\n"
	p := start(t, h, "unbound", "-d", "-c", write(t, t.TempDir(), "unbound.conf", conf))
	waitDNS(t, h, p, code)
	return p
}

// unboundInFront asks another machine for the zone.
func unboundInFront(z func(testing.TB, *host, zone) *process) given {
	return func(_ testing.TB, c *scene) {
		behind := c.dns2
		c.nameServer = func(t testing.TB, h *host, records zone) *process {
			t.Helper()
			z(t, behind, records)
			return startUnboundWith(t, h, []string{"domain-insecure: " + sipDomain, "stub-zone:", "name: " + sipDomain, "stub-addr: " + behind.addr})
		}
	}
}

// startKnot serves the zone with Knot DNS.
func startKnot(t testing.TB, h *host, z zone) *process {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, sipDomain+".zone", z.file(h))
	conf := fmt.Sprintf("server:\n  rundir: %s\n  listen: %s@53\ndatabase:\n  storage: %s\ntemplate:\n  - id: default\n    storage: %s\nzone:\n  - domain: %s\n",
		dir, h.addr, dir, dir, sipDomain)
	p := start(t, h, "knotd", "-c", write(t, dir, "knot.conf", conf))
	waitDNS(t, h, p, "NOERROR")
	return p
}

// startPowerDNS serves the zone with the PowerDNS authoritative server.
func startPowerDNS(t testing.TB, h *host, z zone) *process {
	t.Helper()
	dir := t.TempDir()
	named := fmt.Sprintf("zone %q { type master; file %q; };\n", sipDomain, write(t, dir, "zone", z.file(h)))
	program(t, "/usr/lib/*/pdns/libbindbackend.so")
	p := start(t, h, "pdns_server", "--config-dir="+dir, "--socket-dir="+dir, "--daemon=no", "--guardian=no", "--disable-syslog", "--launch=bind",
		"--bind-config="+write(t, dir, "named.conf", named), "--local-address="+h.addr, "--security-poll-suffix=", "--zone-cache-refresh-interval=0")
	waitDNS(t, h, p, "NOERROR")
	return p
}

// balanced has dnsdist stand before BIND on another machine; rules are what it does with some of the questions.
func balanced(rules ...string) given {
	return func(_ testing.TB, c *scene) {
		behind := c.dns2
		c.nameServer = func(t testing.TB, h *host, z zone) *process {
			t.Helper()
			startNamed(t, behind, z)
			conf := strings.Join(append([]string{
				fmt.Sprintf(`setLocal("%s:53")`, h.addr), `setACL({"0.0.0.0/0"})`, `setSecurityPollSuffix("")`,
				fmt.Sprintf(`newServer({address="%s:53", checkName="%s.", maxCheckFailures=1000})`, behind.addr, sipDomain),
			}, rules...), "\n") + "\n"
			dir := t.TempDir()
			p := start(t, h, "dnsdist", "--supervised", "--disable-syslog", "-C", write(t, dir, "dnsdist.conf", conf))
			waitDNS(t, h, p, "NOERROR")
			return p
		}
	}
}

const (
	askedForSRV = `QTypeRule(DNSQType.SRV)`
	isWell      = "All is well: sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls)."
)

// siteOf is a site with a kind of name server, or a manner of one: the reason of check, and what it says.
type siteOf struct {
	name   string
	given  []given
	reason string
	want   []string
}

// TestNameServers: what name servers of other makes say, and what they do wrong, is understood. check says what is wrong, and
// the daemon signs in wherever check does.
func TestNameServers(t *testing.T) {
	common := newScene(t)
	for _, s := range []siteOf{
		{"Unbound", with(published(fe01), nameServer(startUnbound)), "", []string{isWell}},
		{"Unbound in front of BIND", with(published(fe01), unboundInFront(startNamed)), "", []string{isWell}},
		{"Unbound in front of Knot DNS", with(published(fe01), unboundInFront(startKnot)), "", []string{isWell}},
		{"Knot DNS", with(published(fe01), nameServer(startKnot)), "", []string{isWell}},
		{"PowerDNS", with(published(fe01), nameServer(startPowerDNS)), "", []string{isWell}},
		{"dnsdist in front of BIND", with(published(fe01), balanced()), "", []string{isWell}},
		{"Knot DNS synthesises the target", with(srvFor(sipHost.host, 5061), record("sip CNAME fe17"), address("fe17.contoso.com", sipHost.addr), nameServer(startKnot)), "",
			[]string{"All is well", "sip.contoso.com:5061"}},
		{"PowerDNS with a wildcard", with(published(fe01), record("* A 10.0.0.20"), nameServer(startPowerDNS)), "", []string{isWell}},
		{"Knot DNS with an alias that leads nowhere", with(srvFor("fe09.contoso.com", 5061), record("fe09 CNAME gone"), nameServer(startKnot)), "no-address",
			[]string{"fe09.contoso.com is an alias of gone.contoso.com, which does not exist"}},
		{"dnsdist drops SRV", with(published(fe01), balanced(`addAction(`+askedForSRV+`, DropAction())`)), "dns-timeout",
			[]string{"10.0.0.53:53 answers queries for addresses, but not for SRV records: no answer"}},
		{"dnsdist answers NOTIMP to SRV", with(published(fe01), balanced(`addAction(`+askedForSRV+`, RCodeAction(DNSRCode.NOTIMP))`)), "dns-servfail",
			[]string{"but not for SRV records: NOTIMP (RCODE 4)"}},
		{"dnsdist answers FORMERR to SRV", with(published(fe01), balanced(`addAction(`+askedForSRV+`, RCodeAction(DNSRCode.FORMERR))`)), "dns-servfail",
			[]string{"but not for SRV records: FORMERR (RCODE 1)"}},
		{"dnsdist answers REFUSED to SRV", with(published(fe01), balanced(`addAction(`+askedForSRV+`, RCodeAction(DNSRCode.REFUSED))`)), "dns-refused",
			[]string{"but not for SRV records: REFUSED (RCODE 5)"}},
		{"dnsdist answers SERVFAIL to SRV", with(published(fe01), balanced(`addAction(`+askedForSRV+`, RCodeAction(DNSRCode.SERVFAIL))`)), "dns-servfail",
			[]string{"10.0.0.53:53 cannot look up", "(SERVFAIL)"}},
		{"dnsdist truncates, and takes TCP", with(published(fe01), balanced(`addAction(AndRule({`+askedForSRV+`, TCPRule(false)}), TCAction())`)), "", []string{isWell}},
		{"dnsdist truncates, and refuses TCP", with(published(fe01), balanced(`addAction(AndRule({`+askedForSRV+`, TCPRule(false)}), TCAction())`), dnsOverUDPAlone), "dns-malformed",
			[]string{"sends a truncated answer for _sipinternaltls._tcp.contoso.com, and over TCP it refuses the connection"}},
		{"dnsdist takes 300 ms", with(published(fe01), balanced(`addAction(AllRule(), DelayAction(300))`)), "slow", []string{"the name server 10.0.0.53:53 takes 3", " ms to answer"}},
		{"one in ten questions is lost", with(published(fe01), dnsLosesQueries), "lossy", []string{" of 40 queries to the name server 10.0.0.53:53 were not answered ("}},
		{"the first of two does not answer", with(published(fe01), dnsIsSilent, secondNameServer(zoneWith(fe01))), "dns-timeout",
			[]string{"the name server 10.0.0.53:53 does not answer, while 10.0.0.54:53 does"}},
		{"dnsdist filters .local", with(onDevice(called("contoso.local")), balanced(`addAction(RegexRule("[.]local$"), RCodeAction(DNSRCode.NXDOMAIN))`)), "dns-no-record",
			[]string{"sip_address says contoso.local, but DNS has no such domain (NXDOMAIN)", "under .local (RFC 6762)"}},
	} {
		t.Run(s.name, func(t *testing.T) { s.isSeen(t, common) })
	}
}

// called gives the device another SIP domain.
func called(domain string) func(testing.TB, *device) {
	return func(t testing.TB, d *device) {
		d.without(t, "sip_address")
		write(t, d.dir, "homeward.toml", fmt.Sprintf("sip_address = %q\n", "sip:phone1@"+domain)+read(t, d.config))
		give(t, d.config)
	}
}

// isSeen makes the site, and looks whether check says so, and the daemon signs in where check does.
func (s siteOf) isSeen(t *testing.T, common scene) {
	d := fault{given: s.given}.arrange(t, common)
	r := d.check(t)
	text := strings.Join(r.Summary, "\n")
	if shows(t, text, s.want...); r.Reason != s.reason {
		t.Errorf("the reason is %q, want %q\n%s", r.Reason, s.reason, text)
	}
	r.hasTimes(t)
	if r.Verdict == "failed" {
		return
	}
	d.boot(t)
	d.awaitRegistered(t)
	if s.reason == "slow" || s.reason == "lossy" || s.reason == "dns-timeout" { // with its number, also in status
		eventually(t, "status tells what is "+s.reason, func() error {
			status, _ := d.run(t, "status")
			for _, want := range s.want {
				if !strings.Contains(status, want) {
					return fmt.Errorf("status lacks %q:\n%s", want, status)
				}
			}
			return nil
		})
	}
	d.stop(t)
}

// hasTimes looks whether each line that asks the network has its time.
func (r report) hasTimes(t testing.TB) {
	t.Helper()
	for _, c := range r.Checks {
		asks := c.ID == "dns" || c.ID == "dhcp" || c.ID == "plan" || c.ID == "sign-in" || strings.HasPrefix(c.ID, "registrar.") || strings.HasPrefix(c.ID, "dns.server.")
		if asks && (c.Result == "ok" || c.Result == "warn") && c.TookMS == 0 {
			t.Errorf("%s is %s, and took no time", c.ID, c.Result)
		}
	}
}
