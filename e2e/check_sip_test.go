//go:build linux

package e2e

import (
	"strings"
	"testing"
	"time"
)

// What Lync servers say (MS-SIPAE 4.1).
const (
	offersNTLM     = `WWW-Authenticate: NTLM realm="SIP Communications Service", targetname="fe01.contoso.com", version=4`
	offersKerberos = `WWW-Authenticate: Kerberos realm="SIP Communications Service", targetname="sip/fe01.contoso.com", version=4`
	offersTLSDSK   = `WWW-Authenticate: TLS-DSK realm="SIP Communications Service", targetname="fe01.contoso.com", version=4, ` +
		`sts-uri="https://fe01.contoso.com:443/CertProv/CertProvisioningService.svc"`
	challengesNTLM = `WWW-Authenticate: NTLM opaque="5A01BB8D", gssapi-data="` +
		`TlRMTVNTUAACAAAAAAAAADgAAADzgpjiAQIDBAUGBwgAAAAAAAAAAJ4AngA4AAAABgGxHQAAAA8CAA4AQwBPAE4AVABPAFMATwABAAgARgBFADAAMQAEAB4AYwBvAG4AdABvAHMAbwAuAGUA` +
		`eABhAG0AcABsAGUAAwAoAGYAZQAwADEALgBjAG8AbgB0AG8AcwBvAC4AZQB4AGEAbQBwAGwAZQAFAB4AYwBvAG4AdABvAHMAbwAuAGUAeABhAG0AcABsAGUABwAIAAAAWvZM9dQBAAAAAA==` +
		`", targetname="fe01.contoso.com", realm="SIP Communications Service", version=4`
)

