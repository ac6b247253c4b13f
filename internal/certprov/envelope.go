package certprov

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// Specification constants: namespaces and names, as the public clients of real servers send them.
const (
	nsSOAP    = "http://schemas.xmlsoap.org/soap/envelope/" // SOAP 1.1
	nsWSA     = "http://www.w3.org/2005/08/addressing"
	nsWSP     = "http://schemas.xmlsoap.org/ws/2004/09/policy"
	nsAuth    = "http://schemas.xmlsoap.org/ws/2006/12/authorization"
	nsWSSE    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	nsWSU     = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsTrust   = "http://docs.oasis-open.org/ws-sx/ws-trust/200512" // the Web Ticket Service: no slash at its end
	nsAuthWS  = "http://schemas.microsoft.com/OCS/AuthWebServices/"
	anonymous = nsWSA + "/anonymous"

	typeSAML    = "http://docs.oasis-open.org/wss/oasis-wss-saml-token-profile-1.1#SAMLV1.1"
	plainText   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText"
	claims      = "urn:component:Microsoft.Rtc.WebAuthentication.2010:authclaims"
	claimURI    = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/uri"
	issue2005   = "http://schemas.xmlsoap.org/ws/2005/02/trust/Issue" // of another version than nsTrust, but what servers take
	actionIssue = nsTrust + "/RST/Issue"
	actionCert  = nsAuthWS + "GetAndPublishCert"
)

// message is a request of SOAP 1.1.
type message struct {
	action, security, body string
	addressed              bool // with a header of WS-Addressing
	namesTo                bool // the address in it has a name
}

// envelope writes a message to a service.
func (m message) envelope(to Address) string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="` + nsSOAP + `">`)
	if m.addressed {
		address := `<wsa:To xmlns:wsa="` + nsWSA + `">` + escape(to.String()) + `</wsa:To>`
		if m.namesTo {
			address = signedTo(to)
		}
		b.WriteString(`<soap:Header>` + address +
			`<wsa:ReplyTo xmlns:wsa="` + nsWSA + `"><wsa:Address>` + anonymous + `</wsa:Address></wsa:ReplyTo>` +
			`<wsa:MessageID xmlns:wsa="` + nsWSA + `">uuid:` + freshUUID() + `</wsa:MessageID>` +
			`<wsa:Action xmlns:wsa="` + nsWSA + `">` + m.action + `</wsa:Action>` +
			`<wsse:Security xmlns:wsse="` + nsWSSE + `">` + m.security + `</wsse:Security></soap:Header>`)
	}
	b.WriteString(`<soap:Body>` + m.body + `</soap:Body></soap:Envelope>`)
	return b.String()
}

// toID is the name of the address where that is signed.
const toID = "to"

// signedTo is the header To of WS-Addressing in canonical form, with a name by which it can be signed. An Address has no sign in it
// but "&" that is written in another way.
func signedTo(at Address) string {
	return `<wsa:To xmlns:wsa="` + nsWSA + `" xmlns:wsu="` + nsWSU + `" wsu:Id="` + toID + `">` + strings.ReplaceAll(at.String(), "&", "&amp;") + `</wsa:To>`
}

// headers are those of HTTP that belong to a message.
func (m message) headers() map[string]string {
	return map[string]string{"SOAPAction": strconv.Quote(m.action)}
}

// post sends a message and returns the body of the answer.
func (e *Enrolment) post(ctx context.Context, at Address, m message) (*element, error) {
	got, err := e.ask(ctx, http.MethodPost, at, m.headers(), m.envelope(at))
	if err != nil {
		return nil, err
	}
	return bodyOf(got, at)
}

// bodyOf returns the body of an answer, or the fault that it is.
func bodyOf(got answer, at Address) (*element, error) {
	document, err := got.judged()
	if err != nil {
		return nil, located(err, at)
	}
	body := document.child("Body")
	if document.name != "Envelope" || body == nil {
		return nil, located(badAnswer("no SOAP envelope"), at)
	}
	if fault := faultOf(body); fault != nil {
		fault.Status = got.status
		return nil, located(fault, at)
	}
	return body, nil
}

// fault is the SOAP fault that an answer holds; nil for none.
func (a answer) fault() *Error {
	document, err := parseDocument(a.body)
	if err != nil {
		return nil
	}
	return faultOf(document.child("Body"))
}

// Specification constants: what a Web Ticket Service says of credentials that it does not take.
const (
	failedAuthentication = "FailedAuthentication" // WS-Trust 1.3 section 11, WSS 1.1 section 12
	noValidToken         = 28020                  // ErrorId, "No valid security token."
)

// faultOf reads a SOAP fault with the diagnostics of Lync; nil: there is none.
func faultOf(body *element) *Error {
	fault := body.child("Fault")
	if fault == nil {
		return nil
	}
	code := fault.child("faultcode").value()
	e := &Error{Kind: Faulted, Code: printable(code), Reason: printable(fault.child("faultstring").value())}
	if diagnosis := fault.find("Ms-Diagnostics-Fault"); diagnosis != nil {
		e.ID, _ = strconv.Atoi(diagnosis.child("ErrorId").value()) // none: 0
		if reason := diagnosis.child("Reason").value(); reason != "" {
			e.Reason = printable(reason)
		}
	}
	_, local, _ := strings.Cut(":"+code, ":")
	if strings.HasSuffix(local, failedAuthentication) || e.ID == noValidToken {
		e.Kind = CredentialsRefused
	}
	return e
}

// judged returns the document of a good answer; of any other it says why it is none.
func (a answer) judged() (*element, error) {
	switch {
	case a.status == http.StatusOK:
		return parseDocument(a.body)
	case a.status >= 300 && a.status < 400:
		return nil, &Error{Kind: Redirected, Status: a.status, Problem: printable(a.header.Get("Location"))}
	case a.status == http.StatusUnauthorized:
		e := &Error{Kind: CredentialsRefused, Status: a.status}
		e.diagnose(a.header)
		return nil, e
	}
	e := &Error{Kind: Unavailable, Status: a.status, RetryAfter: a.retryAfter()}
	e.diagnose(a.header)
	if fault := a.fault(); fault != nil {
		fault.Status, fault.RetryAfter = a.status, e.RetryAfter
		if fault.ID == 0 {
			fault.ID = e.ID
		}
		return nil, fault
	}
	if a.status < 500 && a.status != http.StatusTooManyRequests {
		e.Kind = NotFound
	}
	return nil, e
}

// diagnose reads the header in which web services say what is wrong (MS-OCAUTHWS section 3.2.4.1):
// 28020;source="pool01.contoso.com";reason="No valid security token.".
func (e *Error) diagnose(h http.Header) {
	id, rest, _ := strings.Cut(h.Get("X-Ms-Diagnostics"), ";")
	e.ID, _ = strconv.Atoi(strings.TrimSpace(id)) // none: 0
	_, reason, found := strings.Cut(rest, `reason="`)
	if reason, _, closed := strings.Cut(reason, `"`); found && closed {
		e.Reason = printable(reason)
	}
}

// freshUUID is a random UUID (RFC 9562 section 5.4).
func freshUUID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
