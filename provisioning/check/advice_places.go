package check

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/homeward-agent/homeward/internal/trust"
	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// deadPlaces is for a device that knows where to go, and meets nobody who speaks SIP there. The first place is the one
// the site means to be used; but one that shows a fault of its own says more than one that shows nothing.
func (f *Facts) deadPlaces() advice {
	var first *Place
	for _, c := range f.Plan.Try {
		p, ok := f.place(c)
		if !ok || len(p.Probes) == 0 {
			continue
		}
		if first == nil || stage(first.best()) == 0 && stage(p.best()) > 0 {
			first = &p
		}
	}
	if first == nil {
		return f.noRecord()
	}
	return f.deadPlace(*first)
}

// deadPlace is what is wrong with one place.
func (f *Facts) deadPlace(p Place) advice {
	probe := p.best()
	at := fmt.Sprintf("%s (%s)", p.HostPort(), probe.Addr)
	if isAddress(p.Host) {
		at = p.HostPort()
	}
	a := advice{reason: probe.Reason, side: Registrar, do: probe.Hint, what: at + ": " + probe.Reason.Title()}
	if probe.AsksCertificate && !probe.Answered && probe.Reason != provisioning.SIPNoAnswer && probe.Reason != provisioning.SIPMalformed {
		_, a.side = f.sourceOf(provisioning.Skip{Step: p.Step})
		a.what = at + " asks for a certificate of this device: it is a port for servers, not for clients"
		a.do = "name the port for clients: 5061 of a pool inside, 443 of an Access Edge outside"
		return a
	}
	switch probe.Reason {
	case provisioning.ConnectRefused, provisioning.ConnectTimeout, provisioning.ConnectUnreachable:
		return f.closedPlace(p, a, at)
	case provisioning.ConnectReset:
		a.what = at + " takes the connection and cuts it"
	case provisioning.SIPNoAnswer:
		a.what = at + " takes the connection, but does not answer SIP"
	case provisioning.SIPMalformed:
		a.what = at + " answers, but does not speak SIP"
		a.do = "check that the address and port are those of the Registrar, and not of a web server or another service"
	case provisioning.TLSUnreadable: // it may be that of an issuer, and nothing else of it is known
		a.what = at + ": " + provisioning.DetailOf(certificateProblem(probe))
		a.do = "issue another certificate for " + p.Host
	case provisioning.TLSFailed, provisioning.TLSTimeout:
		a.what = at + " takes the connection, but does not speak TLS"
		if probe.Reason == provisioning.TLSTimeout {
			a.what = at + " takes the connection, but the TLS handshake stalls"
			a.do = "check that this port speaks TLS; on tunnels look for an MTU that is too small"
		}
	case provisioning.TLSVersion:
		a.what = at + " offers no TLS version or cipher that this device may use"
		a.do = "enable TLS 1.2 on the Registrar; for an old server tls_min allows less, as a named exception"
	default:
		if probe.TLS.Version != "" {
			return f.badCertificate(p, a)
		}
	}
	return a
}

