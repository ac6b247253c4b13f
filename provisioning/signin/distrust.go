package signin

import (
	"errors"
	"net/netip"
	"slices"

	"homeward/internal/trust"
	"homeward/provisioning"
)

// distrust is where TLS was spoken and no server could be proven (see trust.HandshakeError). Plain TCP to the same host,
// whether it is known by name or by address, is closed until it registers over TLS.
type distrust map[string]bool // by host name, and by address in text form

// maxDistrusted bounds what is remembered of hosts that the network names. (Our choice: far more than an honest site has.)
const maxDistrusted = 1024

// failed takes note of a failed attempt.
func (d distrust) failed(host string, addr netip.Addr, err error) {
	if isDistrust(err) && len(d) < maxDistrusted {
		d[host], d[addr.String()] = true, true
	}
}

// isDistrust judges by type, not by Reason: what a server says of itself must not close TCP. The end of a handshake is
// distrust until it is shown to be none.
func isDistrust(err error) bool {
	var handshake *trust.HandshakeError
	if errors.As(err, &handshake) {
		return handshake.Spoken()
	}
	var attempt *attemptError
	return errors.As(err, &attempt) && attempt.stage == handshaking
}

// turnedAway gives the failure of a REGISTER the type of a handshake's where it is the end of one: with TLS 1.3, a server
// says only after our part of it that it takes nobody without a certificate (RFC 8446 section 4.4.2.4), and what it says
// may be lost with the connection.
func turnedAway(met *trust.Met, err error) error {
	if turned := trust.Turned(met, err); turned != nil {
		return turned
	}
	if met.AsksCertificate && isReset(err) && answeredBefore(err) == nil {
		return &trust.HandshakeError{Kind: trust.WantsCertificate, Err: err}
	}
	return err
}

// proven takes note of a server that has proven its name.
func (d distrust) proven(host string, addr netip.Addr) {
	delete(d, host)
	delete(d, addr.String())
}

// closes says whether plain TCP to a Candidate is closed: one of its addresses is enough. When no more can be remembered,
// it is closed to all.
func (d distrust) closes(c *provisioning.Candidate) bool {
	return c.Transport == provisioning.TCP && (len(d) >= maxDistrusted || d[c.Host] || slices.ContainsFunc(c.Addrs, func(a netip.Addr) bool { return d[a.String()] }))
}
