package certprov

import (
	"context"
	"net/http"
	"slices"
)

// Specification constants: names of ports. The first three are MS-OCAUTHWS', the others the ways to sign in of a Web Ticket
// Service (Set-CsWebServiceConfiguration, MobilePreferredAuthType).
const (
	policyProof = "CertProvisioningServiceWebTicketProof_SHA1_policy"
	portProof   = "CertProvisioningServiceWebTicketProof_SHA1"

	PortNegotiate = "WebTicketServiceWinNegotiate" // Kerberos or NTLM
	PortNTLM      = "WebTicketServiceWinNtlm"
	PortPassword  = "WebTicketServiceAuth" // user and password in the message
	PortPIN       = "WebTicketServicePin"
	PortCert      = "WebTicketServiceCert"
)

const maxPorts = 32 // our choice: a Web Ticket Service has eight

// Service is what the two services say of themselves.
type Service struct {
	tickets     Address            // the Web Ticket Service
	certificate Address            // where a certificate is asked for
	ports       map[string]Address // of the Web Ticket Service, those over HTTPS
	proving     proving            // by which it takes a certificate
	renews      bool               // it does
	// Offered are the names of all ports of the Web Ticket Service.
	Offered []string
}

// At is where the Web Ticket Service is, for people.
func (s *Service) At() string { return s.tickets.shown() }

// Discover asks the Certificate Provisioning Service, and the Web Ticket Service that it names, what they offer. Both answer
// everybody.
func (e *Enrolment) Discover(ctx context.Context, url string) (Service, error) {
	provisioning, err := ParseAddress(url)
	if err != nil {
		return Service{}, err
	}
	document, err := e.metadata(ctx, provisioning.metadata())
	if err != nil {
		return Service{}, err
	}
	issuer, location := issuerOf(document), portsOf(document)[portProof]
	if issuer == "" || location == "" {
		return Service{}, located(&Error{Kind: NoService, Problem: "names no way to a certificate with a web ticket"}, provisioning)
	}
	var s Service
	if s.certificate, err = ParseAddress(location); err != nil {
		return Service{}, err
	}
	if s.tickets, err = ParseAddress(issuer); err != nil {
		return Service{}, err
	}
	if document, err = e.metadata(ctx, s.tickets.metadata()); err != nil {
		return Service{}, err
	}
	s.ports = map[string]Address{}
	for name, location := range portsOf(document) {
		s.Offered = append(s.Offered, printable(name))
		if at, err := ParseAddress(location); err == nil { // others are not for us
			s.ports[name] = at
		}
	}
	s.proving, s.renews = provingOf(document, PortCert)
	slices.Sort(s.Offered)
	if len(s.Offered) == 0 {
		return Service{}, located(&Error{Kind: NoService, Problem: "names no way to a web ticket"}, s.tickets)
	}
	return s, nil
}

// metadata reads what a service says of itself.
func (e *Enrolment) metadata(ctx context.Context, at Address) (*element, error) {
	got, err := e.ask(ctx, http.MethodGet, at, nil, "")
	if err != nil {
		return nil, err
	}
	document, err := got.judged()
	if err != nil {
		return nil, located(err, at)
	}
	if e.Metadata != nil {
		e.Metadata(at, got.body)
	}
	return document, nil
}

// issuerOf is the address of the service that issues tickets for which the caller must know a key: those alone are asked for.
func issuerOf(document *element) (issuer string) {
	document.each(func(policy *element) {
		if policy.name != "Policy" || policy.attr("Id") != policyProof || issuer != "" {
			return
		}
		issuer = policy.find("EndorsingSupportingTokens").find("Issuer").find("Address").value()
	})
	return issuer
}

// portsOf are the ports of a WSDL with their locations (WSDL 1.1 section 2.6).
func portsOf(document *element) map[string]string {
	ports := map[string]string{}
	document.each(func(e *element) {
		location := e.child("address").attr("location")
		if name := e.attr("name"); e.name == "port" && name != "" && location != "" && len(ports) < maxPorts {
			ports[name] = location
		}
	})
	return ports
}
