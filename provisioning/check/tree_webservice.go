package check

import (
	"slices"
	"strings"

	"homeward/internal/certprov"
	"homeward/provisioning"
)

// ticketPorts are the ways to a web ticket in words (Set-CsWebServiceConfiguration, MobilePreferredAuthType).
var ticketPorts = []struct{ name, words string }{
	{certprov.PortNegotiate, "Windows (Kerberos or NTLM)"}, {certprov.PortNTLM, "NTLM"}, {certprov.PortPassword, "user and password"},
	{certprov.PortPIN, "PIN"}, {certprov.PortCert, "certificate"}, {"WebTicketServiceAnon", "anonymous"},
}

// webServiceNode is the node of a host of a certificate service that option 43 names. Phones that sign in by PIN need it.
func webServiceNode(f *Facts, s *WebService, verdict provisioning.Trouble) Check {
	c := Check{ID: "dhcp.web." + s.Host, Under: "dhcp", Title: "web service of option 43: " + s.Host, Result: Good, Detail: provisioning.ListOf(s.Addrs), TookMS: s.Took.Milliseconds()}
	switch {
	case s.Unknown, len(s.Addrs) == 0 && !provisioning.Among(verdict, provisioning.FaultOtherServers, provisioning.FaultAway).None():
		c.Result, c.Needs, c.Detail = Skipped, "dns", ""
	case len(s.Addrs) == 0:
		c.because(Warn, provisioning.FaultWebService.Because(s.Reason.Met(s.Detail), provisioning.Facts{"host": s.Host}))
	case s.Outside:
		c.Detail += "; not asked: the host is outside the SIP domain " + f.sipDomain()
	case !s.Trouble.None():
		c.because(Warn, s.Trouble)
	default:
		c.Detail += "; offers web tickets for " + offers(s.Offered)
	}
	return c
}

// offers lists the ways to a web ticket in words, those first that have some, and says whether the one for phones is missing.
func offers(offered []string) string {
	var words []string
	for _, port := range ticketPorts {
		if slices.Contains(offered, port.name) {
			words = append(words, port.words)
		}
	}
	for _, name := range offered {
		if !slices.ContainsFunc(ticketPorts, func(port struct{ name, words string }) bool { return port.name == name }) {
			words = append(words, name)
		}
	}
	text := strings.Join(words, ", ")
	if !slices.Contains(offered, certprov.PortPIN) {
		text += "; sign-in by PIN is switched off there"
	}
	return text
}
