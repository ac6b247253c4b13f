package sitetest

import "time"

const (
	pathCertProv  = "/CertProv/CertProvisioningService.svc"
	pathWebTicket = "/WebTicket/WebTicketService.svc"
	pathProof     = pathCertProv + "/WebTicket_Proof_SHA1"

	webLife = 180 * 24 * time.Hour // of a certificate (DefaultValidityPeriodHours 4320)
)

// webPorts are the ways to a web ticket, by the word of the option services.
var webPorts = map[string]struct{ name, path string }{
	"negotiate": {"WebTicketServiceWinNegotiate", ""},
	"ntlm":      {"WebTicketServiceWinNtlm", ""},
	"password":  {"WebTicketServiceAuth", "/Auth"},
	"pin":       {"WebTicketServicePin", "/Pin"},
	"cert":      {"WebTicketServiceCert", "/Cert"},
	"anon":      {"WebTicketServiceAnon", "/Anon"},
}

// webSpoils are what may be wrong with web services.
var webSpoils = []string{
	"down", "dc", "disabled", "invalid", "store", "missing", "policy", "ports", "plain", "elsewhere", "redirect", "html", "huge", "deep", "entities",
	"drip", "cut", "noticket", "nocert", "badcert", "otherkey", "otheruser", "expired", "future", "short", "pkcs7", "outer", "asymmetric", "sha256",
}

// Namespaces of the messages.
const (
	nsWSU       = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	nsWSSE      = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	nsWSA       = "http://www.w3.org/2005/08/addressing"
	nsWST       = "http://docs.oasis-open.org/ws-sx/ws-trust/200512"  // of a ticket
	nsWSTSlash  = "http://docs.oasis-open.org/ws-sx/ws-trust/200512/" // of a certificate
	nsClaims    = "http://schemas.xmlsoap.org/ws/2006/12/authorization"
	nsSAML      = "urn:oasis:names:tc:SAML:1.0:assertion"
	nsAuthWS    = "http://schemas.microsoft.com/OCS/AuthWebServices/"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"

	ticketLife = 8 * time.Hour
)
