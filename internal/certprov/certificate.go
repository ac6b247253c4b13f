package certprov

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"strings"
)

// Specification constants: MS-OCAUTHWS section 3.1.4.1, MS-WSTEP. This service has its namespace of WS-Trust with a slash.
const (
	nsTrustSlash = nsTrust + "/"
	nsWSTEP      = "http://schemas.microsoft.com/windows/pki/2009/01/enrollment"
	typeX509     = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3"
	typePKCS10   = "http://schemas.microsoft.com/OCS/AuthWebServices.xsd#PKCS10"
	typePKCS7    = "#PKCS7" // the end of its name (MS-WSTEP section 3.1.4.1.3)
	base64Binary = nsWSSE + "#Base64Binary"

	base64Line     = 76 // RFC 2045 section 6.8
	maxCertificate = 64 << 10
)

// Request is what a certificate is asked for.
type Request struct {
	User     string // "phone1@contoso.com"
	Instance string // +sip.instance of the device: "urn:uuid:7446beda-…"
	PKCS10   []byte // DER
}

// Certificate asks for a certificate, which the service publishes for the user and this device, and returns it in DER.
func (e *Enrolment) Certificate(ctx context.Context, s Service, t Ticket, r Request) ([]byte, error) {
	public, err := x509.ParseCertificateRequest(r.PKCS10)
	if err != nil {
		return nil, &Error{Kind: Unknown, Err: err}
	}
	body, err := e.post(ctx, s.certificate, message{action: actionCert, addressed: true, security: t.security(), body: r.body()})
	if err != nil {
		return nil, err
	}
	der, err := readCertificate(body, public.RawSubjectPublicKeyInfo)
	if err != nil {
		return nil, located(err, s.certificate)
	}
	return der, nil
}

func (r Request) body() string {
	return `<GetAndPublishCert xmlns="` + nsAuthWS + `" DeviceId="{` + escape(strings.TrimPrefix(r.Instance, "urn:uuid:")) + `}" Entity="` + escape(r.User) + `">` +
		`<wst:RequestSecurityToken xmlns:wst="` + nsTrustSlash + `"><wst:TokenType>` + typeX509 + `</wst:TokenType>` +
		`<wst:RequestType>` + nsTrust + `/Issue</wst:RequestType>` +
		`<wsse:BinarySecurityToken xmlns:wsse="` + nsWSSE + `" ValueType="` + typePKCS10 + `" EncodingType="` + base64Binary + `">` + "\r\n" +
		lines(base64.StdEncoding.EncodeToString(r.PKCS10)) + `</wsse:BinarySecurityToken>` +
		`<wstep:RequestID xmlns:wstep="` + nsWSTEP + `">` + freshUUID() + `</wstep:RequestID></wst:RequestSecurityToken></GetAndPublishCert>`
}

// lines cuts base64 into lines.
func lines(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		n := min(len(s), base64Line)
		b.WriteString(s[:n] + "\r\n")
		s = s[n:]
	}
	return b.String()
}

// readCertificate reads the answer. What the service refuses is in the answer, and no SOAP fault.
func readCertificate(body *element, public []byte) ([]byte, error) {
	response := body.child("GetAndPublishCertResponse")
	if response == nil {
		return nil, badAnswer("no GetAndPublishCertResponse")
	}
	if problem := response.find("ErrorInfo"); problem != nil {
		return nil, &Error{Kind: Rejected, Code: printable(problem.attr("ResponseCode")), Reason: printable(problem.value())}
	}
	token := response.find("RequestedSecurityToken").find("BinarySecurityToken")
	if token == nil {
		return nil, &Error{Kind: NoCertificate, Problem: "there is none in the answer"}
	}
	text := strings.Join(strings.Fields(token.value()), "")
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(der) == 0 || len(der) > maxCertificate {
		return nil, &Error{Kind: NoCertificate, Problem: "what it sends cannot be read"}
	}
	if strings.HasSuffix(token.attr("ValueType"), typePKCS7) {
		chain, err := parseChain(der)
		if err != nil {
			return nil, &Error{Kind: NoCertificate, Err: err}
		}
		if der = leafOf(chain, public); der == nil {
			return nil, &Error{Kind: NoCertificate, Problem: "it is for another key"}
		}
	}
	return der, nil
}