var sipFaults = []fault{
	{"silent after TLS", with(pool01Has(nothingWrong)), "sip-no-answer", `
pool01.contoso.com:5061 (10.0.0.20) accepts the connection, but does not answer REGISTER within 4 s: the request has arrived (it was acknowledged).
The problem is with the Registrar.
Check that the Registrar service runs behind this port; if it runs, look at its load and that of its domain controllers: a device waits 4 s for an answer.`},
	{"HTTP behind TLS", with(pool01Is("https")), "sip-malformed", `
pool01.contoso.com:5061 (10.0.0.20) answers, but does not speak SIP: its answer begins with HTTP/1.1 400 Bad Request.
The problem is with the Registrar.
Check that the address and port are those of the Registrar, and not of a web server or another service.`},
	{"unavailable, to be asked later", with(says(fe01, "503 Service Unavailable", "Retry-After: 30")), "sip-unavailable", `
fe01.contoso.com cannot serve requests now: 503 Service Unavailable (Retry-After 30 s).
The problem is with the Registrar.
Check the services of the Registrar and its pool.`},
	{"unavailable, and DHCP leads to one that serves", with(says(fe01, "503 Service Unavailable"), dhcpSays(startKea, full)), "sip-unavailable", `
sip:phone1@contoso.com signs in to pool.contoso.com:5061 over TLS (dhcp-tls), but fe01.contoso.com cannot serve requests now: 503 Service Unavailable.
The problem is with the Registrar.
Check the services of the Registrar and its pool.`},
	{"the user does not exist", with(says(fe01, "404 Not Found", diagnostics(1003, "User does not exist"))), "sip-not-found", `
fe01.contoso.com refuses the sign-in because the user does not exist: 404 Not Found; ms-diagnostics 1003: User does not exist.
The problem is with the user account.
Check the spelling of sip_address (after a change, restart homeward), and that the account is enabled for Lync.`},
	{"the SIP address is not enabled", with(says(fe01, "404 Not Found", diagnostics(4005, "Destination URI either not enabled for SIP or does not exist"))), "sip-not-found", `
fe01.contoso.com refuses the sign-in because the SIP address is not enabled or does not exist: 404 Not Found; ms-diagnostics 4005: Destination URI either not enabled for SIP or does not exist.
The problem is with the user account.
Check sip_address (after a change, restart homeward), and that the account is enabled for Lync.`},
	{"remote access is off", with(says(edge05, "403 Forbidden", publicDiagnostics(4003, "From URI is not enabled for remote access"))), "sip-forbidden", `
edge05.contoso.com refuses the sign-in because the account is not enabled for remote access: 403 Forbidden; ms-diagnostics 4003: From URI is not enabled for remote access.
The problem is with the user account.
Allow external user access for it, or sign in from inside.`},
	{"the login belongs to another SIP address", with(says(fe01, "403 Forbidden", publicDiagnostics(4004, "Credentials provided are not authorized to act as specified from URI"))), "sip-forbidden", `
fe01.contoso.com refuses the sign-in because the login name may not be used with this SIP address: 403 Forbidden; ms-diagnostics 4004: Credentials provided are not authorized to act as specified from URI.
The problem is with the user account.
Correct the setting user or sip_address: both must belong to the same account, which must be enabled for the Registrar; then restart homeward.`},
	{"the account is disabled", with(says(fe01, "403 Forbidden", diagnostics(4141, "User disabled"))), "sip-forbidden", `
fe01.contoso.com refuses the sign-in because the account is disabled: 403 Forbidden; ms-diagnostics 4141: User disabled.
The problem is with the user account.
Have the account enabled.`},
	{"the client version is refused", with(says(fe01, "403 Forbidden", diagnostics(17000, "Client version not allowed"))), "sip-forbidden", `
fe01.contoso.com refuses the sign-in because the client version policy refuses this device: 403 Forbidden; ms-diagnostics 17000: Client version not allowed.
The problem is with the Registrar.
In the client version policy of the pool, allow this device's User-Agent; or change the setting user_agent.`},
	{"refused before any challenge", with(says(fe01, "403 Forbidden"), set(`user_agent = "acme/1.0"`)), "sip-forbidden", `
fe01.contoso.com refuses this device: 403 Forbidden; it has not asked for a password, so that is not the reason.
See in the log of fe01.contoso.com, or of a proxy in front of it, which rule refuses this device: one for addresses (here 10.0.0.90), for User-Agents (acme/1.0), or for SIP domains or users (sip:phone1@contoso.com).`},
	{"refused before any challenge, for the User-Agent", with(says(fe01, "403 Forbidden", `Warning: 399 fe01.contoso.com "User-Agent not allowed"`), set(`user_agent = "acme/1.0"`)), "sip-forbidden", `
fe01.contoso.com refuses this device: 403 Forbidden; warning 399: User-Agent not allowed; it has not asked for a password, so that is not the reason.
The problem is with the Registrar.
Allow the User-Agent acme/1.0 on fe01.contoso.com, or on a proxy in front of it; or change the setting user_agent.
- See in the log of fe01.contoso.com, or of a proxy in front of it, which rule refuses this device: one for addresses (here 10.0.0.90), for User-Agents (acme/1.0), or for SIP domains or users (sip:phone1@contoso.com).`},
	{"declined before any challenge, for the address", with(says(fe01, "603 Decline", `Reason: SIP;cause=603;text="source IP not in ACL"`), set(`user_agent = "acme/1.0"`)), "sip-rejected", `
fe01.contoso.com refuses this device: 603 Decline; Reason: SIP;cause=603;text="source IP not in ACL"; it has not asked for a password, so that is not the reason.
The problem is with the Registrar.
Allow the address 10.0.0.90 on fe01.contoso.com, or on a proxy in front of it.
- See in the log of fe01.contoso.com, or of a proxy in front of it, which rule refuses this device: one for addresses (here 10.0.0.90), for User-Agents (acme/1.0), or for SIP domains or users (sip:phone1@contoso.com).`},
	{"not found before any challenge", with(says(fe01, "404 Not Found")), "sip-not-found", `
fe01.contoso.com says, before it has asked for a password, that it does not know the SIP address sip:phone1@contoso.com, or does not serve its domain: 404 Not Found.
Check the spelling of sip_address, also of its domain (after a change, restart homeward).
- Check on fe01.contoso.com that there is such an account, enabled for SIP, and that its domain is served there.
- If another Registrar has the account, correct what names fe01.contoso.com.`},
	{"a SIP server that is no Registrar", with(says(fe01, "405 Method Not Allowed")), "sip-rejected", `
fe01.contoso.com speaks SIP, but takes no registrations: 405 Method Not Allowed.
See whether fe01.contoso.com is the Registrar, or a gateway or another SIP server: then correct what names it.
- If it is the Registrar, allow REGISTER there.`},
	{"the Edge does not trust the pool", with(says(edge05, "504 Server time-out", diagnostics(1010, "Certificate trust with another server could not be established"))), "sip-unavailable", `
edge05.contoso.com refuses the sign-in because it does not trust the certificate of the next server: 504 Server time-out; ms-diagnostics 1010: Certificate trust with another server could not be established (fe01.contoso.com).
The problem is with the Registrar.
Check the certificates that the Edge and the pool present to each other.`},
	{"the pool is down", with(says(fe01, "504 Server time-out", diagnostics(5000, "Critical services are down"))), "sip-unavailable", `
fe01.contoso.com refuses the sign-in because critical services of the pool are down: 504 Server time-out; ms-diagnostics 5000: Critical services are down.
The problem is with the Registrar.
Check the services of the Registrar.`},
	{"the database of the pool is down", with(says(fe01, "500 Server Internal Error",
		`ms-diagnostics: 2;reason="See response code and reason phrase";HRESULT="0xC3E93C5F(SIPPROXY_E_SQL_TIMEOUT)";source="fe01.contoso.com"`)), "sip-unavailable", `
fe01.contoso.com cannot serve requests now: 500 Server Internal Error; ms-diagnostics 2: HRESULT 0xC3E93C5F(SIPPROXY_E_SQL_TIMEOUT).
The problem is with the Registrar.
Check the services of the Registrar and its pool.`},
	{"the clocks are too far apart", with(says(fe01, "504 Server time-out", diagnostics(1013, "Significant time skew detected during authentication"))), "clock-wrong", `
fe01.contoso.com says that the clocks are too far apart: 504 Server time-out; ms-diagnostics 1013: Significant time skew detected during authentication.
Compare the clock of this device, which shows …, with one that is right, and set it if it is wrong.
- If it is right, set that of fe01.contoso.com, or of the server in front of it or behind it that says so.`},
	{"the Registrar's clock is an hour ahead", with(hourAhead), "clock-wrong", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but the clock of this device is 1h1m slow compared with fe01.contoso.com.
The problem is with this device.
Set the clock of this device; to have it set automatically, create the SRV record _ntp._udp.contoso.com or set DHCP option 42.`},

	{"wrong password", with(published(fe01), onDevice(wrongPassword)), "sip-credentials", `
fe01.contoso.com refuses the user name phone1 or the password for the realm "contoso.com": 401 Unauthorized.
The problem is with the user account.
Write the present password to password_file, or, if phone1 is misspelt, correct sip_address in … (user is not set), then restart homeward; the account may be locked or expired.`},
	{"NTLM is offered, and the password is wrong", with(converses(fe01,
		unauthorized(offersNTLM), unauthorized(challengesNTLM), unauthorized(offersNTLM))), "sip-credentials", `
fe01.contoso.com refuses the user name phone1@contoso.com or the password for the realm "SIP Communications Service": 401 Unauthorized.
The problem is with the user account.
Write the present password to password_file, or, if phone1@contoso.com is misspelt, or should be DOMAIN\name, as often with Lync, correct sip_address in … (user is not set), then restart homeward; the account may be locked or expired.
- Compare the NTLM security level of the server (NtlmMinServerSec) with NTLMv2 and 128-bit encryption, which this device uses.`},
	{"the proof of NTLM is refused", with(converses(fe01,
		unauthorized(offersNTLM), unauthorized(challengesNTLM), unauthorized(offersNTLM, diagnostics(1000, "Final handshake failed")))), "sip-credentials", `
fe01.contoso.com refuses the user name phone1@contoso.com or the password for the realm "SIP Communications Service": 401 Unauthorized; ms-diagnostics 1000: Final handshake failed.
The problem is with the user account.
Write the present password to password_file, or, if phone1@contoso.com is misspelt, or should be DOMAIN\name, as often with Lync, correct sip_address in … (user is not set), then restart homeward; the account may be locked or expired.
- Compare the NTLM security level of the server (NtlmMinServerSec) with NTLMv2 and 128-bit encryption, which this device uses.`},
	{"NTLM is offered, and no password is configured", with(says(fe01, "401 Unauthorized", offersNTLM, offersKerberos, offersTLSDSK), unset("password_file")),
		"sip-auth-not-supported", `
fe01.contoso.com asks for a password, but none is configured.
The problem is with this device.
Set password_file.`},
	{"only Kerberos is offered", with(says(fe01, "401 Unauthorized", offersKerberos)), "sip-auth-not-supported", `
fe01.contoso.com offers only Kerberos for signing in, but this device does not support that.
The problem is with the Registrar.
Set the authentication protocol of the Registrar to both NTLM and Kerberos, or allow certificates (TLS-DSK): this device signs in with NTLM, Digest or a certificate, not with Kerberos.`},
	{"only Kerberos and TLS-DSK are offered, and Digest was", with(published(fe01), later(says(fe01, "401 Unauthorized", offersKerberos, offersTLSDSK))), "sip-auth-not-supported", `
fe01.contoso.com has changed what it offers for signing in: before Digest, with which this device was registered there at …, now Kerberos, TLS-DSK.
The problem is with the Registrar.
Offer Digest on fe01.contoso.com again.
- Enrol: let the device sign in with a password once, at a Registrar that offers NTLM and names its certificate service; or import a certificate: homeward identity import FILE.`},
	{"only Kerberos and TLS-DSK are offered", with(says(fe01, "401 Unauthorized", offersKerberos, offersTLSDSK)), "sip-auth-not-supported", `
fe01.contoso.com offers only Kerberos, TLS-DSK for signing in, but this device has no certificate.
The problem is with this device.
Enrol: let the device sign in with a password once, at a Registrar that offers NTLM and names its certificate service; or import a certificate: homeward identity import FILE.`},
	{"only Basic is offered", with(says(fe01, "401 Unauthorized", `WWW-Authenticate: Basic realm="contoso.com"`)), "sip-auth-not-supported", `
fe01.contoso.com offers only Basic for signing in, which would show the password and is never answered.
The problem is with the Registrar.
Offer Digest or NTLM on the Registrar.`},
	{"Digest over TCP is not allowed", with(published(at("internal-tcp")), unset("credentials_over_tcp")), "sip-auth-not-supported", `
fe03.contoso.com asks for a password over plain TCP (Digest MD5), where an eavesdropper could guess it.
The problem is with the Registrar.
Offer TLS on the Registrar.
- Only if that is impossible: with credentials_over_tcp = true this device signs in over plain TCP where an SRV record or internal_server leads, and an eavesdropper can guess the password.`},

	{"a proxy in front answers in place of the Registrar, and lists no registration", with(says(fe01, "200 OK")), "sip-malformed", `
sip:phone1@contoso.com signs in to fe01.contoso.com:5061 over TLS (internal-tls), but the answer of fe01.contoso.com:5061 lists no registration of this device, although RFC 3261 demands it: perhaps something in front of the Registrar answers in its place.
The problem is with the Registrar.
See on the Registrar whether it has a registration of this device; if not, look at the proxy or session border controller in front of it.`},
	{"the home pool does not resolve", with(redirects(fe01, "gone.contoso.com:5061;transport=TLS")), "no-address", `
fe01.contoso.com redirects the device to its home pool gone.contoso.com, which has no address.
The problem is with DNS.
Create the A record of gone.contoso.com, or move the user to another pool.`},
	{"the redirects form a loop", with(
		redirects(fe01, "fe02.contoso.com:5061;transport=TLS"),
		redirects(second, "fe01.contoso.com:5061;transport=TLS")), "sip-redirect-loop", `
The redirects form a loop: fe02.contoso.com sends the device to fe01.contoso.com, where it has been.
The problem is with the Registrar.
On fe02.contoso.com and fe01.contoso.com, check which home pool sip:phone1@contoso.com has.`},
	{"the home pool refuses the connection", with(redirects(fe01, "fe02.contoso.com:5061;transport=TLS"), address(second.host, second.addr), the(second, refuses)), "connect-refused", `
fe02.contoso.com:5061 (10.0.0.14) refuses the connection: nothing listens on this port, or a firewall on that host rejects it. fe01.contoso.com redirects the device to fe02.contoso.com:5061.
The problem is with the Registrar.
Start the Registrar service on fe02.contoso.com, or correct the port; if fe02.contoso.com is not meant to serve this user, correct where fe01.contoso.com redirects to.
- Look for a firewall on that host that rejects connections to port 5061.`},
	{"the home pool is reached over TCP", with(redirects(fe01, "fe03.contoso.com:5060;transport=TCP")), "sip-redirect-downgrade", `
fe01.contoso.com redirects the device to fe03.contoso.com, which is not used: the redirect leads from TLS to plain TCP.
The problem is with the Registrar.
Configure the Registrar to redirect to an address with transport=tls.`},
}

func wrongPassword(t testing.TB, d *device) { write(t, d.dir, "password", "wrong\n") }

func hourAhead(t testing.TB, c *scene) {
	says(fe01, "", "Date: "+time.Now().Add(time.Hour+80*time.Second).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))(t, c)
}

// TestMend76OfferChanged: a Registrar that took Digest offers Kerberos alone when the device comes again. Status and history say what has changed.
func TestMend76OfferChanged(t *testing.T) {
	common := newScene(t)
	d := fault{given: with(published(fe01), later(says(fe01, "401 Unauthorized", offersKerberos)))}.arrange(t, common)
	d.boot(t)
	d.await(t, "resting", func(s status) bool { return s.State == "resting" })
	for _, command := range []string{"status", "history --failures"} {
		out, _ := d.run(t, strings.Fields(command)...)
		t.Logf("homeward %s\n%s", command, out)
		shows(t, out, "fe01.contoso.com has changed what it offers for signing in: before Digest, with which this device was registered there at ", ", now Kerberos", "ffer Digest on fe01.contoso.com again")
	}
}

// TestMend88WhereARedirectFails: two Registrars redirect to the same pool, which refuses. The daemon says at each of them who redirects,
// where to, and what has failed there.
func TestMend88WhereARedirectFails(t *testing.T) {
	common := newScene(t)
	const there = "edge05.contoso.com:5061;transport=TLS"
	d := fault{given: with(redirects(fe01, there), redirects(second, there), address(edge05.host, edge05.addr))}.arrange(t, common)
	d.boot(t)
	d.await(t, "resting", func(s status) bool { return s.State == "resting" })
	const failed = "edge05.contoso.com:5061 (10.0.0.15) refuses the connection: nothing listens on this port, or a firewall on that host rejects it; fe01.contoso.com redirects the device to edge05.contoso.com:5061"
	for _, command := range []string{"status", "history"} {
		out, _ := d.run(t, command)
		t.Logf("homeward %s\n%s", command, out)
		shows(t, out, failed, "fe02.contoso.com redirects the device to edge05.contoso.com:5061, where it has just failed: "+failed)
	}
}

// TestMend100RedirectedBack: a Registrar redirects to a pool that refuses, and another one to the first, which has not failed itself.
func TestMend100RedirectedBack(t *testing.T) {
	common := newScene(t)
	d := fault{given: with(redirects(fe01, "edge05.contoso.com:5061;transport=TLS"), redirects(second, "fe01.contoso.com:5061;transport=TLS"), address(edge05.host, edge05.addr))}.arrange(t, common)
	d.boot(t)
	d.await(t, "resting", func(s status) bool { return s.State == "resting" })
	for _, command := range []string{"status", "history"} {
		out, _ := d.run(t, command)
		t.Logf("homeward %s\n%s", command, out)
		shows(t, out, "fe02.contoso.com redirects the device to fe01.contoso.com:5061, which has redirected it before")
	}
}
