//go:build linux

package e2e

import (
	"crypto/x509"
	"net"
	"net/url"
	"strings"
	"testing"
)

// certificateFaults are those of certificates as other authorities than ours make them. Behind stunnel is a Registrar that takes the
// device if TLS does.
var certificateFaults = []fault{
	{"a final dot behind the name", with(fronted(leafWith(func(c *x509.Certificate) { c.DNSNames = []string{"pool01.contoso.com."} }))), "tls-name", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) contains the name pool01.contoso.com only as "pool01.contoso.com.", which is not how a host name is written in a certificate.
The problem is with the Registrar.
Issue a certificate whose Subject Alternative Name contains exactly pool01.contoso.com, as a DNS name.`},
	{"a URL in place of the name", with(fronted(leafWith(func(c *x509.Certificate) { c.DNSNames = []string{"https://pool01.contoso.com"} }))), "tls-name", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) contains the name pool01.contoso.com only as "https://pool01.contoso.com", which is not how a host name is written in a certificate.
The problem is with the Registrar.
Issue a certificate whose Subject Alternative Name contains exactly pool01.contoso.com, as a DNS name.`},
	{"a blank behind the name", with(fronted(leafWith(func(c *x509.Certificate) { c.DNSNames = []string{"pool01.contoso.com "} }))), "tls-name", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) contains the name pool01.contoso.com only as "pool01.contoso.com ", which is not how a host name is written in a certificate.
The problem is with the Registrar.
Issue a certificate whose Subject Alternative Name contains exactly pool01.contoso.com, as a DNS name.`},
	{"a SIP URI only", with(fronted(leafWith(func(c *x509.Certificate) {
		c.DNSNames, c.URIs = nil, []*url.URL{{Scheme: "sip", Opaque: "contoso.com"}}
	}))), "tls-no-name", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) contains no name that a device accepts: its Subject Alternative Name has no host name; its subject is CN=pool01.contoso.com; its issuer is CN=e2e root.
The problem is with the Registrar.
Issue a certificate with pool01.contoso.com as Subject Alternative Name.`},
	{"an address only", with(fronted(leafWith(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = nil, []net.IP{net.ParseIP(pool01.addr)} }))), "tls-name", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is not for pool01.contoso.com, but for 10.0.0.20 (issued by CN=e2e root).
The problem is with the Registrar.
Choose the certificate that contains pool01.contoso.com on the server, or issue one.`},
	{"as AD CS makes them", with(fronted(openssl(adcs))), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"as AD CS makes them, signed with RSASSA-PSS", with(fronted(openssl(adcs, "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"))), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"signed with RSASSA-PSS and an unusual salt", with(fronted(openssl(adcs, "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:max"))), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is signed with an algorithm that this device does not know.
The problem is with the Registrar.
Have it signed with SHA-256 and RSA (PKCS #1 version 1.5) or ECDSA; in AD CS: AlternateSignatureAlgorithm = 0.`},
	{"signed with SHA-1", with(fronted(openssl(adcs, "-sha1"))), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is signed with an algorithm that is no longer safe: SHA1-RSA.
The problem is with the Registrar.
Have the certificate of the Registrar, and any intermediate one above it, signed with SHA-256.`},
	{"an authority that is limited to a part of the directory", with(fronted(openssl(adcs.with("ca", "nameConstraints = critical,permitted;dirName:dir,permitted;DNS:contoso.com")))), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) depends on that of the authority CN=e2e issuing,DC=contoso,DC=com, which has a critical extension that this device does not know: 2.5.29.30 (name constraints of a kind that it cannot check, such as directory names).
The problem is with the Registrar.
Issue the certificate without that extension, or with the extension not marked critical.`},
	{"an authority that is limited to the names below the SIP domain", with(fronted(openssl(adcs.with("ca", "nameConstraints = critical,permitted;DNS:.contoso.com")))), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"an authority that may not issue for the SIP domain", with(fronted(openssl(adcs.with("ca", "nameConstraints = critical,excluded;DNS:contoso.com")))), "tls-untrusted", `
The name constraints of CN=e2e issuing,DC=contoso,DC=com do not permit the certificate of pool01.contoso.com:5061 (10.0.0.20), which is for pool01.contoso.com.
The problem is with the Registrar.
Have the certificate of the Registrar issued by an authority that may issue it, or correct the name constraints.`},
	{"an authority that demands a policy", with(fronted(openssl(adcs.with("ca", "policyConstraints = critical,requireExplicitPolicy:0")))), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) lacks a certificate policy that an authority above it demands: CN=e2e issuing,DC=contoso,DC=com (policy constraints).