// closedPlace is for a port that cannot be reached: refused, filtered, or without a way to it. The server may be
// elsewhere on the same host.
func (f *Facts) closedPlace(p Place, a advice, at string) advice {
	other := f.otherPort(p)
	switch {
	case other != nil && p.Step == provisioning.Manual && other.Port == 443:
		a.side = Device
		a.what = fmt.Sprintf("port %d is configured for %s, but its Access Edge listens on 443", p.Port, p.Host)
		a.do = fmt.Sprintf("set external_server = %q", other.HostPort())
		return a
	case other != nil && p.Step == provisioning.Manual:
		a.side = Device
		a.what = fmt.Sprintf("port %d is configured for %s, but it answers on port %d", p.Port, p.Host, other.Port)
		a.do = "configure " + other.HostPort()
		return a
	case other != nil:
		source, side := f.sourceOf(provisioning.Skip{Step: p.Step})
		a.side = side
		a.what = fmt.Sprintf("%s leads to %s, where nothing answers, but %s answers on port %d", source, at, p.Host, other.Port)
		a.do = fmt.Sprintf("correct the port to %d, or let the Registrar listen on %d", other.Port, p.Port)
		if side == DHCP {
			a.side, a.do = Registrar, fmt.Sprintf("let the Registrar listen on %d: option 120 holds no port", p.Port)
		}
		return a
	case f.onlyOutside(p):
		if inside, _ := f.finding(provisioning.InternalTLS); isDNSFailure(inside.Reason) { // it may well exist
			a = f.dnsAdvice(inside.Reason, inside.Query)
			a.what += fmt.Sprintf("; and the Access Edge %s of the external record cannot be reached from this network", at)
			return a
		}
		a.side = DNS
		a.what = fmt.Sprintf("only the external record leads to a Registrar, and its Access Edge %s does not answer from this network", at)
		a.do = fmt.Sprintf("inside: create _sipinternaltls._tcp.%s in the inside view of DNS (split DNS); outside: open port %d to the Access Edge", f.sipDomain(), p.Port)
		return a
	}
	switch a.reason {
	case provisioning.ConnectRefused:
		a.what = at + " refuses the connection: nothing listens on this port"
		a.do = fmt.Sprintf("start the Registrar service on %s, or correct the port", p.Host)
		if p.Transport == provisioning.TCP {
			a.do = "offer TLS on port 5061, or enable the port for plain TCP in the settings of the pool"
		}
	case provisioning.ConnectTimeout:
		a.side = Network
		a.what = at + " does not answer at all: it is filtered, or switched off"
		a.do = fmt.Sprintf("look for a firewall that drops port %d, then see whether %s runs", p.Port, p.Host)
	default:
		a.side = Network
		a.what = "there is no way to " + at
		a.do = "check the address record, the gateway and the VLAN of this device"
	}
	if isAddress(p.Host) && p.Step == provisioning.Manual {
		a.do += "; and configure the name (FQDN) instead of the address " + p.Host + ", as no certificate proves it"
	}
	return a
}

// otherPort returns the place on the same host that answers SIP instead, or nil.
func (f *Facts) otherPort(p Place) *Place {
	for _, other := range f.at(p.Host) {
		if other.Port != p.Port && other.Transport == p.Transport && other.answered() {
			return &other
		}
	}
	return nil
}

// onlyOutside says whether the device may be inside, and sees only what is meant for those outside.
func (f *Facts) onlyOutside(p Place) bool {
	if p.Step != provisioning.ExternalTLS {
		return false
	}
	return !slices.ContainsFunc(f.Plan.Try, func(c provisioning.Candidate) bool {
		return c.Step != provisioning.ExternalTLS && c.Step != provisioning.ExternalTCP
	})
}

// badCertificate is for a server whose certificate proves nothing to this device.
func (f *Facts) badCertificate(p Place, a advice) advice {
	t := p.best().TLS
	host := p.HostPort()
	if problem := clockProblem(f); problem != "" && (a.reason == provisioning.TLSNotYetValid || a.reason == provisioning.TLSExpired || a.reason == provisioning.ClockWrong) {
		return f.clockAdvice(problem)
	}
	switch a.reason {
	case provisioning.TLSName:
		return f.wrongName(p, a)
	case provisioning.TLSNoName:
		a.what = fmt.Sprintf("the certificate of %s carries no name a device believes: it has no Subject Alternative Name", host)
		a.do = "issue a certificate with " + p.Host + " as Subject Alternative Name"
	case provisioning.TLSExpired:
		a.what = fmt.Sprintf("the certificate of %s has expired on %s (it is %s here)", host, day(t.NotAfter), day(f.Now))
		a.do = "renew the certificate of the Registrar; check the clock of this device first"
	case provisioning.TLSNotYetValid:
		a.what = fmt.Sprintf("the certificate of %s begins on %s only (it is %s here)", host, day(t.NotBefore), day(f.Now))
		a.do = "check the clock of this device first, then the certificate of the Registrar"
	case provisioning.ClockWrong:
		return f.clockAdvice(fmt.Sprintf("it shows %s, and the certificate of %s begins on %s", day(f.Now), host, day(t.NotBefore)))
	case provisioning.TLSUntrusted:
		return untrusted(p, a)
	default: // the title says it
	}
	return a
}

