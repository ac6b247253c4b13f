package signin

import (
	"strings"
	"time"

	"homeward/internal/sip"
	"homeward/provisioning"
)

// identityFaults has every sip.CertificateKind.
var identityFaults = map[sip.CertificateKind]provisioning.Fault{
	sip.CertificateRefused: provisioning.FaultIdentityRefused,
	sip.CertificateUnknown: provisioning.FaultIdentityUnknown,
	sip.CertificateRevoked: provisioning.FaultIdentityRevoked,
	sip.CertificateExpired: provisioning.FaultIdentityExpired,
	sip.CertificateForeign: provisioning.FaultIdentityForeign,
	sip.HandshakeNotTaken:  provisioning.FaultIdentityHandshake,
	sip.HandshakeNoSuite:   provisioning.FaultIdentityHandshake,
	sip.HandshakeNoVersion: provisioning.FaultIdentityHandshake,
	sip.HandshakeBroken:    provisioning.FaultIdentityHandshake,
	sip.ServerNotAdmitted:  provisioning.FaultIdentityServer,
}

// tolerated is how far the clocks of both sides may be apart before the dates of a certificate are in doubt (MS-SIPAE: 5
// minutes, of all schemes the least).
const tolerated = 5 * time.Minute

// certified is for a certificate that did not sign in. What the Registrar says of it in ms-diagnostics is written for
// passwords, and is shown as it stands.
func (j *judgement) certified(e *sip.CertificateError) provisioning.Trouble {
	j.know("subject", e.Subject)
	j.know("target", e.Target)
	j.know("problem", e.Error())
	j.know("said", e.Said())
	if !e.Ends.IsZero() {
		j.facts["ends"] = e.Ends
	}
	if skew := time.Until(e.Date).Round(time.Second).Abs(); !e.Date.IsZero() && skew > tolerated {
		j.know("skew", strings.TrimSuffix(strings.TrimSuffix(skew.String(), "0s"), "0m"))
	}
	fault := identityFaults[e.Kind]
	if fault == "" {
		fault = provisioning.FaultIdentityHandshake
	}
	return j.met(fault)
}
