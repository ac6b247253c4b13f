//go:build linux

package e2e

var tlsFaults = []fault{
	{"the certificate lacks the name", with(pool01Has(namesAnother)), "tls-name", `
The certificate of pool01.contoso.com:5061 is not for pool01.contoso.com, but for lync01.contoso.com.
This is on the side of the Registrar.
Issue a certificate that carries pool01.contoso.com too, or let the SRV record _sipinternaltls._tcp.contoso.com name lync01.contoso.com, with an A record for lync01.contoso.com.`},
	{"the certificate has a wildcard", with(pool01Has(namesWildcard)), "tls-name", `
The certificate of pool01.contoso.com:5061 is not for pool01.contoso.com, but for *.contoso.com.
This is on the side of the Registrar.
Issue a certificate that names pool01.contoso.com: devices do not accept a wildcard for SIP.`},
	{"the certificate has a common name only", with(pool01Has(hasCommonNameOnly)), "tls-no-name", `
The certificate of pool01.contoso.com:5061 carries no name a device believes: it has no Subject Alternative Name.
This is on the side of the Registrar.
Issue a certificate with pool01.contoso.com as Subject Alternative Name.`},
	{"the certificate is from an unknown root", with(pool01Has(hasOtherRoot)), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 leads to CN=e2e root, and this device trusts another authority of that name: the site has made a new one.
This is on the side of this device.
Install the site's new root certificate and name it in roots.`},
	{"the certificate signs itself", with(pool01Has(signsItself)), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 is signed by itself: no authority vouches for it.
This is on the side of the Registrar.
Let the site's authority issue the certificate, or name this certificate in roots.`},
	{"the intermediate certificate is missing", with(pool01Has(lacksIntermediate)), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 is issued by CN=e2e intermediate, which this device does not know, and the server sends no intermediate certificate.
This is on the side of this device.
Install the site's root certificate and name it in roots; if it is there, let the server send its intermediate certificates too.`},
	{"the certificate is for clients", with(pool01Has(isForClients)), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 is not meant for servers (extended key usage).
This is on the side of the Registrar.
Issue a certificate for server authentication.`},
	{"the certificate has expired", with(pool01Has(hasExpired)), "tls-expired", `
The certificate of pool01.contoso.com:5061 expired on … (it is … here).
This is on the side of the Registrar.
Renew the certificate of the Registrar; check the clock of this device first.`},
	{"the certificate is not valid yet", with(pool01Has(beginsTomorrow)), "tls-not-yet-valid", `
The certificate of pool01.contoso.com:5061 is not valid before … (it is … here).
This is on the side of the Registrar.
Check the clock of this device first, then the certificate of the Registrar.`},
	{"TLS 1.0 only", with(pool01Has(nothingWrong, "-tls1", "-cipher", "DEFAULT@SECLEVEL=0")), "tls-version", `
pool01.contoso.com:5061 (10.0.0.20) offers no TLS version that this device may use.
This is on the side of the Registrar.
Enable TLS 1.2 on the Registrar; until then, tls_min = "1.0" lets this device use what old servers offer.`},
	{"no cipher in common", with(pool01Has(nothingWrong, "-tls1_2", "-cipher", "ECDHE-ECDSA-CAMELLIA128-SHA256")), "tls-version", `
pool01.contoso.com:5061 (10.0.0.20) accepts none of the ciphers that this device offers (alert 40, handshake failure).
This is on the side of the Registrar.
Enable cipher suites with ECDHE key exchange on the Registrar, such as ECDHE-RSA-AES256-GCM-SHA384; RSA key exchange alone is not enough.`},
	{"the server asks for a certificate (port for servers)", with(pool01Has(nothingWrong, "-tls1_2", "-Verify", "1")), "tls-client-certificate", `
pool01.contoso.com:5061 (10.0.0.20) asks for a certificate of this device, and refuses it without one: it is a port for servers, not for clients.
This is on the side of DNS.
Name the port for clients (5061 of a pool inside, 443 of an Access Edge outside); if it is this one, let the server admit devices that have no certificate.`},
	{"the handshake stalls", with(pool01Hangs), "tls-timeout", `
pool01.contoso.com:5061 (10.0.0.20) takes the connection, but the TLS handshake stalls.
This is on the side of the Registrar.
Check that this port speaks TLS; on tunnels look for an MTU that is too small.`},
	{"SIP without TLS on the port for TLS", with(published(clearPort)), "tls-timeout", `
fe08.contoso.com:5061 (10.0.0.18) takes the connection, but the TLS handshake stalls.
This is on the side of the Registrar.
Check that this port speaks TLS; on tunnels look for an MTU that is too small.`},
	{"HTTP on the port for TLS", with(pool01Is("http")), "tls-failed", `
pool01.contoso.com:5061 (10.0.0.20) takes the connection, but does not speak TLS.
This is on the side of the Registrar.
Check that this port speaks TLS, and look into the log of the Registrar.`},
}