// wrongName says which name the certificate would have proven, when somebody has named that one too.
func (f *Facts) wrongName(p Place, a advice) advice {
	names := p.best().TLS.Names
	a.what = fmt.Sprintf("the certificate of %s is not for %s, but for %s", p.HostPort(), p.Host, cmp.Or(strings.Join(names[:min(len(names), 8)], ", "), "no name"))
	var useful string
	for _, name := range names {
		if provisioning.CheckName(name, f.Policy) == nil && !strings.HasPrefix(name, "*") && (useful == "" || f.resolves(name)) {
			useful = name
		}
	}
	source, side := f.sourceOf(provisioning.Skip{Step: p.Step})
	switch {
	case isAddress(p.Host):
		a.side = Device
		a.what = fmt.Sprintf("the server is configured by its address %s, which its certificate does not prove: it is for %s", p.Host, strings.Join(names, ", "))
		a.do = "configure the name of the server" + suggestion(useful) + " instead of its address"
	case p.Step == provisioning.Manual && !strings.Contains(p.Host, "."):
		a.side = Device
		a.what = fmt.Sprintf("the server is configured by the short (NetBIOS) name %s, which its certificate does not prove: it is for %s", p.Host, strings.Join(names, ", "))
		a.do = "configure the full name of the server" + suggestion(useful)
	case slices.ContainsFunc(names, func(n string) bool { return isWildcardFor(n, p.Host) }):
		a.do = "issue a certificate that names " + p.Host + ": devices do not accept a wildcard for SIP"
	case useful != "" && p.Step <= provisioning.ExternalTCP && side == DNS:
		a.do = fmt.Sprintf("issue a certificate that carries %s too, or let %s name %s", p.Host, source, useful)
	case useful != "":
		a.do = fmt.Sprintf("issue a certificate that carries %s too, or name %s instead", p.Host, useful)
	default:
		a.do = "issue a certificate that carries " + p.Host
	}
	if useful != "" && !f.resolves(useful) && a.side == Registrar && strings.Contains(a.do, useful) {
		a.do += ", with an A record for it"
	}
	return a
}

// isWildcardFor says whether a name of a certificate would stand for the host if wildcards were accepted (RFC 6125 §6.4.3).
func isWildcardFor(name, host string) bool {
	parent, is := strings.CutPrefix(name, "*.")
	_, domain, _ := strings.Cut(host, ".")
	return is && strings.EqualFold(parent, domain)
}

func suggestion(name string) string {
	if name == "" {
		return ""
	}
	return " (" + name + ")"
}

// certificateProblem is what a probe has found wrong with a certificate.
func certificateProblem(p signin.Probe) *trust.CertificateError {
	e := &trust.CertificateError{Err: p.Err}
	_ = errors.As(p.Err, &e)
	return e
}

func untrusted(p Place, a advice) advice {
	t := p.best().TLS
	host := p.HostPort()
	problem := certificateProblem(p.best()).Problem
	switch {
	case problem == trust.Unusable:
		a.what = "the certificate of " + host + " is not meant for servers (extended key usage)"
		a.do = "issue a certificate for server authentication"
	case t.SelfSigned:
		a.what = "the certificate of " + host + " is signed by itself: no authority vouches for it"
		a.do = "let the site's authority issue the certificate, or name this certificate in roots"
	case problem == trust.WeakSignature:
		a.what = "the certificate of " + host + " is signed in a way that is not safe any more, such as SHA-1"
	case problem == trust.OtherKey:
		a.side = Device
		a.what = fmt.Sprintf("the certificate of %s leads to %s, and this device trusts another authority of that name: the site has made a new one", host, t.LeadsTo)
		a.do = "install the site's new root certificate and name it in roots"
	case problem == trust.WrongIssuer:
		a.what = fmt.Sprintf("the certificate of %s is issued by %s, and the certificate of that name that the server sends has another key", host, t.Issuer)
		a.do = "let the server send the intermediate certificate that has signed its own"
	case t.LeadsTo == t.Issuer:
		a.side = Device
		a.what = fmt.Sprintf("the certificate of %s is issued by %s, which this device does not know, and the server sends no intermediate certificate", host, t.Issuer)
		a.do = "install the site's root certificate and name it in roots; if it is there, let the server send its intermediate certificates too"
	default:
		a.side = Device
		a.what = fmt.Sprintf("the certificate of %s is issued by %s and leads to %s, which this device does not trust", host, t.Issuer, t.LeadsTo)
		a.do = "install the root certificate " + t.LeadsTo + " and name it in roots"
	}
	return a
}
