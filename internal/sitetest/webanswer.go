package sitetest

import (
	"errors"
	"fmt"
	"net/netip"
)

// webAnswer is an answer of HTTP.
type webAnswer struct {
	code    int
	headers []string
	body    string
	proof   string // for the log
	closes  bool
}

// web is one connection to the web services: a user is proven to a connection.
type web struct {
	sim                *simulation
	out                *mapping
	addr               netip.AddrPort
	realm              string // the SIP domain
	opening, challenge []byte // of NTLM
}

// url is where a service of this server is, as clients know it.
func (w *web) url(m manner, path string) string {
	scheme := "https"
	if m.spoils == "plain" {
		scheme = "http"
	}
	host := m.names[0]
	if m.spoils == "elsewhere" {
		host = "web.example.net"
	}
	return fmt.Sprintf("%s://%s:%d%s", scheme, host, w.out.port(w.addr.Port()), path)
}

// webFault is a SOAP fault with the diagnostics of Lync.
func webFault(code int, name string, id int, reason string) webAnswer {
	return webAnswer{code: code, proof: reason, headers: []string{fmt.Sprintf("X-MS-diagnostics: %d;source=\"pool01.contoso.com\";reason=%q;fault=%q", id, reason, name)},
		body: fmt.Sprintf(`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode xmlns:wsse="%s">%s</faultcode><faultstring xml:lang="en-US">%s</faultstring><detail><OCSDiagnosticsFault xmlns="urn:component:Microsoft.Rtc.WebAuthentication.2010"><Ms-Diagnostics-Fault><ErrorId>%d</ErrorId><Reason>%s</Reason></Ms-Diagnostics-Fault></OCSDiagnosticsFault></detail></s:Fault></s:Body></s:Envelope>`,
			nsWSSE, name, reason, id, reason)}
}

func webEnvelope(body string) string {
	return `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` + body + `</s:Body></s:Envelope>`
}

var errMessage = errors.New("malformed message")