The problem is with the Registrar.
Issue the certificate with a certificate policy that this authority allows, or correct the policy constraints of the authority.`},
	{"an authority that takes no policy for all", with(fronted(openssl(adcs.with("ca", "inhibitAnyPolicy = critical,0")))), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"an authority for clients", with(fronted(openssl(adcs.with("ca", "extendedKeyUsage = clientAuth")))), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) depends on that of the authority CN=e2e issuing,DC=contoso,DC=com, which is not meant for servers (extended key usage).
The problem is with the Registrar.
Issue the certificate of CN=e2e issuing,DC=contoso,DC=com again, without extended key usage or with server authentication in it.`},
	{"a critical extension that only its maker knows", with(fronted(openssl(adcs.with("leaf", "1.3.6.1.4.1.9999.1 = critical,DER:0500")))), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) has a critical extension that this device does not know: 1.3.6.1.4.1.9999.1.
The problem is with the Registrar.
Issue the certificate without that extension, or with the extension not marked critical.`},
	{"as Samba makes them", with(fronted(samba)), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is self-signed, and it does not contain the name pool01.contoso.com; either the Registrar has no certificate of the site's authority, or somebody on the way answers in its place.
Have the site's authority issue a certificate with pool01.contoso.com as Subject Alternative Name.
- If the Registrar has another certificate than this one, look for what answers in its place: a firewall or proxy on the way, or another device with the address 10.0.0.20.`},
	{"as small devices make them, of version 1", with(fronted(box("rsa:1024", "-sha1"))), "tls-untrusted", `
The certificate of pool01.contoso.com:5061 (10.0.0.20) is self-signed, and it does not contain the name pool01.contoso.com; either the Registrar has no certificate of the site's authority, or somebody on the way answers in its place.
Have the site's authority issue a certificate with pool01.contoso.com as Subject Alternative Name.
- If the Registrar has another certificate than this one, look for what answers in its place: a firewall or proxy on the way, or another device with the address 10.0.0.20.`},
	{"an RSA key of 512 bits", with(fronted(box("rsa:512", "-sha1"))), "tls-version", `
pool01.contoso.com:5061 (10.0.0.20) accepts none of the ciphers that this device offers, or has a certificate whose kind of key this device does not take (alert 40, handshake failure).
The problem is with the Registrar.
Enable cipher suites with ECDHE key exchange on the Registrar, such as ECDHE-RSA-AES256-GCM-SHA384 (RSA key exchange alone is not enough).
- Give it a certificate with an RSA key of at least 2048 bits, or an ECDSA key on the curve P-256 or P-384.`},
	{"a key on a Brainpool curve", with(fronted(box("ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"))), "tls-version", `
pool01.contoso.com:5061 (10.0.0.20) accepts none of the ciphers that this device offers, or has a certificate whose kind of key this device does not take (alert 40, handshake failure).
The problem is with the Registrar.
Enable cipher suites with ECDHE key exchange on the Registrar, such as ECDHE-RSA-AES256-GCM-SHA384 (RSA key exchange alone is not enough).
- Give it a certificate with an RSA key of at least 2048 bits, or an ECDSA key on the curve P-256 or P-384.`},
	{"a root that another authority has signed, too", with(fronted(crossSigned(false))), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"a root that another authority has signed, too, and that is over", with(fronted(crossSigned(true))), "", `
All is well: sip:phone1@contoso.com signs in to pool01.contoso.com:5061 over TLS (internal-tls).`},
	{"a trusted root that is over", with(oldRoot), "tls-expired", `
The root certificate CN=e2e old root on this device, to which the certificate of pool01.contoso.com:5061 (10.0.0.20) leads, expired on … (it is … here).
The problem is with this device.
Check the clock of this device first; then replace this root in … by the renewed one, if its fingerprint is as the administrator tells you, and run: homeward service restart.
- If the site has no newer root yet, it has to renew its root.`},
}

// fronted has internal TLS lead to stunnel with such a chain, in front of the Registrar that speaks without TLS.
func fronted(chain maker) given {
	return func(t testing.TB, c *scene) {
		published(pool01)(t, c)
		cert, key, more := chain(t, c.site, pool01.host)
		dir := t.TempDir()
		all := read(t, cert)
		if more != "" {
			all += read(t, more)
		}
		text := "foreground = yes\npid =\nsslVersionMin = TLSv1\nciphers = DEFAULT:@SECLEVEL=0\nsecurityLevel = 0\n[sip]\naccept = 10.0.0.20:5061\nconnect = 10.0.0.18:5061\ncert = " + write(t, dir, "all.pem", all) + "\nkey = " + key + "\n"
		listens(t, start(t, c.registrar, "stunnel4", write(t, dir, "stunnel.conf", text)), pool01)
	}
}

// extensions are those that openssl gives to the authority [ca] and to the server [leaf].
type extensions string

// with adds one.
func (e extensions) with(whose, extension string) extensions {
	return extensions(strings.Replace(string(e), "["+whose+"]", "["+whose+"]\n"+extension, 1))
}

