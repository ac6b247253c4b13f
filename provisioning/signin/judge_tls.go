package signin

import (
	"crypto/tls"
	"errors"
	"fmt"
	"slices"

	"github.com/homeward-agent/homeward/internal/plain"
	"github.com/homeward-agent/homeward/internal/trust"
	"github.com/homeward-agent/homeward/provisioning"
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
	trust.Silent:           provisioning.FaultTLSStalls,
	trust.Cut:              provisioning.FaultTLSCut,
	trust.HungUp:           provisioning.FaultCut,
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
	if j.attempt != nil && e.Problem != trust.WrongIssuer {
		j.facts["issuer"], j.facts["root"] = j.attempt.met.Issuer, j.attempt.met.LeadsTo
	}
	fault := certificateFaults[e.Problem]
	ofAuthority := e.Of.Subject != "" && !e.Of.Leaf
	if ofAuthority {
		j.facts["authority"] = e.Of.Subject
	}
	switch {
	case fault == nil, e.Problem == trust.CriticalExtension && len(e.Extensions) == 0:
		fault = provisioning.FaultCertificate
	case ofAuthority && e.Problem == trust.Expired:
		fault = provisioning.FaultIssuerExpired
	case ofAuthority && e.Problem == trust.NotYetValid:
		fault = provisioning.FaultIssuerNotYetValid
	case e.Problem == trust.Untrusted && j.facts["issuer"] == j.facts["root"]:
		fault = provisioning.FaultNoIntermediate
	}
	return j.met(fault)
}

// named adds the name of an extension that sites meet (MS-WCCE section 2.2.2.7.7.3).
func named(extensions []string) []string {
	all := slices.Clone(extensions)
	for i, id := range all {
		if id == "1.3.6.1.4.1.311.21.10" {
			all[i] += " (Application Policies)"
		}
	}
	return all
}

// handshake is for a handshake that ended before a certificate could be judged, or after that.
func (j *judgement) handshake() provisioning.Trouble {
	var e *trust.HandshakeError
	switch {
	case errors.As(j.err, &e) && e.Kind == trust.WantsCertificate && e.Alert == 0: // it may have other reasons to hang up
		return j.met(provisioning.FaultCutAsking)
	case errors.As(j.err, &e) && handshakeFaults[e.Kind] != nil:
		j.facts["alert"] = fmt.Sprintf("%d, %s", e.Alert, plain.Words(tls.AlertError(e.Alert)))
		return j.met(handshakeFaults[e.Kind])
	case j.attempt == nil || j.attempt.stage != handshaking:
		return provisioning.Trouble{}
	case isTimeout(j.err):
		return j.met(provisioning.FaultTLSStalls)
	case isReset(j.err):
		return j.met(provisioning.FaultTLSCut)
	default:
		return j.met(provisioning.FaultTLSUnknown)
	}
}
