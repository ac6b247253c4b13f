package provisioning

import (
	"slices"
	"strings"
)

// Reason says why something was skipped, failed or is not as it should be. The codes are public and never
// renamed; the catalogue of faults has the sentence and the hint for each.
type Reason string

// The closed list of reasons.
const (
	DNSNoRecord  Reason = "dns-no-record"
	DNSTimeout   Reason = "dns-timeout"
	DNSServFail  Reason = "dns-servfail"
	DNSRefused   Reason = "dns-refused"
	DNSMalformed Reason = "dns-malformed"
	DNSConflict  Reason = "dns-conflict"
	NoAddress    Reason = "no-address"

	DHCPSilent       Reason = "dhcp-silent"
	DHCPRefused      Reason = "dhcp-refused"
	DHCPNoOption     Reason = "dhcp-no-option"
	DHCPMalformed    Reason = "dhcp-malformed"
	DHCPNotPermitted Reason = "dhcp-not-permitted"
	DHCPNotSupported Reason = "dhcp-not-supported"
	DHCPNoInterface  Reason = "dhcp-no-interface"
	DHCPNoNetwork    Reason = "dhcp-no-network"
	DHCPConflict     Reason = "dhcp-conflict"
	DHCPOff          Reason = "dhcp-off"
	DHCPVendorClass  Reason = "dhcp-vendor-class"
	DHCPNoLease      Reason = "dhcp-no-lease"

	NameNotAllowed     Reason = "name-not-allowed"
	AddressNotAllowed  Reason = "address-not-allowed"
	RegistrarNotProven Reason = "registrar-not-proven"
	TransportPolicy    Reason = "transport-policy"
	TLSFloor           Reason = "tls-floor"
	ServiceNotOffered  Reason = "service-not-offered"
	SameAsFailed       Reason = "same-as-failed"
	SRVExists          Reason = "srv-exists"

	ConnectRefused     Reason = "connect-refused"
	ConnectTimeout     Reason = "connect-timeout"
	ConnectUnreachable Reason = "connect-unreachable"
	ConnectReset       Reason = "connect-reset"

	TLSUntrusted   Reason = "tls-untrusted"
	TLSName        Reason = "tls-name"
	TLSNoName      Reason = "tls-no-name"
	TLSExpired     Reason = "tls-expired"
	TLSNotYetValid Reason = "tls-not-yet-valid"
	TLSUnreadable  Reason = "tls-certificate-unreadable"
	TLSTimeout     Reason = "tls-timeout"
	TLSVersion     Reason = "tls-version"
	TLSFailed      Reason = "tls-failed"
	TLSClientCert  Reason = "tls-client-certificate"
	ClockWrong     Reason = "clock-wrong"

	SIPNoAnswer          Reason = "sip-no-answer"
	SIPMalformed         Reason = "sip-malformed"
	SIPUnavailable       Reason = "sip-unavailable"
	SIPRejected          Reason = "sip-rejected"
	SIPForbidden         Reason = "sip-forbidden"
	SIPNotFound          Reason = "sip-not-found"
	SIPCredentials       Reason = "sip-credentials"
	SIPAuthNotSupported  Reason = "sip-auth-not-supported"
	SIPBadSignature      Reason = "sip-bad-signature"
	SIPRedirectLoop      Reason = "sip-redirect-loop"
	SIPRedirectDowngrade Reason = "sip-redirect-downgrade"
	CertificateRefused   Reason = "certificate-refused"
	CertificateExpired   Reason = "certificate-expired"
	CertificateEnding    Reason = "certificate-ending"
	BindingLost          Reason = "binding-lost"
	AddressChanged       Reason = "address-changed"

	CredentialsResting Reason = "credentials-resting"
	RetryAfter         Reason = "retry-after"
	StormWindow        Reason = "storm-window"

	CertificateUnusable Reason = "certificate-unusable"
	EnrolFailed         Reason = "enrol-failed"

	RelayNone        Reason = "relay-none"
	RelayUnreachable Reason = "relay-unreachable"
	RelayRefused     Reason = "relay-refused"

	CacheDamaged  Reason = "cache-damaged"
	CacheWrite    Reason = "cache-write"
	CacheTooNew   Reason = "cache-too-new"
	CacheReadOnly Reason = "cache-read-only"

	AutodiscoverFailed   Reason = "autodiscover-failed"
	AutodiscoverConflict Reason = "autodiscover-conflict"
	WebServiceFailed     Reason = "web-service-failed"

	Slow    Reason = "slow"
	Lossy   Reason = "lossy"
	Unknown Reason = "unknown"
)

// IsCertificate says whether the certificate is what failed: the host is then not to be trusted over TCP either.
func (r Reason) IsCertificate() bool {
	switch r {
	case TLSUntrusted, TLSName, TLSNoName, TLSExpired, TLSNotYetValid, ClockWrong, TLSUnreadable:
		return true
	default:
		return false
	}
}

// IsSIP says whether a Registrar was met that spoke, or was to speak, SIP.
func (r Reason) IsSIP() bool { return r.about("sip-") || r.about("certificate-") }

// IsPause says whether a device that rests for that is to be left alone until it is time, also by a restart: a Registrar or the site has asked
// for that, or another try may lock the account.
func (r Reason) IsPause() bool {
	return slices.Contains([]Reason{RetryAfter, SIPUnavailable, StormWindow, CredentialsResting, SIPCredentials, SIPForbidden}, r)
}

// IsConnect says whether no connection came about, or none that lasted.
func (r Reason) IsConnect() bool { return r.about("connect-") }

// InTLS says whether there was a connection, and TLS is what failed.
func (r Reason) InTLS() bool { return r.about("tls-") || r == ClockWrong }

// IsDiscovery says whether DNS or DHCP is what failed.
func (r Reason) IsDiscovery() bool { return r == NoAddress || r.about("dns-") || r.about("dhcp-") }

// about says whether a code belongs to a group: the codes are public, and their first words are the groups.
func (r Reason) about(group string) bool { return strings.HasPrefix(string(r), group) }

// IsDHCPUnasked says whether DHCP, whose Reason this is, could not be asked at all: that is not what a server says, or fails to
// say.
func (r Reason) IsDHCPUnasked() bool {
	return slices.Contains([]Reason{DHCPNotPermitted, DHCPNotSupported, DHCPNoInterface, DHCPNoNetwork, Unknown}, r)
}
