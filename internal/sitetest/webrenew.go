package sitetest

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"
)

// A web ticket for who proves a certificate that the site has given out: WSS X.509 Token Profile 1.1, in the form that Windows
// Communication Foundation calls CertificateOverTransport. Whether those of Lync have that very form is not published.

const (
	nsPolicy08  = "http://schemas.xmlsoap.org/ws/2005/07/securitypolicy"
	typeX509v3  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
	inBase64    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
	canonicalBy = "http://www.w3.org/2001/10/xml-exc-c14n#"
	skew        = 5 * time.Minute // between the clocks of a message and of the server
)

// certPolicy is what the service says of it.
func certPolicy(m manner) string {
	suite := "Basic256"
	if m.spoils == "sha256" {
		suite = "Basic256Sha256"
	}
	binding := `<sp:TransportBinding xmlns:sp="` + nsPolicy08 + `"><wsp:Policy><sp:TransportToken><wsp:Policy><sp:HttpsToken RequireClientCertificate="false"/></wsp:Policy></sp:TransportToken><sp:AlgorithmSuite><wsp:Policy><sp:` +
		suite + `/></wsp:Policy></sp:AlgorithmSuite><sp:Layout><wsp:Policy><sp:Strict/></wsp:Policy></sp:Layout><sp:IncludeTimestamp/></wsp:Policy></sp:TransportBinding>`
	if m.spoils == "asymmetric" {
		binding = `<sp:AsymmetricBinding xmlns:sp="` + nsPolicy08 + `"><wsp:Policy/></sp:AsymmetricBinding>`
	}
	signed := ""
	if m.spoils == "sha256" {
		signed = `<sp:SignedParts><sp:Header Name="To" Namespace="` + nsWSA + `"/></sp:SignedParts>`
	}
	return `<wsp:Policy wsu:Id="` + webPorts["cert"].name + `_policy" xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy" xmlns:wsu="` + nsWSU + `"><wsp:ExactlyOne><wsp:All>` + binding +
		`<sp:EndorsingSupportingTokens xmlns:sp="` + nsPolicy08 + `"><wsp:Policy><sp:X509Token sp:IncludeToken="` + nsPolicy08 + `/IncludeToken/AlwaysToRecipient"><wsp:Policy><sp:RequireThumbprintReference/><sp:WssX509V3Token10/></wsp:Policy></sp:X509Token>` +
		signed + `</wsp:Policy></sp:EndorsingSupportingTokens></wsp:All></wsp:ExactlyOne></wsp:Policy>`
}

// ticketByCertificate takes a certificate, and a signature with its key.
func (w *web) ticketByCertificate(m manner, r *http.Request, body string) webAnswer {
	document, err := parseMarkup(body)
	if err != nil {
		return webFault(400, "soap:Client", 28000, err.Error())
	}
	der, err := w.prover(m, document)
	user, _ := strings.CutPrefix(document.find(nsClaims, "Value").value(), "sip:")
	if err == nil {
		if verdict := w.sim.issued.verdict(der, user, "", time.Now().Add(m.clock)); verdict != "" {
			err = errors.New(verdict)
		}
	}
	if err != nil {
		a := webFault(500, "wsse:FailedAuthentication", 28020, "No valid security token.")
		a.proof = err.Error()
		return a
	}
	return w.grantTicket(m, r, body)
}

// prover returns the certificate that a message is signed with.
func (w *web) prover(m manner, document *node) ([]byte, error) {
	header := document.find(nsWSSE, "Security")
	token, stamp, signature := header.find(nsWSSE, "BinarySecurityToken"), header.find(nsWSU, "Timestamp"), header.find(nsSignature, "Signature")
	info, reference := signature.find(nsSignature, "SignedInfo"), signature.find(nsWSSE, "Reference")
	if token == nil || stamp == nil || info == nil || reference == nil || token.attr("ValueType") != typeX509v3 || token.attr("EncodingType") != inBase64 {
		return nil, errMessage
	}
	der, err := base64.StdEncoding.DecodeString(token.value())
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	public, isRSA := certificate.PublicKey.(*rsa.PublicKey)
	created, errCreated := time.Parse(time.RFC3339, stamp.find(nsWSU, "Created").value())
	expires, errExpires := time.Parse(time.RFC3339, stamp.find(nsWSU, "Expires").value())
	now := time.Now().Add(m.clock)
	switch {
	case !isRSA || errCreated != nil || errExpires != nil:
		return nil, errMessage
	case now.Before(created.Add(-skew)) || now.After(expires.Add(skew)):
		return nil, errors.New("too old, or too early")
	case reference.attr("URI") != "#"+token.attr("Id"):
		return nil, errors.New("the signature names another key")
	}
	return der, w.signedBy(m, public, document, info, signature.find(nsSignature, "SignatureValue").value())
}

// signedBy checks what is signed, and the signature.
func (w *web) signedBy(m manner, key *rsa.PublicKey, document, info *node, value string) error {
	hash, method, digest, parts := crypto.SHA1, nsSignature+"rsa-sha1", nsSignature+"sha1", []*node{document.find(nsWSU, "Timestamp")}
	if m.spoils == "sha256" {
		hash, method, digest = crypto.SHA256, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256"
		parts = append(parts, document.find(nsWSA, "To"))
	}
	sum := func(text string) []byte {
		h := hash.New()
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	if info.find(nsSignature, "CanonicalizationMethod").attr("Algorithm") != canonicalBy || info.find(nsSignature, "SignatureMethod").attr("Algorithm") != method {
		return errors.New("other algorithms")
	}
	var references []*node
	for _, child := range info.children {
		if child.local == "Reference" {
			references = append(references, child)
		}
	}
	if len(references) != len(parts) {
		return errors.New("more or less is signed")
	}
	for i, p := range parts {
		switch r := references[i]; {
		case p == nil || r.attr("URI") != "#"+p.attr("Id") || p.attr("Id") == "":
			return errors.New("something else is signed")
		case r.find(nsSignature, "DigestMethod").attr("Algorithm") != digest || r.find(nsSignature, "Transform").attr("Algorithm") != canonicalBy:
			return errors.New("other algorithms")
		case r.find(nsSignature, "DigestValue").value() != base64.StdEncoding.EncodeToString(sum(p.canonical())):
			return errors.New("wrong digest")
		}
	}
	if to := document.find(nsWSA, "To").value(); to != w.url(m, pathWebTicket+webPorts["cert"].path) {
		return errors.New("for another service")
	}
	signed, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return err
	}
	return rsa.VerifyPKCS1v15(key, hash, sum(info.canonical()), signed)
}
