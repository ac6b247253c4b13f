//go:build linux

package e2e

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"
)

// fieldFault is a fault that people have met in the field. `check`, `status` and `history --failures` tell it in the same
// words.
type fieldFault struct {
	name     string
	given    []given
	reason   string
	what, do string // what is wrong, and what to do about it
}

// tellTheSame makes the site of each row, looks at it with `check`, and has the daemon meet it.
func tellTheSame(t *testing.T, rows []fieldFault) {
	t.Helper()
	common := newScene(t)
	for _, f := range rows {
		t.Run(f.name, func(t *testing.T) {
			d := fault{given: f.given}.arrange(t, common)
			r := d.check(t)
			if r.Reason != f.reason {
				t.Errorf("check has the reason %q, want %q", r.Reason, f.reason)
			}
			said := map[string]string{"check": strings.Join(r.Summary, "\n")}
			d.boot(t)
			d.await(t, "resting", func(s status) bool { return s.State == "resting" })
			said["status"], _ = d.run(t, "status")
			said["history"], _ = d.run(t, "history", "--failures")
			for command, text := range said {
				text = strings.ToLower(stampless(text))
				for _, want := range []string{f.what, f.do} {
					if !strings.Contains(text, strings.ToLower(stampless(want))) {
						t.Errorf("%s does not say\n%s\nbut\n%s", command, want, text)
					}
				}
			}
			for _, a := range d.status(t).Cycle.Attempts {
				if a.Result != "skipped" && (a.Result != "failed" || a.Transport != "tls") {
					t.Errorf("an attempt over %s is %s", a.Transport, a.Result)
				}
			}
		})
	}
}

// Certificates of appliances and old authorities, in a form that cannot be read, are certificates that failed: plain TCP to
// the same host stays closed.
func TestField01UnreadableCertificate(t *testing.T) {
	inClear := at("internal-tcp") // takes the device
	secure := place{"internal-tls", fe01.srv, inClear.host, inClear.addr, 5061, "tls"}
	site := func(chain maker) []given { return with(sends(secure, chain), published(inClear)) }
	const do = "replace it with a certificate that does not have this fault"
	tellTheSame(t, []fieldFault{
		{"negative serial number", site(negativeSerial), "tls-certificate-unreadable",
			"a certificate that fe03.contoso.com:5061 (10.0.0.13) sends cannot be read: negative serial number", do},
		{"a URI among the names that is none", site(leafWith(func(leaf *x509.Certificate) {
			leaf.URIs = []*url.URL{{Scheme: "https", Host: "web[01].contoso.com", Path: "/"}}
		})), "tls-certificate-unreadable", `a certificate that fe03.contoso.com:5061 (10.0.0.13) sends cannot be read: cannot parse uri "https://web[01].contoso.com/"`, do},
	})
}

// What is wrong is with a certificate of the chain, and the root is there: nobody is sent to install it.
func TestField03RootIsThere(t *testing.T) {
	const namesExtension = "issue the certificate without that extension, or with the extension not marked critical"
	policies := pkix.Extension{ // AD CS: application policies, for servers
		Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 21, 10}, Critical: true,
		Value: []byte{0x30, 0x0c, 0x30, 0x0a, 0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 3, 1},
	}
	critical := func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{policies} }
	tellTheSame(t, []fieldFault{
		{"critical application policies", with(pool01Sends(leafWith(critical))), "tls-untrusted",
			"the certificate of pool01.contoso.com:5061 (10.0.0.20) has a critical extension that this device does not know: 1.3.6.1.4.1.311.21.10 (application policies)",
			namesExtension},
		{"critical application policies of the authority", with(pool01Sends(issuedBy(critical))), "tls-untrusted",
			"the certificate of pool01.contoso.com:5061 (10.0.0.20) depends on that of the authority cn=e2e intermediate, which has a critical extension that this device does not know: 1.3.6.1.4.1.311.21.10 (application policies)",
			namesExtension},
		{"name constraints", with(pool01Sends(issuedBy(func(c *x509.Certificate) {
			c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{"corp.contoso.com"}, true
		}))), "tls-untrusted",
			"the name constraints of cn=e2e intermediate do not permit the certificate of pool01.contoso.com:5061 (10.0.0.20), which is for pool01.contoso.com",
			"have the certificate of the registrar issued by an authority that may issue it, or correct the name constraints"},
		{"path length", with(pool01Sends(issuedBy(func(c *x509.Certificate) { c.MaxPathLenZero = true }, func(*x509.Certificate) {}))), "tls-untrusted",
			"the chain of the certificate of pool01.contoso.com:5061 (10.0.0.20) has more intermediate certificates than cn=e2e intermediate allows (path length)",
			"raise the path length of cn=e2e intermediate"},
		{"the issuer is no authority", with(pool01Sends(issuedBy(func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, 0 }))), "tls-untrusted",
			"the certificate of pool01.contoso.com:5061 (10.0.0.20) depends on that of cn=e2e intermediate, which is not an authority (ca)",
			"have the certificate of the registrar signed by an authority"},
	})
}