// adcs are the extensions of an Active Directory Certificate Services web server template, and of its authority.
const adcs extensions = `
[ca]
basicConstraints = critical,CA:true
keyUsage = digitalSignature,keyCertSign,cRLSign
1.3.6.1.4.1.311.21.1 = DER:020100
subjectKeyIdentifier = hash
[leaf]
keyUsage = critical,digitalSignature,keyEncipherment
extendedKeyUsage = serverAuth
1.3.6.1.4.1.311.21.7 = DER:302e06262b060104018237150884c8d55b87e6a21e81a98b3585a0d26983cbba70815d84f3f84e86b2a441020164020105
1.3.6.1.4.1.311.21.10 = DER:300c300a06082b06010505070301
subjectAltName = otherName:1.3.6.1.4.1.311.20.2.3;UTF8:pool01\$@contoso.com,DNS:pool01.contoso.com
crlDistributionPoints = URI:ldap:///CN=e2e%20issuing?certificateRevocationList?base?objectClass=cRLDistributionPoint
authorityInfoAccess = caIssuers;URI:ldap:///CN=e2e%20issuing?cACertificate?base
[dir]
DC = com
[req]
distinguished_name = name
[name]
`

// openssl has openssl make the certificates: the root of the site signs those of an issuing authority, and this one the server's; args
// are for the latter.
func openssl(all extensions, args ...string) maker {
	return func(t testing.TB, s *site, host string) (cert, key, chain string) {
		dir := t.TempDir()
		config := write(t, dir, "openssl.cnf", string(all))
		root := write(t, dir, "root.pem", read(t, s.ca.file))
		rootKey := keyFile(t, dir, "root", s.ca.key)
		run := func(args ...string) { s.registrar.run(t, append([]string{"openssl"}, args...)...) }
		file := func(name string) string { return dir + "/" + name }
		run("req", "-new", "-newkey", "rsa:2048", "-nodes", "-config", config, "-subj", "/DC=com/DC=contoso/CN=e2e issuing", "-keyout", file("ca.key"), "-out", file("ca.csr"))
		run("x509", "-req", "-in", file("ca.csr"), "-CA", root, "-CAkey", rootKey, "-CAcreateserial", "-days", "30", "-extfile", config, "-extensions", "ca", "-out", file("ca.pem"))
		run("req", "-new", "-newkey", "rsa:2048", "-nodes", "-config", config, "-subj", "/CN="+host, "-keyout", file("leaf.key"), "-out", file("leaf.csr"))
		run(append([]string{"x509", "-req", "-in", file("leaf.csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key"), "-CAcreateserial", "-days", "30", "-extfile", config, "-extensions", "leaf", "-out", file("leaf.pem")}, args...)...)
		return file("leaf.pem"), file("leaf.key"), file("ca.pem")
	}
}

// samba makes what Samba makes when it finds no certificate: without any name in it but the common name.
func samba(t testing.TB, s *site, host string) (cert, key, chain string) {
	dir := t.TempDir()
	s.registrar.run(t, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "700", "-subj", "/O=Samba Administration/OU=Samba - temporary autogenerated HOST certificate/CN="+host,
		"-addext", "extendedKeyUsage=serverAuth", "-keyout", dir+"/key.pem", "-out", dir+"/cert.pem")
	return dir + "/cert.pem", dir + "/key.pem", ""
}

// box makes a certificate as small devices do when they are switched on first: version 1, signed by itself.
func box(key string, args ...string) maker {
	return func(t testing.TB, s *site, host string) (cert, keyFile, chain string) {
		dir := t.TempDir()
		config := write(t, dir, "openssl.cnf", "[req]\ndistinguished_name = name\n[name]\n")
		s.registrar.run(t, append([]string{"openssl", "req", "-x509", "-nodes", "-days", "9000", "-config", config, "-subj", "/CN=" + host, "-keyout", dir + "/key.pem", "-out", dir + "/cert.pem", "-newkey", key}, args...)...)
		return dir + "/cert.pem", dir + "/key.pem", ""
	}
}

// crossSigned has the site's root signed by another authority that the device does not know, or that has ended: there is a shorter way.
func crossSigned(expired bool) maker {
	return func(t testing.TB, s *site, host string) (cert, key, chain string) {
		dir := t.TempDir()
		old := newAuthority(t, dir)
		old.cert.Subject.CommonName = "e2e old root"
		cross := authorityCertificate("e2e root")
		if expired {
			cross.NotBefore, cross.NotAfter = cross.NotBefore.AddDate(-2, 0, 0), cross.NotBefore.AddDate(-1, 0, 0)
		}
		cert, key = s.ca.issue(t, dir, host)
		return cert, key, write(t, dir, "cross.pem", old.sign(t, cross, &s.ca.key.PublicKey))
	}
}

// oldRoot has the device trust a root that is over, and the server send what it has issued.
func oldRoot(t testing.TB, c *scene) {
	old := &authority{key: newKey(t), cert: authorityCertificate("e2e old root")}
	old.cert.NotBefore, old.cert.NotAfter = old.cert.NotBefore.AddDate(-2, 0, 0), old.cert.NotBefore.AddDate(-1, 0, 0)
	rootsFile(old.sign(t, old.cert, &old.key.PublicKey))(t, c)
	fronted(func(t testing.TB, _ *site, host string) (cert, key, chain string) {
		cert, key = old.issue(t, t.TempDir(), host)
		return cert, key, ""
	})(t, c)
}
