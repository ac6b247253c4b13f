package signin

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"

	"homeward/internal/plain"
	"homeward/internal/trust"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// certificateFaults has every trust.Problem.
var certificateFaults = map[trust.Problem]*provisioning.Fault{
	trust.Unproven:             provisioning.FaultCertificate,
	trust.Untrusted:            provisioning.FaultUnknownAuthority,
	trust.OtherKey:             provisioning.FaultSameNameAuthority,
	trust.WrongIssuer:          provisioning.FaultWrongIssuer,
	trust.SelfSigned:           provisioning.FaultSelfSigned,
	trust.WeakSignature:        provisioning.FaultWeakSignature,
	trust.UnknownSignature:     provisioning.FaultUnknownSignature,
	trust.NotAuthority:         provisioning.FaultNotAuthority,
	trust.TooManyIntermediates: provisioning.FaultChainTooLong,
	trust.NameConstraint:       provisioning.FaultNameConstraint,
	trust.PolicyConstraint:     provisioning.FaultPolicyConstraint,
	trust.CriticalExtension:    provisioning.FaultCriticalExtension,
	trust.Unusable:             provisioning.FaultNotForServers,
	trust.NoCertificate:        provisioning.FaultNoCertificate,
	trust.NoRoots:              provisioning.FaultNoRoots,
	trust.Expired:              provisioning.FaultExpired,
	trust.NotYetValid:          provisioning.FaultNotYetValid,
	trust.ClockWrong:           provisioning.FaultClockCertificate,
	trust.WrongName:            provisioning.FaultWrongName,
	trust.NoName:               provisioning.FaultNoSAN,
	trust.Unreadable:           provisioning.FaultUnreadable,
}

// handshakeFaults has every trust.HandshakeKind but that of a certificate, whose Problem says more, and that which says
// nothing.
var handshakeFaults = map[trust.HandshakeKind]*provisioning.Fault{
	trust.NoVersion:        provisioning.FaultTLSOld,
	trust.NoCipher:         provisioning.FaultTLSCipher,
	trust.WantsCertificate: provisioning.FaultServerPort,
	trust.AlertReceived:    provisioning.FaultTLSAlert,
	trust.Stalled:          provisioning.FaultTLSStalls,
	trust.Silent:           provisioning.FaultTLSSilent,
	trust.Cut:              provisioning.FaultTLSCut,
	trust.HungUp:           provisioning.FaultTLSHungUp,
	trust.NotTLS:           provisioning.FaultTLSNot,
}

// certificate is for a certificate that is not believed, whatever else is known of it.
func (j *judgement) certificate() provisioning.Trouble {
	var e *trust.CertificateError
	if !errors.As(j.err, &e) {
		return provisioning.Trouble{}
	}
	j.facts["names"], j.facts["begins"], j.facts["ends"] = trust.Listed(e.Names), e.Of.NotBefore, e.Of.NotAfter
	j.facts["of"], j.facts["issuer"], j.facts["signature"], j.facts["extensions"] = e.Of.Subject, e.Of.Issuer, e.Of.Signature, named(e.Extensions)
	if e.Err != nil {
		j.facts["problem"] = plain.Words(e.Err)
	}
	if e.Problem == trust.Expired || e.Problem == trust.NotYetValid {
		j.facts["clock"] = "the clock of this device"
	}
	if !e.Now.IsZero() {
		j.facts["now"] = e.Now
	}
	var seen provisioning.SeenCertificates
	for _, c := range e.Sent {
		seen = append(seen, provisioning.SeenCertificate(c))
	}
	j.facts["seen"] = seen
	j.pin(seen)
	if j.attempt != nil && e.Problem != trust.WrongIssuer {
		j.facts["issuer"], j.facts["root"] = j.attempt.met.Issuer, j.attempt.met.LeadsTo
		if j.attempt.met.Issuer != j.attempt.met.LeadsTo {
			j.facts["above"] = j.attempt.met.LeadsTo
		}
	}
	fault := certificateFaults[e.Problem]
	meant := slices.IndexFunc(e.Names, func(name string) bool { return means(name, e.Host) })
	ofAuthority := e.Of.Subject != "" && !e.Of.Leaf
	if ofAuthority {
		j.facts["authority"] = e.Of.Subject
	}
	switch {
	case fault == nil, e.Problem == trust.CriticalExtension && len(e.Extensions) == 0:
		fault = provisioning.FaultCertificate
	case e.Problem == trust.WrongName && meant >= 0:
		fault = provisioning.FaultNameForm
		j.facts["name"] = fmt.Sprintf("%q", e.Names[meant])
	case e.Nameless:
		fault = provisioning.FaultSelfSignedNameless
	case ofAuthority && e.Problem == trust.Expired:
		fault = provisioning.FaultIssuerExpired
	case ofAuthority && e.Problem == trust.NotYetValid:
		fault = provisioning.FaultIssuerNotYetValid
	case e.Problem == trust.Untrusted && j.facts["above"] == nil && (j.attempt == nil || j.attempt.met.IssuerEnds.IsZero()):
		fault = provisioning.FaultUnknownIssuer
		if j.attempt != nil && j.attempt.rooted {
			fault = provisioning.FaultNoIntermediate
		}
	}
	return j.met(fault)
}

