package provisioning

import "slices"

// Reason says why something was skipped, failed or is not as it should be. The codes are public and never
// renamed; reasons holds the sentence and the hint for each.
type Reason string

// The closed list of reasons.
const (
	DNSNoRecord  Reason = "dns-no-record"
	DNSTimeout   Reason = "dns-timeout"
	DNSServFail  Reason = "dns-servfail"
	DNSRefused   Reason = "dns-refused"
	DNSMalformed Reason = "dns-malformed"
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
	ClockWrong     Reason = "clock-wrong"

	SIPNoAnswer          Reason = "sip-no-answer"
	SIPMalformed         Reason = "sip-malformed"
	SIPUnavailable       Reason = "sip-unavailable"
	SIPForbidden         Reason = "sip-forbidden"
	SIPNotFound          Reason = "sip-not-found"
	SIPCredentials       Reason = "sip-credentials"
	SIPAuthNotSupported  Reason = "sip-auth-not-supported"
	SIPBadSignature      Reason = "sip-bad-signature"
	SIPRedirectLoop      Reason = "sip-redirect-loop"
	SIPRedirectDowngrade Reason = "sip-redirect-downgrade"
	BindingLost          Reason = "binding-lost"
	AddressChanged       Reason = "address-changed"

	CredentialsResting Reason = "credentials-resting"
	RetryAfter         Reason = "retry-after"

	RelayNone        Reason = "relay-none"
	RelayUnreachable Reason = "relay-unreachable"
	RelayRefused     Reason = "relay-refused"

	CacheDamaged  Reason = "cache-damaged"
	CacheWrite    Reason = "cache-write"
	CacheTooNew   Reason = "cache-too-new"
	CacheReadOnly Reason = "cache-read-only"
)

// A ReasonText explains one Reason to a field tech.
type ReasonText struct {
	Code  Reason
	Title string // what it means, as the end of a sentence: no capital, no full stop
	Hint  string // what to do about it, in the imperative
}

// Title returns what the reason means.
func (r Reason) Title() string { return r.text().Title }

// Hint returns what to do about it.
func (r Reason) Hint() string { return r.text().Hint }

func (r Reason) text() ReasonText {
	for _, t := range reasons {
		if t.Code == r {
			return t
		}
	}
	return ReasonText{}
}

// Reasons returns the whole list, in the order of the public documentation.
func Reasons() []ReasonText { return append([]ReasonText(nil), reasons...) }

