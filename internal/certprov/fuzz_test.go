package certprov

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/http"
	"testing"
	"time"
)

const soap = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>`

// Whatever a service sends, it is read within limits or refused, and what is kept of it can be read again.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		"", "<a/>", `<?xml version="1.0" encoding="utf-8"?><a b="c">d<!-- e --></a>`, `<!DOCTYPE a><a/>`, "\xef\xbb\xbf<a/>",
		soap + `<s:Fault><faultcode xmlns:w="x">w:FailedAuthentication</faultcode><faultstring>No</faultstring><detail><Ms-Diagnostics-Fault><ErrorId>28020</ErrorId></Ms-Diagnostics-Fault></detail></s:Fault></s:Body></s:Envelope>`,
		soap + `<c xmlns="t" xmlns:p="q"><RequestSecurityTokenResponse><RequestedSecurityToken><p:Assertion AssertionID="x">y</p:Assertion></RequestedSecurityToken><Lifetime><Created>2026-11-28T08:00:00Z</Created><Expires>2026-11-28T16:00:00Z</Expires></Lifetime><Entropy><BinarySecret>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</BinarySecret></Entropy></RequestSecurityTokenResponse></c></s:Body></s:Envelope>`,
		soap + `<GetAndPublishCertResponse><RequestedSecurityToken><BinarySecurityToken ValueType="x#PKCS7">MAA=</BinarySecurityToken></RequestedSecurityToken></GetAndPublishCertResponse></s:Body></s:Envelope>`,
		soap + `<GetAndPublishCertResponse><ErrorInfo ResponseCode="x">y</ErrorInfo></GetAndPublishCertResponse></s:Body></s:Envelope>`,
		`<d><Policy Id="CertProvisioningServiceWebTicketProof_SHA1_policy"><EndorsingSupportingTokens><Issuer><Address>https://a.b/c</Address></Issuer></EndorsingSupportingTokens></Policy><port name="x"><address location="https://a.b/"/></port></d>`,
		`<d><Policy Id="WebTicketServiceCert_policy"><TransportBinding><Policy><AlgorithmSuite><Policy><Basic256/></Policy></AlgorithmSuite></Policy></TransportBinding><EndorsingSupportingTokens><X509Token IncludeToken="x/AlwaysToRecipient"/><SignedParts><Header Name="To" Namespace="http://www.w3.org/2005/08/addressing"/></SignedParts></EndorsingSupportingTokens></Policy></d>`,
	} {
		f.Add([]byte(seed), 200)
	}
	at := Address{Host: "web01.contoso.com", Port: 443, path: "/x"}
	f.Fuzz(func(t *testing.T, text []byte, status int) {
		got := answer{status: status, header: http.Header{"X-Ms-Diagnostics": {string(text)}}, body: text}
		if ticket, err := readTicket("ntlm", got, at, make([]byte, entropySize)); err == nil {
			if assertion, err := parseDocument([]byte(ticket.assertion)); err != nil || assertion.attr("AssertionID") != ticket.id {
				t.Errorf("a ticket that cannot be read: %q, %v", ticket.assertion, err)
			}
		}
		if body, err := bodyOf(got, at); err == nil {
			if der, err := readCertificate(body, nil); err == nil && (len(der) == 0 || len(der) > maxCertificate) {
				t.Errorf("a certificate of %d bytes", len(der))
			}
		}
		document, err := parseDocument(text)
		if err != nil {
			return
		}
		issuerOf(document)
		provingOf(document, PortCert)
		if ports := portsOf(document); len(ports) > maxPorts {
			t.Errorf("%d ports", len(ports))
		}
		document.each(func(e *element) {
			if len(e.raw) == 0 || e.raw[0] != '<' || e.raw[len(e.raw)-1] != '>' {
				t.Errorf("the bytes of an element are %q", e.raw)
			}
		})
	})
}

// Whatever is sent as PKCS#7, there are certificates in it, as many as allowed, or it is refused.
func FuzzChain(f *testing.F) {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "phone1@contoso.com"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &theKey().PublicKey, theKey())
	if err != nil {
		f.Fatal(err)
	}
	wrap := func(class, tag int, parts ...[]byte) []byte {
		var inner []byte
		for _, part := range parts {
			inner = append(inner, part...)
		}
		b, err := asn1.Marshal(asn1.RawValue{Class: class, Tag: tag, IsCompound: true, Bytes: inner})
		if err != nil {
			f.Fatal(err)
		}
		return b
	}
	oid := func(last byte) []byte { return []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, last} }
	whole := func(certificates ...[]byte) []byte {
		return wrap(0, 16, oid(2), wrap(2, 0, wrap(0, 16, []byte{2, 1, 1}, []byte{0x31, 0}, wrap(0, 16, oid(1)), wrap(2, 0, certificates...), []byte{0x31, 0})))
	}
	for _, seed := range [][]byte{nil, whole(), whole(der), whole(der, der), whole(der)[:400], {0x30, 0x80}, append(whole(der), 0)} {
		f.Add(seed)
	}
	if chain, err := parseChain(whole(der, der)); err != nil || len(chain) != 2 {
		f.Fatalf("%d certificates, %v", len(chain), err)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		chain, err := parseChain(der)
		if (err == nil) != (len(chain) > 0) || len(chain) > maxCertificates {
			t.Errorf("%d certificates, %v", len(chain), err)
		}
	})
}