// pin says what the server has sent, and how the last of it is trusted by its fingerprint.
func (j *judgement) pin(seen provisioning.SeenCertificates) {
	if len(seen) == 0 {
		return
	}
	var sent []string
	for _, c := range seen {
		sent = append(sent, strings.TrimSpace(c.Fingerprint+" "+c.Subject))
	}
	last := seen[len(seen)-1]
	j.facts["sent"], j.facts["last"], j.facts["anchor"] = sent, cmp.Or(last.Subject, "that certificate"), last.Fingerprint
	j.facts["pin"] = fmt.Sprintf("trust_pins = [%q]", last.Fingerprint)
}

// means says whether a name of a certificate that is not the host's was meant to be: with a final dot, blanks, or as a part of a URL.
func means(name, host string) bool {
	_, rest, isURL := strings.Cut(name, "://")
	if !isURL {
		rest = name
	}
	for _, scheme := range []string{"sip:", "sips:"} {
		rest = strings.TrimPrefix(rest, scheme)
	}
	rest, _, _ = strings.Cut(strings.TrimSpace(rest), "/")
	rest, _, _ = strings.Cut(rest, ":")
	return host != "" && strings.EqualFold(strings.TrimSuffix(rest, "."), host)
}

// extensionNames are those of extensions that sites meet (MS-WCCE section 2.2.2.7.7.3, RFC 5280 section 4.2.1.10).
var extensionNames = map[string]string{
	"1.3.6.1.4.1.311.21.10": "Application Policies",
	"2.5.29.30":             "name constraints of a kind that it cannot check, such as directory names",
}

// named adds them.
func named(extensions []string) []string {
	all := slices.Clone(extensions)
	for i, id := range all {
		if name := extensionNames[id]; name != "" {
			all[i] += " (" + name + ")"
		}
	}
	return all
}

// unrecognizedName is the alert of a server that has no certificate for the name asked for (RFC 6066 section 3).
const unrecognizedName = 112

// lost says which packets a way loses.
var lost = map[wire.Loss]string{
	wire.SentUnacknowledged: "the server does not acknowledge what this device sends",
	wire.LargeLost:          "with smaller packets the handshake succeeds",
	wire.ReceivedGap:        "later packets of the server arrive, but not the ones before them",
}

// large are the packets that a way with an MTU that is too small loses.
const large = "large packets"

// begins is the first line of text that a server has sent, or its first bytes; "": it has sent nothing.
func begins(first []byte) string {
	line, _, _ := bytes.Cut(first, []byte{'\n'})
	line = bytes.TrimRight(line, "\r")
	if len(line) > 0 && bytes.IndexFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) < 0 {
		return string(line)
	}
	return fmt.Sprintf("% x", first)
}

// handshake is for a handshake that ended before a certificate could be judged, or after that.
func (j *judgement) handshake() provisioning.Trouble {
	var e *trust.HandshakeError
	ended := errors.As(j.err, &e)
	switch {
	case ended && e.Kind == trust.WantsCertificate && e.Alert == 0: // it may have other reasons to hang up
		return j.atPort(provisioning.FaultCutAsking)
	case ended && j.attempt != nil && e.Kind == trust.Silent && j.attempt.loss == wire.SentUnacknowledged && j.attempt.small: // it is not their size
		return j.dropped(provisioning.FaultTLSDropped)
	case ended && j.attempt != nil && (e.Kind == trust.Silent && lost[j.attempt.loss] != "" || e.Kind == trust.Stalled && (j.attempt.loss == wire.SentUnacknowledged || j.attempt.loss == wire.LargeLost)):
		if j.facts["lost"] = lost[j.attempt.loss]; !j.attempt.small {
			j.facts["large"] = large
		}
		if j.attempt.loss == wire.SentUnacknowledged {
			j.facts["dropped"] = "TLS"
		}
		return j.met(provisioning.FaultTLSLost)
	case ended && e.Received && e.Alert == unrecognizedName:
		return j.met(provisioning.FaultTLSNameUnknown)
	case trust.AsksAnew(j.err):
		return j.met(provisioning.FaultTLSAnew)
	case ended && handshakeFaults[e.Kind] != nil:
		j.facts["begins"] = begins(e.First)
		j.facts["alert"] = fmt.Sprintf("%d, %s", e.Alert, plain.Words(tls.AlertError(e.Alert)))
		return j.ended(handshakeFaults[e.Kind])
	case j.attempt == nil || j.attempt.stage != handshaking:
		return provisioning.Trouble{}
	case isTimeout(j.err):
		return j.ended(provisioning.FaultTLSSilent)
	case isReset(j.err):
		return j.ended(provisioning.FaultTLSCut)
	default:
		return j.met(provisioning.FaultTLSUnknown)
	}
}

// ended is for a handshake that has come to its end for want of an answer, or in another way that is no word of the server's.
func (j *judgement) ended(f *provisioning.Fault) provisioning.Trouble {
	switch f {
	case provisioning.FaultTLSCut, provisioning.FaultTLSHungUp:
		return j.atPort(f)
	case provisioning.FaultTLSSilent, provisioning.FaultTLSStalls:
		port := "odd" // for TLS
		if p := j.facts["port"]; p == uint16(provisioning.TLSPort) || p == uint16(provisioning.AccessProxyPort) {
			port = "usual"
		}
		j.facts[port] = j.facts["port"]
		if j.attempt != nil && j.attempt.loss == wire.Acknowledged {
			j.facts["arrived"] = arrived
		}
		if j.attempt != nil && j.attempt.small { // then it is not their size
			return j.met(f)
		}
		j.facts["large"] = large
		if f == provisioning.FaultTLSStalls {
			return j.met(f).On(provisioning.SideNetwork)
		}
	}
	return j.met(f)
}
