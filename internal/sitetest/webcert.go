package sitetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

var deviceID = regexp.MustCompile(`^\{[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\}$`)

// certificate answers GetAndPublishCert. What it refuses is in its answer, and no SOAP fault.
func (w *web) certificate(m manner, r *http.Request, body string) webAnswer {
	document, err := parseMarkup(body)
	if err != nil {
		return webFault(400, "soap:Client", 28000, err.Error())
	}
	holder, err := w.holder(document)
	if err != nil {
		return webFault(500, "wsse:InvalidSecurity", 28032, err.Error())
	}
	asked := document.find(nsAuthWS, "GetAndPublishCert")
	request, err := w.readRequest(r, asked)
	if err != nil {
		return webFault(500, "soap:Client", 28000, err.Error())
	}
	user := asked.attr("Entity")
	refused := func(code, reason string) webAnswer {
		return webAnswer{code: 200, proof: reason, body: webEnvelope(fmt.Sprintf(`<GetAndPublishCertResponse xmlns="%s" ResponseClass="Error" DeviceId="%s" Entity="%s"><ErrorInfo ResponseCode="%s">%s</ErrorInfo></GetAndPublishCertResponse>`,
			nsAuthWS, asked.attr("DeviceId"), user, code, reason))}
	}
	switch {
	case m.spoils == "store":
		return refused("ErrorDataStoreUnavailable", "The data store is unavailable.")
	case !strings.EqualFold(holder.user, user) || !strings.EqualFold(request.Subject.CommonName, user):
		return refused("ErrorAccessDenied", "The ticket is for another user.")
	}
	return w.issueTo(m, asked, request)
}

// issueTo makes the certificate, publishes it, and sends it.
func (w *web) issueTo(m manner, asked *node, request *x509.CertificateRequest) webAnswer {
	now := time.Now()
	user, key, begins, ends := asked.attr("Entity"), request.PublicKey, now.Add(-time.Minute), now.Add(m.life)
	switch m.spoils {
	case "otheruser":
		user = "somebody@else.example"
	case "otherkey":
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return webFault(500, "soap:Server", 28000, err.Error())
		}
		key = other.Public()
	case "expired":
		begins, ends = now.Add(-48*time.Hour), now.Add(-24*time.Hour)
	case "future":
		begins = now.Add(24 * time.Hour)
	case "short":
		ends = now.Add(10 * time.Minute)
	}
	der, err := w.sim.issued.issue(user, key, begins, ends)
	if err != nil {
		return webFault(500, "soap:Server", 28000, err.Error())
	}
	w.sim.issued.publish(published{
		der: der, user: asked.attr("Entity"), instance: strings.Trim(asked.attr("DeviceId"), "{}"), since: now.Add(m.replication), ends: ends,
	})
	kind, sent := "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3", der
	switch m.spoils {
	case "badcert":
		sent = der[:len(der)/2]
	case "pkcs7":
		kind, sent = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd#PKCS7", degenerate(w.sim.ca.cert.Raw, der)
	}
	token := fmt.Sprintf(`<RequestedSecurityToken><BinarySecurityToken ValueType="%s" EncodingType="%s#Base64Binary" xmlns="%s">%s</BinarySecurityToken></RequestedSecurityToken>`,
		kind, nsWSSE, nsWSSE, base64.StdEncoding.EncodeToString(sent))
	if m.spoils == "nocert" {
		token = ""
	}
	return webAnswer{code: 200, proof: "certificate", body: webEnvelope(fmt.Sprintf(
		`<GetAndPublishCertResponse DeviceId="%s" Entity="%s" ResponseClass="Success" xmlns="%s"><RequestSecurityTokenResponse xmlns="%s"><TokenType>http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3</TokenType>%s</RequestSecurityTokenResponse></GetAndPublishCertResponse>`,
		asked.attr("DeviceId"), asked.attr("Entity"), nsAuthWS, nsWSTSlash, token))}
}