var reasons = []ReasonText{
	{DNSNoRecord, "the DNS record does not exist", "nothing to do, if another record leads to a Registrar; else create it in the DNS zone of the SIP domain, correct sip_address, or check that this network sees the right zone (split DNS)"},
	{DNSTimeout, "no name server answered", "check that the name servers of this device are reachable at the address and port asked"},
	{DNSServFail, "the name server could not find out (SERVFAIL)", "check the forwarders and the zone on the name server"},
	{DNSRefused, "the name server refuses to answer this device (REFUSED)", "allow this network to query the name server, set dns_servers, or correct sip_address, if its domain is the wrong one"},
	{DNSMalformed, "the DNS answer is broken or unusable", "correct the record on the name server: an SRV record needs a host name as its target and a port that is not 0, a host an address that can be reached"},
	{NoAddress, "the name has no address record", "create an A record for the name, or correct the target of the SRV record"},

	{DHCPSilent, "no DHCP server answered the DHCPINFORM", "nothing to do, if DNS names the Registrar; else check that a DHCP server or relay serves this network and answers DHCPINFORM"},
	{DHCPRefused, "the DHCP server refused the DHCPINFORM (NAK)", "let the DHCP server answer DHCPINFORM for vendor class MS-UC-Client; the lease of the device is not affected"},
	{DHCPNoOption, "the DHCP answer names no Registrar (option 120 missing)", "nothing to do, if DNS names the Registrar; else set option 120 (and 43 for vendor class MS-UC-Client) on the scope of this network, as homeward dhcp encode prints them"},
	{DHCPMalformed, "the DHCP option is malformed", "correct the bytes of the option on the DHCP server: homeward dhcp shows what is wrong, homeward dhcp encode prints the right ones"},
	{DHCPNotPermitted, "DHCP cannot be asked from here", "run as the service or as root, or grant CAP_NET_RAW"},
	{DHCPNotSupported, "only the DHCP client of this system can ask DHCP here", "nothing to do, if DNS names the Registrar; else let DNS name it"},
	{DHCPNoInterface, "the interface on which DHCP is to be asked does not exist", "correct the setting interface, or plug the adapter in"},
	{DHCPNoNetwork, "there is no network on which DHCP could be asked", "check the cable, the VLAN and the address of this device; where there is no default route, set interface"},
	{DHCPOff, "DHCP is switched off in the configuration", `nothing to do, if that is meant; dhcp = "auto" asks DHCP`},
	{DHCPVendorClass, "the DHCP server has the vendor class of Lync phones in another spelling", "spell it MS-UC-Client on the DHCP server, in these letters: bytes 4D532D55432D436C69656E74, no final zero"},
	{DHCPNoLease, "the system's DHCP client keeps nothing about Registrars", `let it ask for option 120 (see docs/dhcp-leases.md), or let homeward ask itself: dhcp = "auto"`},
	{DHCPConflict, "DHCP servers disagree about the Registrar", "find the second DHCP server of this network and correct or stop it"},

	{NameNotAllowed, "the name is outside the SIP domain", `let DNS or DHCP name a host inside the SIP domain, such as sip.<SIP domain>; strict_naming = "off" takes any name, from whoever answers first`},
	{AddressNotAllowed, "no packet goes to this address or port", "find out who names it (DNS, DHCP or a redirect) and correct it there: a Registrar has an address of its own, and port 443 or a port from 1024 up that belongs to no other service; internal_server may name any port"},
	{RegistrarNotProven, "the Registrar has not proven its name over TLS", "offer the Registrar over TLS, with a certificate for its name: over plain TCP anybody on the way can speak for it"},
	{TransportPolicy, "plain TCP is not allowed here", "nothing to do, if that is meant; else offer the Registrar over TLS: plain TCP needs allow_tcp, and is never tried where a certificate or the TLS handshake failed"},
	{TLSFloor, "plain TCP is closed since this SIP domain registered over TLS", "nothing to do, if a Registrar is reached over TLS; else restore TLS on the Registrar; if TLS is gone for good, run: homeward cache forget"},
	{ServiceNotOffered, `the SRV record says that the service is not offered (target ".")`, "correct the SRV record if the service should be offered here"},
	{SRVExists, "host names are tried only when no SRV record exists at all", "nothing to do, if the SRV records lead to a Registrar; else correct or delete them"},
	{SameAsFailed, "the same Registrar has just failed in this cycle", "put right what made this Registrar fail the first time, earlier in the list"},

	{ConnectRefused, "the connection is refused: nothing listens on this port", "check that the Registrar runs and the port is right (5061 inside, 443 on the Access Edge)"},
	{ConnectTimeout, "the connection attempt got no answer", "look for a firewall that drops this port, or a server that is down"},
	{ConnectUnreachable, "there is no route to the address", "check the cable, the address, the gateway and the VLAN of this device"},
	{ConnectReset, "the connection was cut by the other side", "look into the log of the Registrar, and for a firewall or proxy in between that cuts connections"},

	{TLSUntrusted, "the certificate is not signed by an authority this device trusts", "put the root certificate of the site on this device, as a PEM file, and name the file in roots"},
	{TLSName, "the certificate is for other names", "issue a certificate that carries the name, or point DNS or DHCP at a name the certificate carries"},
	{TLSNoName, "there is no name to prove: the certificate carries none, or only an address is known", "issue a certificate with a Subject Alternative Name, and name the Registrar by its host name (option 120 in encoding 0)"},
	{TLSExpired, "the certificate has expired", "renew the certificate of the Registrar; check the clock of this device"},
	{TLSNotYetValid, "the certificate is not valid yet", "check the clock of this device first, then the certificate of the Registrar"},
	{TLSUnreadable, "the certificate has a form that cannot be checked", "issue another certificate for the Registrar: the detail says what is wrong with this one, such as a negative serial number"},
	{TLSTimeout, "the TLS handshake stalled", "check the Registrar; on tunnels look for an MTU that is too small"},
	{TLSVersion, "no TLS version or cipher in common", `update the Registrar; until then tls_min = "1.0" lets this device use what old servers offer`},
	{TLSFailed, "the TLS handshake failed", "check that this port speaks TLS, and look into the log of the Registrar"},
	{ClockWrong, "the clock of this device is wrong", "set the clock of this device; phones find their time server through the SRV record _ntp._udp.<SIP domain> or DHCP option 42"},

	{SIPNoAnswer, "the server did not answer the SIP request", "check that the Registrar service runs behind this port"},
	{SIPMalformed, "the server does not speak proper SIP", "check that the address and port belong to a SIP Registrar"},
	{SIPUnavailable, "the Registrar cannot serve now", "check the services of the Registrar and its pool"},
	{SIPForbidden, "the Registrar forbids this account or device to sign in", "check that the account is enabled for SIP and may sign in from where this device is, and that the client version policy lets the device in"},
	{SIPNotFound, "the Registrar does not know this SIP address", "check the spelling of sip_address, and that the account is enabled for SIP"},
	{SIPCredentials, "user name or password was refused", "check user and password_file, then restart homeward; the account may be locked or expired"},
	{SIPAuthNotSupported, "the Registrar offers no way to sign in that may be used here", "let the Registrar offer NTLM or Digest over TLS; auth says which of them this device may use"},
	{SIPBadSignature, "the answer is not signed by the Registrar as it must be", "look for a firewall or proxy in between that changes SIP messages (SIP ALG), and switch that off"},
	{SIPRedirectLoop, "the redirects lead in a circle", "check the home pool of the user on the Registrars involved"},
	{SIPRedirectDowngrade, "the redirect leads from TLS to plain TCP", "let the Registrar redirect to an address with transport=tls"},
	{BindingLost, "the Registrar has lost the registration", "nothing to do: the device registers again; if it recurs, check the Registrar"},
	{AddressChanged, "the device reaches the Registrar from another address than before", "nothing to do: the device registers again; if it recurs, look for a loose cable, weak Wi-Fi or short DHCP leases"},

	{CredentialsResting, "the password is not used for a while, to keep the account from being locked", "correct user or password_file and restart homeward; otherwise it tries again when the pause is over"},
	{RetryAfter, "the Registrar asked to be left alone for a while", "nothing to do: the device waits as asked"},

	{RelayNone, "there is no media relay for this device", "assign an A/V Edge to the pool if media must pass firewalls"},
	{RelayUnreachable, "the media relay does not answer", "open UDP 3478 and TCP 443 to the A/V Edge, and check that it runs"},
	{RelayRefused, "the media relay service refused to give credentials", "check the A/V authentication service of the pool"},

	{CacheDamaged, "the stored record was damaged", "nothing to do: it was set aside and replaced; look for failing flash or power cuts if it recurs"},
	{CacheWrite, "the last good record cannot be written", "check free space and permissions of state_dir"},
	{CacheTooNew, "the stored record was made by a newer version", "install the newer version again, or run: homeward cache forget"},
	{CacheReadOnly, "the state directory is read-only", "make state_dir writable; until then last good does not survive a restart"},
}

// IsCertificate says whether the certificate is what failed: the host is then not to be trusted over TCP either.
func (r Reason) IsCertificate() bool {
	switch r {
	case TLSUntrusted, TLSName, TLSNoName, TLSExpired, TLSNotYetValid, ClockWrong, TLSUnreadable:
		return true
	default:
		return false
	}
}

// IsDHCPUnasked says whether DHCP could not be asked at all: that is not what a server says, or fails to say.
func (r Reason) IsDHCPUnasked() bool {
	return slices.Contains([]Reason{DHCPNotPermitted, DHCPNotSupported, DHCPNoInterface, DHCPNoNetwork}, r)
}
