//go:build linux

package e2e

var tlsFaults = []fault{
	{"the certificate lacks the name", with(pool01Has(namesAnother)), "tls-name", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is not for pool01.contoso.com, but for lync01.contoso.com (issued by CN=e2e root).
The problem is with the Registrar.
Choose the certificate that contains pool01.contoso.com on the server, or issue one.
- If lync01.contoso.com is a name of this Registrar, let the SRV record _sipinternaltls._tcp.contoso.com name it.`},
	{"the certificate of one of two Registrars lacks the name", with(pool01Has(namesAnother), published(fe01)), "tls-name", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is not for pool01.contoso.com, but for lync01.contoso.com (issued by CN=e2e root). The device signs in to fe01.contoso.com:5061 instead.
The problem is with the Registrar.
Choose the certificate that contains pool01.contoso.com on the server, or issue one.
- If lync01.contoso.com is a name of this Registrar, let the SRV record _sipinternaltls._tcp.contoso.com name it.`},
	{"the certificate has a wildcard", with(pool01Has(namesWildcard)), "tls-name", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is not for pool01.contoso.com, but for *.contoso.com (issued by CN=e2e root).
The problem is with the Registrar.
Issue a certificate that names pool01.contoso.com: devices do not accept a wildcard for SIP.`},
	{"the certificate has a common name only", with(pool01Has(hasCommonNameOnly)), "tls-no-name", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) contains no name that a device accepts: its Subject Alternative Name has no host name; its subject is CN=pool01.contoso.com; its issuer is CN=e2e root.
The problem is with the Registrar.
Issue a certificate with pool01.contoso.com as Subject Alternative Name.`},
	{"the certificate is from an unknown root", with(pool01Has(hasOtherRoot)), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) leads to CN=e2e root, but this device trusts another authority of that name; either the site has created a new one, or somebody on the way uses its name.
Ask the administrator of the Registrar, not over this network, for the root certificate and its fingerprint; only if the site has a new root, install it and add its path to the setting roots.
- If the site has had no other authority of the name CN=e2e root, a firewall or proxy on the way opens TLS: exempt port 5061 from TLS inspection.
- If that of this device is the newer one, have the certificate of the Registrar issued again under it.
- Ask the site, not over this network, for the fingerprint of CN=pool01.contoso.com; if it is …, set trust_bootstrap = "pin" and trust_pins = ["…"], or run homeward trust accept with it.`},
	{"the certificate signs itself", with(pool01Has(signsItself)), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is self-signed: no authority vouches for it; either the Registrar has no certificate of the site's authority, or somebody on the way answers in its place.
Have the site's authority issue the certificate.
- If the Registrar has another certificate than this one, look for what answers in its place: a firewall or proxy on the way, or another device with the address 10.0.0.20.
- If it is meant to be self-signed, compare its fingerprint with the one that the administrator of the Registrar gives you, not over this network; if they match, add its path to the setting roots.
- Ask the site, not over this network, for the fingerprint of CN=pool01.contoso.com; if it is …, set trust_bootstrap = "pin" and trust_pins = ["…"], or run homeward trust accept with it.`},
	{"the intermediate certificate is missing", with(pool01Has(lacksIntermediate)), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is issued by CN=e2e intermediate, which this device does not know, and the server sends no intermediate certificate; this device trusts what roots in … names.
Configure the server to send the intermediate certificate CN=e2e intermediate along with its own.
- If CN=e2e intermediate is not an authority of this site, a firewall or proxy on the way opens TLS: exempt port 5061 from TLS inspection.
- If CN=e2e intermediate is a root of this site, ask the administrator of the Registrar, not over this network, for the root certificate and its fingerprint; if they match, install it and add its path to the setting roots.
- Ask the site, not over this network, for the fingerprint of CN=pool01.contoso.com; if it is …, set trust_bootstrap = "pin" and trust_pins = ["…"], or run homeward trust accept with it.`},
	{"the certificate is for clients", with(pool01Has(isForClients)), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is not meant for servers (extended key usage).
The problem is with the Registrar.
Issue a certificate for server authentication.`},
	{"the certificate has expired", with(pool01Has(hasExpired)), "tls-expired", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) expired on … (it is … here).
Check the clock of this device first; if it is right, renew the certificate of the Registrar.`},
	{"the certificate is not valid yet", with(pool01Has(beginsTomorrow)), "tls-not-yet-valid", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is not valid before … (it is … here).
Check the clock of this device first; if it is right, see whether the clock of the authority CN=e2e root is ahead, then issue the certificate again.
- If it is meant to begin then, wait: devices accept it from … on.`},
	{"TLS 1.0 only", with(pool01Has(nothingWrong, "-tls1", "-cipher", "DEFAULT@SECLEVEL=0")), "tls-version", `
pool01.contoso.com:5061 (10.0.0.20) offers no TLS version that this device may use: TLS 1.0 at most, and this device needs TLS 1.2 or newer.
The problem is with the Registrar.
Enable TLS 1.2 on the Registrar; until then, tls_min = "1.0" lets this device use what old servers offer.`},
	{"no cipher in common", with(pool01Has(nothingWrong, "-tls1_2", "-cipher", "ECDHE-ECDSA-CAMELLIA128-SHA256")), "tls-version", `
pool01.contoso.com:5061 (10.0.0.20) accepts none of the ciphers that this device offers, or has a certificate whose kind of key this device does not take (alert 40, handshake failure).
The problem is with the Registrar.
Enable cipher suites with ECDHE key exchange on the Registrar, such as ECDHE-RSA-AES256-GCM-SHA384 (RSA key exchange alone is not enough).
- Give it a certificate with an RSA key of at least 2048 bits, or an ECDSA key on the curve P-256 or P-384.`},
	{"the server asks for a certificate (port for servers)", with(pool01Has(nothingWrong, "-tls1_2", "-Verify", "1")), "tls-client-certificate", `
pool01.contoso.com:5061 (10.0.0.20) asks this device for a certificate, and accepts no connection without one: it is a port for servers, or its settings demand one.
If this is the port for clients (5061 of a pool inside, 443 of an Access Edge outside), configure the server to accept devices without a certificate.
- If it is another port, use the port for clients.`},
	{"the handshake stalls", with(pool01Hangs), "tls-timeout", `
pool01.contoso.com:5061 (10.0.0.20) accepts the connection, but does not answer the TLS handshake, which has arrived (it was acknowledged).
Check that the service on pool01.contoso.com does not hang, and restart it if it does.
- If a proxy or load balancer listens there, check that the Registrar behind it is running.
- Check that port 5061 speaks TLS (a port for plain SIP waits in the same way).
- Look for a firewall on the way that drops the answers of pool01.contoso.com.`},
	{"HTTP on the port for TLS", with(pool01Is("http")), "tls-failed", `
pool01.contoso.com:5061 (10.0.0.20) accepts the connection, but does not speak TLS: its answer begins with HTTP/1.1 400 Bad Request.
The problem is with the Registrar.
Check that this port speaks TLS, and check the log of the Registrar.`},
	{"SIP without TLS on the port for TLS", with(published(clearPort)), "tls-failed", `
fe08.contoso.com:5061 (10.0.0.18) does not speak TLS: it answers SIP without TLS.
The problem is with the Registrar.
Configure TLS for port 5061 on fe08.contoso.com.
- If that port is meant to be without TLS, correct the record or setting that names it for TLS.`},
}
