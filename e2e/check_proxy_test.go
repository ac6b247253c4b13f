//go:build linux

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// proxyFaults are those of proxies before a Registrar, and of Registrars other than those of Lync.
var proxyFaults = []fault{
	{"headers in their compact form", with(edge("COMPACT")), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"Path and Service-Route", with(edge("PATH")), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"headers on several lines", with(edge("FOLDS")), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"an answer without Contact", with(edge("NO_CONTACT")), "sip-malformed", `
sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls), but the answer of pool01.contoso.com:5061 lists no registration of this device, although RFC 3261 demands it: perhaps something in front of the Registrar answers in its place.
The problem is with the Registrar.
See on the Registrar whether it has a registration of this device; if not, look at the proxy or session border controller in front of it.`},
	{"another branch in the Via", with(edge("OTHER_BRANCH")), "sip-no-answer", `
pool01.contoso.com:5061 (10.0.0.20) answers SIP/2.0 401 Unauthorized, but that does not match the request of this device: the branch of its Via is another one.
The problem is with the network between this device and the server.
Look for a proxy or firewall in between that changes SIP messages (SIP ALG), and switch that off; if there is none, check the log of the Registrar.`},
	{"another Call-ID", with(edge("OTHER_CALL")), "sip-no-answer", `
pool01.contoso.com:5061 (10.0.0.20) answers SIP/2.0 401 Unauthorized, but that does not match the request of this device: its Call-ID is another one.
The problem is with the network between this device and the server.
Look for a proxy or firewall in between that changes SIP messages (SIP ALG), and switch that off; if there is none, check the log of the Registrar.`},
	{"423 with a Min-Expires", with(edge("TOO_BRIEF")), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"Digest with MD5 and SHA-256, and the Registrar knows MD5", with(edge("TWO_DIGESTS")), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"Digest with MD5 and SHA-256, and the password is wrong", with(edge("TWO_DIGESTS"), onDevice(wrongPassword)), "sip-credentials", `
pool01.contoso.com refuses the user name phone1 or the password for the realm "contoso.com": 401 Unauthorized.
The problem is with the user account.
Write the present password to password_file, or, if phone1 is misspelt, correct sip_address in … (user is not set), then restart homeward; the account may be locked or expired.`},
	{"a proxy that asks, and a Registrar that asks", with(edge("ASKS/" + password)), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"a proxy that asks for another password", with(edge("ASKS/another")), "sip-credentials", `
pool01.contoso.com refuses the user name phone1 or the password for the realm "edge.contoso.com": 407 Proxy Authentication Required.
The problem is with the user account.
Write the present password to password_file, or, if phone1 is misspelt, correct sip_address in … (user is not set), then restart homeward; the account may be locked or expired.`},
	{"a binding of no time", with(edge("GRANTS_NOTHING")), "binding-lost", `
pool01.contoso.com accepts the sign-in, but grants a registration of 0 seconds.
The problem is with the Registrar.
Check how long registrations may last (Expires) in the settings of the Registrar, and of a proxy in front of it.`},
	{"a proxy, and nothing behind it", with(edge("UPSTREAM/10.0.0.18:5999")), "sip-unavailable", `
pool01.contoso.com cannot serve requests now: 477 Unfortunately error on sending to next hop occurred (477/SL).
The problem is with the Registrar.
Check the services of the Registrar and its pool.`},
	{"302, and the best Contact is for UDP", with(says(fe01, "302 Moved Temporarily", "Contact: <sip:fe02.contoso.com;transport=udp>, <sip:fe02.contoso.com;transport=tls>;q=0.5")), "", `
All is well: sip:phone1@contoso.com signs in to fe02.contoso.com:5061 over TLS (redirect).`},
	{"302 without Contact", with(says(fe01, "302 Moved Temporarily")), "sip-rejected", `
fe01.contoso.com redirects the device, but names no Registrar that it could use: 302 Moved Temporarily.
The problem is with the Registrar.
Configure the Registrar to redirect to SIP addresses with a host name and transport=tls.`},
	{"302 to a telephone number", with(says(fe01, "302 Moved Temporarily", "Contact: <tel:+15551001>")), "sip-rejected", `
fe01.contoso.com redirects the device, but names no Registrar that it could use: 302 Moved Temporarily; Contact: <tel:+15551001>.
The problem is with the Registrar.
Configure the Registrar to redirect to SIP addresses with a host name and transport=tls.`},
	{"305 to another Registrar", with(says(fe01, "305 Use Proxy", "Contact: <sip:fe02.contoso.com:5061;transport=tls>")), "", `
All is well: sip:phone1@contoso.com signs in to fe02.contoso.com:5061 over TLS (redirect).`},
	{"300 to another domain, and to the home pool", with(says(fe01, "300 Multiple Choices", "Contact: <sip:sip.example.org;transport=tls>, <sip:fe02.contoso.com;transport=tls>;q=0.5")), "", `
All is well: sip:phone1@contoso.com signs in to fe02.contoso.com:5061 over TLS (redirect).`},
}

// edge has internal TLS lead to a proxy before the Registrar that speaks without TLS; what it does is in testdata/edge.cfg.
func edge(does ...string) given {
	return func(t testing.TB, c *scene) {
		published(pool01)(t, c)
		dir := t.TempDir()
		cert, key := c.ca.issue(t, dir, pool01.host)
		write(t, dir, "tls.cfg", fmt.Sprintf("[server:default]\nmethod = TLSv1.2+\ncertificate = %s\nprivate_key = %s\n", cert, key))
		head, body := "#!KAMAILIO\nlisten=tls:10.0.0.20:5061\n", read(t, "testdata/edge.cfg")
		for _, d := range does {
			name, value, _ := strings.Cut(d, "/")
			head += "#!define " + name + "\n"
			if value != "" {
				body = strings.NewReplacer(`"`+name+`"`, `"`+value+`"`, "sip:"+name+";", "sip:"+value+";").Replace(body)
			}
		}
		body = strings.NewReplacer("UPSTREAM", "10.0.0.18:5061", "DIR", dir).Replace(body)
		proxy := start(t, c.registrar, "kamailio", "-DD", "-E", "-m", "16", "-M", "4", "-Y", dir, "-f", write(t, dir, "edge.cfg", head+body))
		listens(t, proxy, pool01)
	}
}