// The certificate that has ended, or has not begun, is named with its own date.
func TestField04IssuerIsOver(t *testing.T) {
	ends := time.Now().Add(-240 * time.Hour).UTC()
	begins := time.Now().Add(120 * time.Hour).UTC()
	tellTheSame(t, []fieldFault{
		{"ended", with(pool01Sends(issuedBy(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = ends.AddDate(-1, 0, 0), ends }))), "tls-expired",
			"the certificate of the authority cn=e2e intermediate, on which that of pool01.contoso.com:5061 (10.0.0.20) depends, expired on … (it is … here)",
			"then have the server send the present certificate of cn=e2e intermediate instead of the expired one"},
		{"not begun", with(pool01Sends(issuedBy(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = begins, begins.AddDate(1, 0, 0) }))), "tls-not-yet-valid",
			"the certificate of the authority cn=e2e intermediate, on which that of pool01.contoso.com:5061 (10.0.0.20) depends, is not valid before … (it is … here)",
			"check the clock of this device first; if it is right, see whether the clock of what issued the certificate of cn=e2e intermediate is ahead, then issue it again"},
	})
}

// TLS 1.2 is on, and the ciphers differ: nobody is sent to the version.
func TestField05RSAKeyExchangeOnly(t *testing.T) {
	const (
		what = "pool01.contoso.com:5061 (10.0.0.20) accepts none of the ciphers that this device offers, or has a certificate whose kind of key this device does not take (alert 40, handshake failure)"
		do   = "enable cipher suites with ecdhe key exchange on the registrar"
	)
	only := func(cipher string) given { return pool01Sends(rsaLeaf, "-tls1_2", "-cipher", cipher) }
	tellTheSame(t, []fieldFault{
		{"AES256-GCM-SHA384", with(only("AES256-GCM-SHA384")), "tls-version", what, do},
		{"AES128-SHA256", with(only("AES128-SHA256")), "tls-version", what, do},
		{"AES256-SHA", with(only("AES256-SHA")), "tls-version", what, do},
		{"AES256-GCM-SHA384, and a lower tls_min", with(only("AES256-GCM-SHA384"), set(`tls_min = "1.0"`)), "tls-version", what, do},
	})
}

// A server that asks for a certificate of the device is told as that, whatever the version of TLS.
func TestField07ClientCertificate(t *testing.T) {
	const (
		what = "pool01.contoso.com:5061 (10.0.0.20) asks this device for a certificate, and accepts no connection without one: it is a port for servers, or its settings demand one"
		do   = "if this is the port for clients (5061 of a pool inside, 443 of an access edge outside), configure the server to accept devices without a certificate"
	)
	tellTheSame(t, []fieldFault{
		{"TLS 1.2", with(pool01Has(nothingWrong, "-tls1_2", "-Verify", "1")), "tls-client-certificate", what, do},
		{"TLS 1.3", with(pool01Has(nothingWrong, "-tls1_3", "-Verify", "1")), "tls-client-certificate", what, do},
	})
}

