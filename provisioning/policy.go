package provisioning

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"time"

	"homeward/internal/place"
	"homeward/internal/secret"
)

// Secret is a password. It prints as "[redacted]" in every form; Reveal returns it.
type Secret = secret.Secret

// SIPAddress is "sip:phone1@contoso.com", in its two parts.
type SIPAddress = place.SIPAddress

// Order says which places are looked at, and in which order.
type Order uint8

// The two orders.
const (
	DeviceOrder       Order = iota // the six steps of the Lync device text
	CommunicatorOrder              // internal TLS, internal TCP, external TLS, then host names (TechNet dd572514)
)

// Naming is the rule for names learnt from DNS and DHCP (TechNet dd637123, EnableStrictDNSNaming).
type Naming = place.Naming

// The three rules.
const (
	NamingSuffix = place.Suffix // the SIP domain and any host under it
	NamingStrict = place.Strict // the SIP domain and sip.<SIP domain> only
	NamingOff    = place.Off    // any name
)

// Policy is what the site decided: validated values, never raw text.
type Policy struct {
	SIPAddress SIPAddress // the address-of-record; its domain is the SIP domain
	User       string     // login name; for Digest the part before "@" is used when it equals the SIP address
	Password   Secret     // empty: sign in only where no password is asked for
	Auth       []string   // schemes allowed, in order of preference: "tls-dsk", "ntlm", "digest"
	// Identity returns the certificate of this device with its Leaf and key, as it is now; an error or nil: none can be used.
	// Nil: there is none.
	Identity func() (*tls.Certificate, error)

	Order    Order
	Manual   []ManualServer // in the order to try; instead of discovery
	AllowTCP bool           // false: the TCP steps are neither tried nor queried
	TLSFloor bool           // true: no TCP once this SIP domain has registered over TLS
	Naming   Naming

	Roots              *x509.CertPool        // who may sign certificates; nil: the system's roots
	LateRoots          func() *x509.CertPool // these and the system's, which take their time to read, for what Roots do not prove; nil: Roots are all
	OwnRoots           []*x509.Certificate   // those of Roots that the site has chosen: a pool does not show what is in it
	RootFiles          []string              // of each of these, the file that it is from
	TLSMin             uint16                // tls.VersionTLS12 or the site's exception
	CredentialsOverTCP bool                  // challenges over plain TCP may be answered, at hosts that SRV or the configuration name

	Bootstrap                Bootstrap          // how a server is trusted whose authority is not among the roots
	TrustPins                []string           // fingerprints, "sha256:" and 64 hexadecimal digits: with TrustPinned
	FirstUseSendsCredentials bool               // a server that is trusted on first use alone gets the password
	Anchors                  func() []Anchor    // authorities that were accepted on this device; nil: none
	Accept                   func(Anchor) error // keeps an authority; nil: none can be kept

	Phone string // number or extension that belongs to the PIN
	PIN   Secret // for a first certificate, where there is no password; "": none
	Enrol bool   // ask for a certificate after a sign-in by password

	Release bool // hold no binding: sign in, learn, give it back, and watch the Registrar without one

	Given map[string]string // by the names of settings, where they were given, as Setting has it
	File  string            // in which settings are given; "": it is not known

	PasswordFile    string    // the file that the password is from; "": from none, or one that a service manager has copied
	PasswordChanged time.Time // when the file was changed last, before it was read; zero: not known

	DNSServers []netip.AddrPort // empty: the system's
	Interface  string           // where DHCP is asked; empty: the one with the default route
	AskDHCP    bool             // by DHCPINFORM, and by DHCPv6 where there is IPv6
	ReadLease  bool             // use what the system's DHCP client keeps
	LeaseHooks string           // directory in which hooks of that client tell what it does not keep; empty: none

	StormWindow time.Duration // over how long first contacts are spread after a power cut; negative: the site does not say

	UserAgent   string // what SIP servers are told of this program (sip.CheckUserAgent); empty: homeward/ and the Version
	Workstation string // host name of this device, for NTLM; empty: not told

	Clock   func() time.Time // what certificates are judged by; nil: the clock of this device
	Version string           // of this program
	Built   time.Time        // no clock is right that shows less than this; zero: unknown
}

// Setting names a setting, and where it was given: "user in /etc/homeward/homeward.toml:3".
func (p *Policy) Setting(name string) string { return cmp.Or(p.Given[name], "the setting "+name) }

// LoginSetting names that from which the login name is.
func (p *Policy) LoginSetting() string {
	if address := p.Given["sip_address"]; address != "" && p.Given["user"] == "" {
		return address + " (user is not set)"
	}
	return p.Setting("user")
}

// Trusts says from where a device has the roots of its site; "": that is not known.
func Trusts(p *Policy) string {
	switch at := p.Given["roots"]; {
	case p.Roots == nil && p.File != "":
		return "roots is not set on this device (" + p.File + ")"
	case p.Roots == nil:
		return "roots is not set on this device"
	case at != "":
		return "this device trusts what " + at + " names"
	}
	return ""
}

// ManualServer is a Registrar named in the configuration; Port 0 means the default of the transport.
type ManualServer struct {
	Host     string
	Port     uint16
	External bool // external_server: the default TLS port is 443, the Access Edge's
}

// Setting is the name of the setting that names it.
func (m ManualServer) Setting() string {
	if m.External {
		return "external_server"
	}
	return "internal_server"
}
