package provisioning

import "slices"

// generals are the faults of which nothing is known but the Reason, in the order of docs/reasons.md.
var generals = []*Fault{
	harmless(DNSNoRecord, SideDNS, "the DNS record does not exist", "create it in the DNS zone of the SIP domain, correct sip_address, or check that this network sees the right zone (split DNS)", "if another record leads to a Registrar"),
	general(DNSTimeout, "", "no name server answered", "check that the name servers of this device are reachable at the address and port asked"),
	general(DNSServFail, SideDNS, "the name server could not resolve the name (SERVFAIL)", "see whether the zone is loaded on the name server, or has expired|check its forwarders"),
	general(DNSRefused, SideDNS, "the name server refuses to answer this device (REFUSED)", "allow this network to query the name server, set dns_servers to a name server that works, or correct sip_address if its domain is wrong"),
	general(DNSMalformed, SideDNS, "the DNS answer is broken or unusable", "correct the record on the name server: an SRV record needs a host name as its target and a port other than 0"),
	general(DNSConflict, SideDNS, "the name servers of this device disagree", "use only name servers that know the internal zone of the site: remove the others from resolv.conf, DHCP option 6 or dns_servers"),
	general(NoAddress, SideDNS, "the name has no address record", "create an A record for the name, or correct the target of the SRV record"),

	harmless(DHCPSilent, SideDHCP, "no DHCP server answered the DHCPINFORM", "check that a DHCP server or relay serves this network and answers DHCPINFORM", "if DNS names the Registrar"),
	general(DHCPRefused, SideDHCP, "the DHCP server refused the DHCPINFORM (NAK)", "configure the DHCP server to answer DHCPINFORM for vendor class MS-UC-Client; the lease of the device is not affected"),
	harmless(DHCPNoOption, SideDHCP, "the DHCP answer names no Registrar (option 120 missing)", "set option 120 on the scope of this network, also for the vendor class MS-UC-Client (and option 43 for that class), as homeward dhcp encode prints them", "if DNS names the Registrar"),
	general(DHCPMalformed, SideDHCP, "the DHCP option is malformed", "correct the bytes of the option on the DHCP server: homeward dhcp shows what is wrong, homeward dhcp encode prints the right ones"),
	general(DHCPNotPermitted, SideDevice, "DHCP cannot be asked from here", "run as the service or as root, or grant CAP_NET_RAW"),
	harmless(DHCPNotSupported, SideDevice, "only the DHCP client of this system can ask DHCP here", "name the Registrar in DNS", "if DNS names the Registrar"),
	general(DHCPNoInterface, SideDevice, "the interface for DHCP does not exist", "correct the setting interface, or plug in the adapter"),
	general(DHCPNoNetwork, SideDevice, "there is no network on which to ask DHCP", "check the cable, the VLAN and the address of this device; if there is no default route, set the setting interface to the port that is connected to the phone network"),
	general(DHCPOff, SideDevice, "DHCP is switched off in the configuration", `nothing to do if this is intended; dhcp = "auto" asks DHCP`),
	general(DHCPVendorClass, SideDHCP, "the DHCP server spells the vendor class of Lync phones differently", "spell it exactly MS-UC-Client on the DHCP server: bytes 4D532D55432D436C69656E74, without a trailing zero byte (00)"),
	general(DHCPNoLease, SideDevice, "the system's DHCP client has stored no option that names a Registrar", `configure it to request option 120 (see docs/dhcp-leases.md), or let homeward ask itself: dhcp = "auto"`),
	general(DHCPConflict, SideDHCP, "DHCP servers disagree about the Registrar", "find the second DHCP server of this network and correct or stop it"),

	general(NameNotAllowed, "", "the name is outside the SIP domain", `in DNS or DHCP, name a host inside the SIP domain, such as sip.<SIP domain>; strict_naming = "off" accepts any name, from whoever answers first`),
	general(AddressNotAllowed, "", "homeward does not connect to this address or port", "find out what names it (DNS, DHCP or a redirect) and correct it there: a Registrar needs an address of its own, and port 443 or a port from 1024 up that belongs to no other service|if the port is meant, name the server in internal_server, which may use any port"),
	general(RegistrarNotProven, SideRegistrar, "the Registrar has not proven its name over TLS", "offer the Registrar over TLS, with a certificate for its name: over plain TCP, anybody on the network path can impersonate it"),
	harmless(TransportPolicy, SideDevice, "plain TCP is not allowed here", "offer the Registrar over TLS: plain TCP needs allow_tcp, and is never tried after a certificate or a TLS handshake has failed", "if this is intended"),
	harmless(TLSFloor, SideDevice, "plain TCP is no longer used, because this SIP domain has registered over TLS before", "restore TLS on the Registrar; if TLS is gone for good, run: homeward cache forget", "if a Registrar is reached over TLS"),
	general(ServiceNotOffered, SideDNS, `the SRV record says that the service is not offered (target ".")`, "correct the SRV record if the service should be offered here"),
	harmless(SRVExists, SideDNS, "host names are tried only when no SRV record exists at all", "correct or delete them", "if the SRV records lead to a Registrar"),
	general(SameAsFailed, SideRegistrar, "the same Registrar has just failed in this cycle", "fix what made this Registrar fail the first time, earlier in the list"),

	general(ConnectRefused, "", "the connection is refused: nothing listens on this port, or a firewall rejects it", "check that the Registrar runs and the port is right (5061 inside, 443 on the Access Edge)|look for a firewall that rejects this port"),
	general(ConnectTimeout, "", "the connection attempt got no answer", "check that the server is running, and does not hang|look for a firewall that drops packets to or from this port"),
	general(ConnectUnreachable, SideNetwork, "there is no route to the address", "check the cable, the address, the gateway and the VLAN of this device"),
	general(ConnectReset, "", "the other side dropped the connection, or a firewall or proxy in between did", "check the log of the Registrar|look for a firewall or proxy in between that drops connections"),

	general(TLSUntrusted, SideRegistrar, "the certificate is not signed by an authority this device trusts", "put the root certificate of the site on this device, as a PEM file, and add its path to the setting roots"),
	general(TLSName, SideRegistrar, "the certificate is for other names", "issue a certificate for the name, or point DNS or DHCP at a name in the certificate"),
	general(TLSNoName, SideRegistrar, "there is no name to verify: the certificate contains none, or only an address is known", "issue a certificate with a Subject Alternative Name, and name the Registrar by its host name (option 120 in encoding 0)"),
	general(TLSExpired, "", "the certificate has expired", "check the clock of this device first; if it is right, renew the certificate of the Registrar"),
	general(TLSNotYetValid, "", "the certificate is not valid yet", "check the clock of this device first, then the certificate of the Registrar"),
	general(TLSUnreadable, SideRegistrar, "the certificate cannot be parsed", "issue another certificate for the Registrar: the detail says what is wrong with this one, such as a negative serial number"),
	general(TLSTimeout, "", "the TLS handshake stalled", "check the Registrar; on a tunnel, look for an MTU that is too small"),
	general(TLSVersion, SideRegistrar, "no TLS version or cipher in common", `update the Registrar; until then tls_min = "1.0" lets this device use what old servers offer`),
	general(TLSFailed, "", "the TLS handshake failed", "check that this port speaks TLS, and check the log of the Registrar"),
	general(TLSClientCert, "", "the server asks this device for a certificate, and refuses it without one", "use the port for clients (5061 of a pool inside, 443 of an Access Edge outside); if this is that port, configure the server to accept devices without a certificate"),
	general(ClockWrong, SideDevice, "the clock of this device is wrong", "set the clock of this device; phones find their time server through the SRV record _ntp._udp.<SIP domain> or DHCP option 42"),

	general(SIPNoAnswer, SideRegistrar, "the server did not answer the SIP request", "check that the Registrar service runs behind this port"),
	general(SIPMalformed, SideRegistrar, "the server does not speak proper SIP", "check that the address and port belong to a SIP Registrar"),
	general(SIPUnavailable, SideRegistrar, "the Registrar cannot serve requests now", "check the services of the Registrar and its pool"),
	general(SIPRejected, "", "the Registrar refuses the request as it stands", "see in its answer, or in its log, why: change the settings of the Registrar, or of a proxy in front of it, so that they accept the request"),
	general(SIPForbidden, "", "the Registrar does not allow this account or device to sign in", "check that the account is enabled for SIP and may sign in from where this device is, and that the client version policy lets the device in"),
	general(SIPNotFound, "", "the Registrar does not know this SIP address", "check the spelling of sip_address, and that the account is enabled for SIP"),
	general(SIPCredentials, SideAccount, "user name or password was refused", "check the settings user and password_file, then restart homeward; the account may be locked or expired"),
	general(SIPAuthNotSupported, SideRegistrar, "the Registrar offers no sign-in scheme that may be used here", "enable NTLM or Digest over TLS on the Registrar; the setting auth says which of them this device may use"),
	general(SIPBadSignature, SideNetwork, "the answer is not correctly signed by the Registrar", "look for a firewall or proxy in between that changes SIP messages (SIP ALG), and switch that off"),
	general(SIPRedirectLoop, SideRegistrar, "the redirects form a loop", "check the home pool of the user on the Registrars involved"),
	general(SIPRedirectDowngrade, SideRegistrar, "the redirect leads from TLS to plain TCP", "configure the Registrar to redirect to an address with transport=tls"),
	general(CertificateRefused, SideAccount, "the certificate of this device is refused", "set password_file, so that the device can ask for a new certificate, or import one: homeward identity import FILE"),
	general(CertificateExpired, SideDevice, "the certificate of this device has expired", "set password_file, so that the device can ask for a new certificate, or import one: homeward identity import FILE"),
	general(CertificateEnding, "", "a certificate ends soon", "renew it before it ends"),
	general(BindingLost, SideRegistrar, "the Registrar has lost the registration", "nothing to do: the device registers again; if it recurs, check the Registrar"),
	general(AddressChanged, SideDevice, "the device reaches the Registrar from another address than before", "nothing to do: the device registers again; if it recurs, look for a loose cable, weak Wi-Fi or short DHCP leases"),

	general(CredentialsResting, SideAccount, "the password is not used for a while, to keep the account from being locked", "correct the setting user or password_file and restart homeward; otherwise it tries again when the pause is over"),
	general(RetryAfter, SideRegistrar, "the Registrar asked the device to wait", "nothing to do: the device waits as asked"),
	general(StormWindow, SideDevice, "the power was cut: all devices may be starting at this moment, and each of them waits for its turn", "nothing to do: the device starts at the time given; to have it start now, run homeward service restart"),

	general(CertificateUnusable, SideDevice, "the certificate of this device cannot be used", "run homeward identity forget, and then homeward identity enrol or homeward identity import FILE"),
	general(EnrolFailed, SideRegistrar, "the device cannot get a certificate for sign-in", "check the web services of the pool; the device stays registered meanwhile"),

	general(RelayNone, SideRegistrar, "there is no media relay for this device", "assign an A/V Edge to the pool if media must pass firewalls"),
	general(RelayUnreachable, "", "the media relay does not answer", "in the firewall, allow UDP 3478 and TCP 443 from this device to the A/V Edge; check that the A/V Edge is running"),
	general(RelayRefused, SideRegistrar, "the media relay service refused to give credentials", "check the A/V authentication service of the pool"),

	general(CacheDamaged, SideDevice, "the stored record was damaged", "nothing to do: it was set aside and replaced; look for failing flash or power cuts if it recurs"),
	general(CacheWrite, SideDevice, "the last good record cannot be written", "check free space and permissions of state_dir"),
	general(CacheTooNew, SideDevice, "the stored record was made by a newer version", "install the newer version again, or run: homeward cache forget"),
	general(CacheReadOnly, SideDevice, "state_dir cannot be written to", "check to whom state_dir belongs and whether its file system is read-only: changes are not stored"),

	harmless(AutodiscoverFailed, SideRegistrar, "Autodiscover gives no root document", "correct the Autodiscover web service, or delete its DNS record: other Lync clients ask it", "for this device, which does not use Autodiscover"),
	general(AutodiscoverConflict, SideDNS, "Autodiscover leads to another pool than DNS and DHCP", "correct the one that is wrong"),
	general(WebServiceFailed, SideRegistrar, "a certificate service does not answer as it must", "check the web services of the pool: phones that sign in by PIN need them"),

	general(Slow, SideNetwork, "a server, or the connection to it, is slow", "check the connection between this device and the server, and the load of the server"),
	general(Lossy, SideNetwork, "packets are lost on the network path", "look for a bad cable, weak Wi-Fi or a saturated link"),
	general(Unknown, "", "homeward does not know what is wrong", "the original message may help; if not, run homeward bundle and report the result"),
}

