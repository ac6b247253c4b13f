package signin

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"

	"homeward/internal/plain"
	"homeward/internal/trust"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// handshakeFaults has every trust.HandshakeKind but that of a certificate, whose Problem says more, and that which says
// nothing.
var handshakeFaults = map[trust.HandshakeKind]provisioning.Fault{
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
		return lateness(j, j.dropped(provisioning.FaultTLSDropped))
	case ended && j.attempt != nil && (e.Kind == trust.Silent && lost[j.attempt.loss] != "" || e.Kind == trust.Stalled && (j.attempt.loss == wire.SentUnacknowledged || j.attempt.loss == wire.LargeLost)):
		if j.facts["lost"] = lost[j.attempt.loss]; !j.attempt.small {
			j.know("large", large)
		}
		if j.attempt.loss == wire.SentUnacknowledged {
			j.know("dropped", "TLS")
		}
		if j.attempt.loss == wire.LargeLost { // it is their size
			j.know("smaller", large)
		}
		return lateness(j, j.met(provisioning.FaultTLSLost))
	case ended && e.Kind == trust.NoVersion && j.attempt != nil:
		return noVersion(j)
	case ended && e.Received && e.Alert == unrecognizedName:
		return j.met(provisioning.FaultTLSNameUnknown)
	case trust.AsksAnew(j.err):
		return j.met(provisioning.FaultTLSAnew)
	case ended && handshakeFaults[e.Kind] != "":
		j.know("begins", begins(e.First))
		j.know("alert", fmt.Sprintf("%d, %s", e.Alert, plain.Words(tls.AlertError(e.Alert))))
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

// noVersion is for a server that has no version of TLS that this device may use, which may be because the site wants more than it needs.
func noVersion(j *judgement) provisioning.Trouble {
	j.know("offers", j.attempt.offers)
	j.facts["least"], j.facts["min"] = tls.VersionName(j.attempt.least), j.attempt.min
	switch {
	case j.attempt.least <= tls.VersionTLS12:
		return j.met(provisioning.FaultTLSOld)
	case j.attempt.offers == "":
		j.facts["may"] = true
		return j.met(provisioning.FaultTLSMin)
	case j.attempt.offers == tls.VersionName(tls.VersionTLS12):
		j.facts["may"] = true
		return j.met(provisioning.FaultTLSMin).On(provisioning.SideDevice)
	default:
		j.facts["old"] = true
		return j.met(provisioning.FaultTLSMin).On(provisioning.SideRegistrar)
	}
}

// ended is for a handshake that has come to its end for want of an answer, or in another way that is no word of the server's.
func (j *judgement) ended(f provisioning.Fault) provisioning.Trouble {
	switch f {
	case provisioning.FaultTLSCut, provisioning.FaultTLSHungUp:
		return j.atPort(f)
	case provisioning.FaultTLSSilent, provisioning.FaultTLSStalls:
		port := "odd" // for TLS
		if p := j.facts["port"]; p == uint16(provisioning.TLSPort) || p == uint16(provisioning.AccessProxyPort) {
			port = "usual"
		}
		j.facts[port], j.facts["lone"] = j.facts["port"], true // only a probe asks without TLS
		if j.attempt != nil && j.attempt.loss == wire.Acknowledged {
			j.know("arrived", arrived)
		}
		if j.attempt != nil && j.attempt.small { // then it is not their size
			return lateness(j, j.met(f))
		}
		j.know("large", large)
		if f == provisioning.FaultTLSStalls {
			return lateness(j, j.met(f).On(provisioning.SideNetwork))
		}
	}
	return lateness(j, j.met(f))
}