// A 4xx is about the request: what the Registrar says of it is shown, and nobody is sent to its services.
func TestField22RequestIsRefused(t *testing.T) {
	const do = "its answer says why: change the settings of the registrar, or of a proxy in front of it, so that they accept the request"
	refuses := func(status string) string {
		return "fe01.contoso.com refuses the request of this device as it stands: " + status
	}
	tellTheSame(t, []fieldFault{
		{"400", with(says(fe01, "400 Bad Request - Missing P-Asserted-Identity", `Warning: 399 fe01.contoso.com "Contact user part must be digits"`)), "sip-rejected",
			refuses("400 Bad Request - Missing P-Asserted-Identity; warning 399: Contact user part must be digits"), do},
		{"380", with(says(fe01, "380 Alternative Service", "Contact: <sip:fe02.contoso.com;transport=tls>")), "sip-rejected",
			refuses("380 Alternative Service; Contact: <sip:fe02.contoso.com;transport=tls>"), do},
		{"420", with(says(fe01, "420 Bad Extension", "Unsupported: gruu-10")), "sip-rejected", refuses("420 Bad Extension; Unsupported: gruu-10"), do},
		{"421", with(says(fe01, "421 Extension Required", "Require: outbound")), "sip-rejected", refuses("421 Extension Required; Require: outbound"), do},
		{"423 without Min-Expires", with(says(fe01, "423 Interval Too Brief")), "sip-rejected",
			"fe01.contoso.com wants the registration to last longer, but does not say how long (no Min-Expires): 423 Interval Too Brief",
			"configure the registrar to send min-expires in its answer, or to accept shorter registrations"},
		{"439", with(says(fe01, "439 First Hop Lacks Outbound Support")), "sip-rejected", refuses("439 First Hop Lacks Outbound Support"), do},
		{"494", with(says(fe01, "494 Security Agreement Required", "Security-Server: tls;q=0.1")), "sip-rejected",
			refuses("494 Security Agreement Required; Security-Server: tls;q=0.1"), do},
		{"503, which is about the services", with(says(fe01, "503 Service Unavailable", `Reason: SIP;cause=503;text="maintenance until 06:00"`)), "sip-unavailable",
			`fe01.contoso.com cannot serve requests now: 503 Service Unavailable; Reason: SIP;cause=503;text="maintenance until 06:00"`,
			"check the services of the registrar and its pool"},
	})
}

// maker makes what the server of a host sends: its certificate, its key, and the authorities in between, as PEM files; chain is "" where
// there are none.
type maker func(t testing.TB, s *site, host string) (cert, key, chain string)

func pool01Sends(chain maker, args ...string) given { return sends(pool01, chain, args...) }

// sends has a server of the row's own send such a chain; args are for openssl s_server.
func sends(p place, chain maker, args ...string) given {
	return func(t testing.TB, c *scene) {
		published(p)(t, c)
		cert, key, more := chain(t, c.site, p.host)
		if more != "" {
			args = append(args, "-cert_chain", more)
		}
		startTLS(t, c.site, p, cert, key, args...)
	}
}

// leafWith changes the certificate of the server.
func leafWith(edit func(*x509.Certificate)) maker {
	return func(t testing.TB, s *site, host string) (cert, key, chain string) {
		leaf := leafFor(host)
		edit(leaf)
		cert, key = s.ca.issueLeaf(t, t.TempDir(), leaf)
		return cert, key, ""
	}
}

// issuedBy changes the certificates of the authorities in between, from the root on.
func issuedBy(edits ...func(*x509.Certificate)) maker {
	return func(t testing.TB, s *site, host string) (cert, key, chain string) {
		dir, above, all := t.TempDir(), s.ca, ""
		for i, edit := range edits {
			c := authorityCertificate("e2e intermediate" + strings.Repeat(" below", i))
			edit(c)
			next := &authority{key: newKey(t), cert: c}
			all = above.sign(t, c, &next.key.PublicKey) + all
			above = next
		}
		cert, key = above.issueLeaf(t, dir, leafFor(host))
		return cert, key, write(t, dir, "chain.pem", all)
	}
}

// rsaLeaf is a certificate with which a server can do RSA key exchange.
func rsaLeaf(t testing.TB, s *site, host string) (cert, key, chain string) {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	leaf := leafFor(host)
	leaf.KeyUsage |= x509.KeyUsageKeyEncipherment
	cert, key = s.ca.issueWith(t, t.TempDir(), leaf, k)
	return cert, key, ""
}

// negativeSerial signs again what crypto/x509 would not: a certificate with a negative serial number.
func negativeSerial(t testing.TB, s *site, host string) (cert, key, chain string) {
	t.Helper()
	leaf := leafFor(host)
	leaf.SerialNumber = big.NewInt(0x1234567890)
	cert, key = s.ca.issueLeaf(t, t.TempDir(), leaf)
	block, _ := pem.Decode([]byte(read(t, cert)))
	var signed struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(block.Bytes, &signed); err != nil {
		t.Fatal(err)
	}
	tbs := signed.TBS.FullBytes
	tbs[bytes.Index(tbs, leaf.SerialNumber.Bytes())] |= 0x80
	digest := sha256.Sum256(tbs)
	signature, err := s.ca.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	signed.Signature = asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}
	der, err := asn1.Marshal(signed)
	if err != nil || !ecdsa.VerifyASN1(&s.ca.key.PublicKey, digest[:], signature) {
		t.Fatal(err)
	}
	return write(t, t.TempDir(), "negative.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))), key, ""
}