// general returns the fault of a Reason.
func general(reason Reason, side Side, what, do string) *Fault {
	return &Fault{ID: string(reason), Reason: reason, Side: side, What: what + "[: {detail}]", Do: do}
}

// harmless returns one of which fine is when there is nothing to do about it.
func harmless(reason Reason, side Side, what, do, fine string) *Fault {
	f := general(reason, side, what, do)
	f.Fine = fine
	return f
}

// General returns the fault of a Reason, or nil.
func (r Reason) General() *Fault {
	for _, f := range generals {
		if f.Reason == r {
			return f
		}
	}
	return nil
}

// Faults returns the whole catalogue: the faults of which more is known than the Reason, then the general one of each Reason.
func Faults() []*Fault { return slices.Concat(declared, generals) }

// Met returns the Trouble of which nothing is known but the Reason, and perhaps raw words; that of "" is none.
func (r Reason) Met(detail string) Trouble {
	return Trouble{Fault: r.General(), Facts: Facts{"detail": detail}}
}

// A ReasonText explains one Reason to a field tech.
type ReasonText struct {
	Code  Reason
	Title string // what it means, as the end of a sentence: no capital, no full stop
	Hint  string // what to do about it, in the imperative
}

// Title returns what the reason means.
func (r Reason) Title() string { return r.Met("").What() }

// Hint returns what to do about it.
func (r Reason) Hint() string { return r.Met("").Hint() }

// Reasons returns the whole list, in the order of the public documentation.
func Reasons() []ReasonText {
	texts := make([]ReasonText, len(generals))
	for i, f := range generals {
		texts[i] = ReasonText{f.Reason, f.Reason.Title(), f.Reason.Hint()}
	}
	return texts
}