// holder checks that a message comes from who holds a ticket: the ticket as it was given out, and a signature with its key over
// the time, both in canonical form.
func (w *web) holder(document *node) (ticket, error) {
	header := document.find(nsWSSE, "Security")
	assertion, signed, value := header.find(nsSAML, "Assertion"), header.find(nsWSU, "Timestamp"), header.find(nsSignature, "Signature")
	info := value.find(nsSignature, "SignedInfo")
	if assertion == nil || signed == nil || info == nil {
		return ticket{}, errMessage
	}
	t, ok := w.sim.issued.ticket(assertion.attr("AssertionID"))
	expires, err := time.Parse(time.RFC3339, signed.find(nsWSU, "Expires").value())
	digest := sha1.Sum([]byte(signed.canonical()))
	mac := hmac.New(sha1.New, t.key)
	mac.Write([]byte(info.canonical()))
	switch {
	case !ok:
		return ticket{}, fmt.Errorf("unknown ticket")
	case !sameAssertion(assertion.raw, t.assertion):
		return ticket{}, fmt.Errorf("the ticket was changed")
	case err != nil || time.Now().After(expires) || time.Now().After(t.expires):
		return ticket{}, fmt.Errorf("expired")
	case "#"+signed.attr("Id") != info.find(nsSignature, "Reference").attr("URI"):
		return ticket{}, fmt.Errorf("something else is signed")
	case info.find(nsSignature, "DigestValue").value() != base64.StdEncoding.EncodeToString(digest[:]):
		return ticket{}, fmt.Errorf("wrong digest")
	case value.find(nsSignature, "SignatureValue").value() != base64.StdEncoding.EncodeToString(mac.Sum(nil)):
		return ticket{}, fmt.Errorf("wrong signature")
	case value.find(nsWSSE, "KeyIdentifier").value() != assertion.attr("AssertionID"):
		return ticket{}, fmt.Errorf("the signature names another ticket")
	}
	return t, nil
}

// sameAssertion compares bytes: the server has signed them. A namespace that was declared above it may have come in.
func sameAssertion(sent, given string) bool {
	return sent == given || strings.Replace(sent, ` xmlns:saml="`+nsSAML+`"`, "", 1) == given
}

// readRequest checks a GetAndPublishCert as public clients send it, and returns its PKCS#10.
func (w *web) readRequest(r *http.Request, asked *node) (*x509.CertificateRequest, error) {
	rst := asked.find(nsWSTSlash, "RequestSecurityToken")
	token := rst.find(nsWSSE, "BinarySecurityToken")
	switch {
	case rst == nil || token == nil:
		return nil, fmt.Errorf("no RequestSecurityToken in %s", nsWSTSlash)
	case strings.Trim(r.Header.Get("Soapaction"), `"`) != nsAuthWS+"GetAndPublishCert":
		return nil, fmt.Errorf("SOAPAction")
	case !deviceID.MatchString(asked.attr("DeviceId")):
		return nil, fmt.Errorf("DeviceId")
	case strings.HasPrefix(asked.attr("Entity"), "sip:"):
		return nil, fmt.Errorf("Entity")
	case token.attr("ValueType") != "http://schemas.microsoft.com/OCS/AuthWebServices.xsd#PKCS10":
		return nil, fmt.Errorf("ValueType")
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(token.value()), ""))
	if err != nil {
		return nil, err
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, err
	}
	return request, request.CheckSignature()
}

// degenerate is a PKCS#7 message that only carries certificates (RFC 2315 section 9.1).
func degenerate(certificates ...[]byte) []byte {
	marshal := func(class, tag int, compound bool, parts ...[]byte) []byte {
		b, err := asn1.Marshal(asn1.RawValue{Class: class, Tag: tag, IsCompound: compound, Bytes: []byte(strings.Join(asStrings(parts), ""))})
		if err != nil {
			panic(err) // raw values always marshal
		}
		return b
	}
	oid := func(last byte) []byte { return []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, last} }
	empty := []byte{0x31, 0}
	signed := marshal(0, 16, true, []byte{2, 1, 1}, empty, marshal(0, 16, true, oid(1)), marshal(2, 0, true, certificates...), empty)
	return marshal(0, 16, true, oid(2), marshal(2, 0, true, signed))
}

func asStrings(parts [][]byte) (all []string) {
	for _, part := range parts {
		all = append(all, string(part))
	}
	return all
}
