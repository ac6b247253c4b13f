package sitetest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// The web services of Lync that a device meets (MS-OCAUTHWS): the Certificate Provisioning Service and the Web Ticket Service.
// They are written from what clients are known to send, and share nothing with ours.

// answer finds the service by its path.
func (w *web) answer(m manner, r *http.Request, body string) webAnswer {
	switch m.spoils {
	case "down":
		a := webAnswer{code: 503, body: "Service Unavailable"}
		if m.retryAfter != "" {
			a.headers = []string{"Retry-After: " + m.retryAfter}
		}
		return a
	case "missing":
		return webAnswer{code: 404}
	case "redirect":
		return webAnswer{code: 302, headers: []string{"Location: https://portal.example.net/login"}}
	case "html":
		return webAnswer{code: 200, body: "<html><body><p>Please log in<br></body></html>"}
	case "deep":
		return webAnswer{code: 200, body: strings.Repeat("<a>", 10000) + strings.Repeat("</a>", 10000)}
	case "entities":
		return webAnswer{code: 200, body: `<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><a>&b;</a>`}
	}
	ticketPath, isTicket := strings.CutPrefix(r.URL.Path, pathWebTicket)
	switch {
	case r.Method == http.MethodGet && r.URL.Path == pathCertProv+"/mex":
		return webAnswer{code: 200, body: w.certMetadata(m)}
	case r.Method == http.MethodGet && ticketPath == "/mex" && isTicket:
		return webAnswer{code: 200, body: w.ticketMetadata(m)}
	case r.Method != http.MethodPost:
		return webAnswer{code: 404}
	case r.URL.Path == pathProof:
		return w.certificate(m, r, body)
	case isTicket && ticketPath == "" && (slices.Contains(m.services, "negotiate") || slices.Contains(m.services, "ntlm")):
		return w.ticketByNTLM(m, r, body)
	case isTicket && ticketPath == "/Auth" && slices.Contains(m.services, "password"):
		return w.ticketByToken(m, r, body, m.user, m.password, true)
	case isTicket && ticketPath == "/Cert" && slices.Contains(m.services, "cert"):
		return w.ticketByCertificate(m, r, body)
	case isTicket && ticketPath == "/Pin" && slices.Contains(m.services, "pin"):
		return w.ticketByToken(m, r, body, m.phone, m.pin, false)
	}
	return webAnswer{code: 404}
}

func (w *web) certMetadata(m manner) string {
	policy := "CertProvisioningServiceWebTicketProof_SHA1_policy"
	if m.spoils == "policy" {
		policy = "CertProvisioningServiceWebTicketBearer_policy"
	}
	return `<?xml version="1.0" encoding="utf-8"?><wsdl:definitions name="CertProvisioningService" targetNamespace="http://tempuri.org/" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:wsp="http://schemas.xmlsoap.org/ws/2004/09/policy" xmlns:wsu="` + nsWSU + `" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">` +
		`<wsp:Policy wsu:Id="` + policy + `"><wsp:ExactlyOne><wsp:All><sp:EndorsingSupportingTokens xmlns:sp="http://schemas.xmlsoap.org/ws/2005/07/securitypolicy"><wsp:Policy><sp:IssuedToken sp:IncludeToken="http://schemas.xmlsoap.org/ws/2005/07/securitypolicy/IncludeToken/AlwaysToRecipient"><sp:Issuer><Address xmlns="http://www.w3.org/2005/08/addressing">` +
		w.url(m, pathWebTicket) + `</Address></sp:Issuer></sp:IssuedToken></wsp:Policy></sp:EndorsingSupportingTokens></wsp:All></wsp:ExactlyOne></wsp:Policy>` +
		`<wsdl:service name="CertProvisioningService"><wsdl:port name="CertProvisioningServiceWebTicketProof_SHA1" binding="tns:CertProvisioningServiceWebTicketProof_SHA1" xmlns:tns="http://tempuri.org/"><soap:address location="` +
		w.url(m, pathProof) + `"/></wsdl:port></wsdl:service></wsdl:definitions>`
}

func (w *web) ticketMetadata(m manner) string {
	var ports strings.Builder
	policy := ""
	if slices.Contains(m.services, "cert") {
		policy = certPolicy(m)
	}
	for _, service := range m.services {
		if port := webPorts[service]; m.spoils != "ports" {
			fmt.Fprintf(&ports, `<wsdl:port name=%q><soap:address location=%q/></wsdl:port>`, port.name, w.url(m, pathWebTicket+port.path))
		}
	}
	return `<?xml version="1.0" encoding="utf-8"?><wsdl:definitions name="WebTicketService" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/">` + policy + `<wsdl:service name="WebTicketService">` +
		ports.String() + `</wsdl:service></wsdl:definitions>`
}
