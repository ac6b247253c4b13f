package config

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"homeward/internal/fleet"
	"homeward/internal/sip"
	"homeward/provisioning"
)

// Kind is the type of a value in the configuration file.
type Kind uint8

// The kinds.
const (
	Text    Kind = iota // "text in quotes"
	Truth               // true or false
	List                // ["text", "text"]; as a flag: commas in between, or repeated
	Command             // like List; as a flag: repeated only, an argument may hold a comma
)

// Value is the value of one key; the field of its kind is set.
type Value struct {
	Text  string
	Truth bool
	List  []string
}

// Key is one setting: a line of the configuration file, and a flag of the command line.
type Key struct {
	Name    string
	Kind    Kind
	Default string // as the file would say it; "": there is none
	Example string // shown where there is no default
	Doc     string // one line for help; more lines for the example file
	// apply checks the value and puts it into the configuration. The rows are applied from top to bottom, the password
	// last.
	apply func(v Value, to *Config) error
}

// Keys returns all keys, in the order of documentation.
func Keys() []Key { return append([]Key(nil), keys...) }

// Secrets are the keys that name files which only the daemon needs, and may read.
var Secrets = []string{"password_file", "pin_file", "fleet_key"}

// AllBut returns the names of all keys but some.
func AllBut(some ...string) []string {
	var names []string
	for i := range keys {
		k := &keys[i]
		if !slices.Contains(some, k.Name) {
			names = append(names, k.Name)
		}
	}
	return names
}

// Flag returns the name of the flag, without the hyphens before it.
func (k Key) Flag() string { return strings.ReplaceAll(k.Name, "_", "-") }

// Choices returns the only values that there are for a key; nil: there are others.
func (k Key) Choices() []string { return choices[k.Name] }

// Sample returns the value that documentation shows, as the file would say it.
func (k Key) Sample() string { return cmp.Or(k.Default, k.Example) }

// Plain returns a value in the type that JSON knows for it.
func (k Key) Plain(v Value) any {
	switch k.Kind {
	case Truth:
		return v.Truth
	case List, Command:
		return append([]string{}, v.List...)
	default:
		return v.Text
	}
}

// Add reads what a flag was given into v, which holds what it was given before.
func (k Key) Add(v *Value, given string) error {
	switch k.Kind {
	case Truth:
		truth, err := strconv.ParseBool(given)
		if err != nil {
			return errors.New("the value must be true or false")
		}
		v.Truth = truth
	case List:
		for element := range strings.SplitSeq(given, ",") {
			v.List = append(v.List, strings.TrimSpace(element))
		}
	case Command:
		v.List = append(v.List, given)
	default:
		v.Text = given
	}
	return nil
}

// singleQuotes is for login names: in double quotes TOML reads a backslash as the beginning of an escape.
const singleQuotes = `write it in single quotes: 'CONTOSO\phone1'`

// check checks a value and puts it into the configuration.
func (k Key) check(v Value, to *Config) error {
	if k.Kind == Text && k.Choices() != nil {
		if err := checkChoice(v.Text, k.Choices()...); err != nil {
			return err
		}
	}
	return k.apply(v, to)
}

// choices are the values of the keys that take no others, as messages, help and completion name them.
var choices = map[string][]string{
	"auth":  {"tls-dsk", "ntlm", "digest"},
	"order": {"device", "communicator"},

	"binding":         {"keep", "release"},
	"trust_bootstrap": {"off", "pin", "first-use"},
	"pin_sign_in":     {"off", "experimental"},

	"strict_naming": {"suffix", "strict", "off"},
	"tls_min":       {"1.0", "1.1", "1.2", "1.3"},
	"dhcp":          {"auto", "inform", "lease", "off"},
	"log_level":     {"debug", "info", "warn", "error"},
	"log_format":    {"auto", "text", "json", "journal"},
}

// keys is the configuration, all of it: flags, validation and the example file are made from this table.
var keys = []Key{
	{"sip_address", Text, ``, `"sip:phone1@contoso.com"`,
		"SIP address of this device (required)\nThe part after the @ is the SIP domain.",
		func(v Value, to *Config) (err error) {
			to.Policy.SIPAddress, err = parseSIPAddress(v.Text)
			return err
		}},
	{"user", Text, ``, `'CONTOSO\phone1'`,
		"login name\nDOMAIN\\name or name@domain. Default: the SIP address without \"sip:\" (for Digest, only the part before the @).",
		func(v Value, to *Config) error {
			to.Policy.User = v.Text
			if v.Text == "" {
				to.Policy.User = to.Policy.SIPAddress.Bare()
			}
			if err := checkPlain(v.Text); err != nil {
				return &advised{err, singleQuotes}
			}
			return nil
		}},
	{"password_file", Text, ``, `"/etc/homeward/password"`,
		"file that contains the password, readable only by its owner\nMode 0400 or 0600, owned by root or by the user of the daemon.\n$CREDENTIALS_DIRECTORY/password is used instead if it exists (LoadCredential= of systemd).\nWithout password_file, and without that credential, " + DefaultPassword + " is used if it exists,\nunless --config is given.",
		func(v Value, to *Config) (err error) {
			return to.usePassword(v.Text)
		}},
	{"auth", List, `["tls-dsk", "ntlm", "digest"]`, ``,
		"authentication schemes allowed, in order of preference: tls-dsk, ntlm, digest\ntls-dsk: with the certificate of this device, if it has one.",
		func(v Value, to *Config) (err error) {
			to.Policy.Auth, err = checkSchemes(v.List, to, choices["auth"]...)
			return err
		}},
	{"enrol", Truth, `true`, ``,
		"get a certificate for sign-in, after a sign-in by password\nFrom the web services that the Registrar names. With it the device signs in when no domain controller can be asked.",
		func(v Value, to *Config) error {
			to.Policy.Enrol = v.Truth
			return nil
		}},
	{"interface", Text, ``, `"eth0"`,
		"network interface on which DHCP is asked\nDefault: the interface with the default route; if that is a tunnel, every interface that can use DHCP; without one, the only interface with an address.",
		func(v Value, to *Config) error {
			to.Policy.Interface = v.Text
			return checkInterface(v.Text)
		}},
	{"order", Text, `"device"`, ``,
		"order of discovery: device or communicator\ndevice: the six steps of a Lync phone. communicator: internal TLS, internal TCP, external TLS, then host names.",
		func(v Value, to *Config) error {
			if v.Text == "communicator" {
				to.Policy.Order = provisioning.CommunicatorOrder
			}
			return nil
		}},
	{"internal_server", Text, ``, `"pool01.contoso.com:5061"`,
		"Registrar for use inside the network, host[:port], tried instead of discovery",
		func(v Value, to *Config) error { return to.AddServer(v.Text, false) }},
	{"external_server", Text, ``, `"sip.contoso.com:443"`,
		"access proxy for use from outside, host[:port], tried after internal_server, instead of discovery",
		func(v Value, to *Config) error { return to.AddServer(v.Text, true) }},
	{"allow_tcp", Truth, `true`, ``,
		"allow plain TCP\nfalse: the TCP steps are neither queried nor tried.",
		func(v Value, to *Config) error {
			to.Policy.AllowTCP = v.Truth
			return nil
		}},
	{"tls_floor", Truth, `true`, ``,
		"no plain TCP once this SIP domain has registered over TLS\nThis lasts until \"homeward cache forget\".",
		func(v Value, to *Config) error {
			to.Policy.TLSFloor = v.Truth
			return nil
		}},
	{"strict_naming", Text, `"suffix"`, ``,
		"host names to accept from DNS and DHCP: suffix, strict or off\nsuffix: the SIP domain and any host in it. strict: only the SIP domain and sip.<SIP domain>. off: any name.",
		func(v Value, to *Config) error {
			to.Policy.Naming = map[string]provisioning.Naming{"strict": provisioning.NamingStrict, "off": provisioning.NamingOff}[v.Text]
			if v.Text == "off" {
				to.warn("strict_naming is off: whoever answers DNS or DHCP first can name the Registrar")
			}
			return nil
		}},
	{"roots", List, ``, `["/etc/homeward/site-root.pem"]`,
		"files with certificates, in PEM or DER, to trust in addition to the system's roots\nWhat cannot be read as a certificate is skipped, with a warning, as long as one certificate remains.\nIt is an error if none does, and if a file is missing or larger than 1 MiB.",
		func(v Value, to *Config) error {
			own, files, warnings, err := readRoots(v.List)
			for _, warning := range warnings {
				to.warn("roots: " + warning)
			}
			to.Policy.OwnRoots, to.Policy.RootFiles = own, files
			to.Policy.Roots, to.Policy.LateRoots = pools(own)
			return err
		}},
	{"trust_bootstrap", Text, `"off"`, ``,
		"whom to trust besides roots: off, pin or first-use\npin: a server whose chain contains a certificate of trust_pins, or one that \"homeward trust accept\" has accepted.\nfirst-use: on a device that has never registered, the authority of the first Registrar too, if the web services of the\nsite have the same one. Whoever answers DNS or DHCP then can be that Registrar.",
		func(v Value, to *Config) error {
			to.Policy.Bootstrap = map[string]provisioning.Bootstrap{"pin": provisioning.TrustPinned, "first-use": provisioning.TrustFirstUse}[v.Text]
			if v.Text == "first-use" {
				to.warn("trust_bootstrap is first-use: whoever answers DNS or DHCP when the device starts for the first time can be its Registrar")
			}
			return nil
		}},
	{"trust_pins", List, ``, `["sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="]`,
		"SHA-256 fingerprints of certificates to trust as authorities, with trust_bootstrap = \"pin\"\nIn base64 or in 64 hexadecimal digits. Of a certificate that servers send: the root, an intermediate one, or their own.",
		func(v Value, to *Config) (err error) {
			to.Policy.TrustPins, err = parsePins(v.List)
			if len(to.Policy.TrustPins) > 0 && to.Policy.Bootstrap != provisioning.TrustPinned {
				to.warn("trust_pins is ignored: trust_bootstrap is not \"pin\"")
			}
			return err
		}},
	{"first_use_sends_credentials", Truth, `false`, ``,
		"send the password to a server that is trusted on first use\nWhoever was that server then gets the answer to its challenge, or the password itself.",
		func(v Value, to *Config) error {
			to.Policy.FirstUseSendsCredentials = v.Truth
			if v.Truth && to.Policy.Bootstrap == provisioning.TrustFirstUse {
				to.warn("first_use_sends_credentials: the password is sent to whatever server the device has met first")
			}
			return nil
		}},
	{"credentials_over_tcp", Truth, `false`, ``,
		"answer NTLM and Digest challenges over plain TCP\nOnly at a host that an SRV record, internal_server or external_server names. An eavesdropper may guess the password\nfrom the answer. Basic is never answered.",
		func(v Value, to *Config) error {
			to.Policy.CredentialsOverTCP = v.Truth
			if v.Truth {
				to.warn("credentials_over_tcp: eavesdroppers can record the answers to NTLM and Digest challenges")
			}
			return nil
		}},
	{"tls_min", Text, `"1.2"`, ``,
		"lowest TLS version offered: 1.0, 1.1, 1.2 or 1.3\nA version below 1.2 is an exception for old servers, and is logged at each start.",
		func(v Value, to *Config) error {
			versions := map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
			to.Policy.TLSMin = versions[v.Text]
			if to.Policy.TLSMin < tls.VersionTLS12 {
				to.warn("tls_min is " + v.Text + ": this is an exception for old servers, do not leave it on")
			}
			return nil
		}},
	{"dns_servers", List, ``, `["10.0.0.2", "[2001:db8::2]:53"]`,
		"name servers to ask instead of the system's, addr[:port]",
		func(v Value, to *Config) (err error) {
			to.Policy.DNSServers, err = parseNameServers(v.List, to.warn)
			return err
		}},
	{"dhcp", Text, `"auto"`, ``,
		"how DHCP is asked: auto, inform, lease or off\ninform: send a DHCPINFORM, which does not affect the lease of the device. lease: send nothing, and read what the\nsystem's DHCP client has stored. auto: both, and the answer to DHCPINFORM comes first. off: neither.",
		func(v Value, to *Config) error {
			to.Policy.AskDHCP = v.Text == "auto" || v.Text == "inform"
			to.Policy.ReadLease = v.Text == "auto" || v.Text == "lease"
			return nil
		}},
	{"state_dir", Text, defaultStateDir, ``,
		"directory of the last good record and the history",
		func(v Value, to *Config) (err error) {
			to.StateDir, err = absolute(v.Text)
			return err
		}},
	{"runtime_dir", Text, defaultRuntimeDir, ``,
		"directory of the control socket and of registrar.json",
		func(v Value, to *Config) (err error) {
			to.RuntimeDir, err = absolute(v.Text)
			to.Policy.LeaseHooks = to.RuntimeDir + "-dhcp" // beside it: root writes there, and the daemon only reads
			return err
		}},
	{"pin_sign_in", Text, `"off"`, ``,
		"get the first certificate with a phone number and a PIN: off or experimental\nThe form in which a PIN is sent is a guess: see docs/certificates.md, and tell us what a real service says.",
		func(v Value, to *Config) error {
			to.byPIN = v.Text == "experimental"
			if to.byPIN {
				to.warn("pin_sign_in is experimental: how a PIN is sent is a guess, and two wrong tries count towards its lock")
			}
			return nil
		}},
	{"phone", Text, ``, `"4711"`,
		"phone number or extension that belongs to the PIN, with pin_sign_in",
		func(v Value, to *Config) error {
			to.Policy.Phone = v.Text
			return checkPlain(v.Text)
		}},
	{"pin_file", Text, ``, `"/etc/homeward/pin"`,
		"file that contains the PIN, readable only by its owner, with pin_sign_in",
		func(v Value, to *Config) (err error) {
			if !to.byPIN || v.Text == "" {
				return nil
			}
			if to.Policy.Phone == "" {
				return errors.New("phone is missing: a PIN belongs to a phone number or an extension")
			}
			to.Policy.PIN, _, err = readPassword(v.Text, "", to.daemonUser())
			return err
		}},
	{"log_level", Text, `"info"`, ``,
		"lowest level that is logged: debug, info, warn or error",
		func(v Value, to *Config) error {
			to.LogLevel = map[string]slog.Level{"debug": slog.LevelDebug, "warn": slog.LevelWarn, "error": slog.LevelError}[v.Text]
			return nil
		}},
	{"log_format", Text, `"auto"`, ``,
		"format of the log on stderr: auto, text, json or journal\nauto: journal under systemd, text on a terminal, otherwise JSON.",
		func(v Value, to *Config) error {
			to.LogFormat = v.Text
			return nil
		}},
	{"on_change", Command, ``, `["/usr/local/bin/phone-reload", "--now"]`,
		"program to run when registrar.json has changed\nProgram and arguments, no shell; the path of registrar.json is added as the last argument.\nIts environment contains only PATH.\nIt is killed after 30 s, and run again if it fails. Examples for phones: docs/phones.md",
		func(v Value, to *Config) error {
			to.OnChange = v.List
			if slices.Contains(v.List, "") {
				return fmt.Errorf("an argument is empty")
			}
			return nil
		}},
	{"metrics_listen", Text, ``, `"127.0.0.1:9187"`,
		"address on which Prometheus may scrape metrics, /metrics over HTTP\nDefault: none. An address and a port; \":9187\" means every address of this device. The metrics contain no secrets.",
		func(v Value, to *Config) error {
			to.MetricsListen = v.Text
			return checkListen(v.Text)
		}},
	{"user_agent", Text, ``, `"UCCAPI/15.0.4420.1017 OC/15.0.4420.1017 (Microsoft Lync)"`,
		"User-Agent that is sent to SIP servers\nDefault: homeward/VERSION. Client version policies of Lync check it.\nFormat: product names, each with an optional /version, and comments in parentheses.",
		func(v Value, to *Config) error {
			to.Policy.UserAgent = v.Text
			if v.Text == "" {
				return nil
			}
			return sip.CheckUserAgent(v.Text)
		}},
	{"binding", Text, `"keep"`, ``,
		"whether homeward holds a binding at the Registrar: keep or release\nrelease: it signs in, gives the binding back and watches the Registrar without one, for a phone with the same account. See docs/phones.md",
		func(v Value, to *Config) error {
			to.Policy.Release = v.Text == "release"
			return nil
		}},
	{"storm_window", Text, ``, `"30s"`,
		"time over which the devices of a site spread their first contacts after a power cut: \"60s\", \"4m\"; 0: none\nDefault: 30s, or as long as a Registrar has asked this device to stay away when all of them came back.\nRight: 1.2 times the number of devices, divided by the sign-ins a second that the pool can serve (docs/storm.md).",
		func(v Value, to *Config) (err error) {
			to.Policy.StormWindow, err = parseWindow(v.Text)
			return err
		}},
	{"fleet_broker", Text, ``, `"mqtts://broker.contoso.com:8883"`,
		"MQTT 5 broker to which the state of this device is published\nDefault: none. Over TLS only; the port is 8883 unless given. Nothing is subscribed to. For operators: docs/fleet.md",
		func(v Value, to *Config) (err error) {
			to.Fleet.Broker, err = parseBroker(v.Text)
			return err
		}},
	{"fleet_site", Text, `"default"`, ``,
		"name of this site, the first part of the topics\nTopics: homeward/v1/SITE/DEVICE/presence, …/state and …/event.",
		func(v Value, to *Config) error {
			if to.Fleet.Broker == "" {
				return nil
			}
			to.Fleet.Site = v.Text
			return fleet.CheckName(v.Text)
		}},
	{"fleet_cert", Text, ``, `"/etc/homeward/fleet.pem"`,
		"file with the certificate, in PEM, by which the broker knows this device; required with fleet_broker\nIt comes from the operator of the broker, and is read again for each connection.",
		func(v Value, to *Config) error {
			to.fleetCert = v.Text
			if to.Fleet.Broker != "" && v.Text == "" {
				return errNeeded
			}
			return nil
		}},
	{"fleet_key", Text, ``, `"/etc/homeward/fleet.key"`,
		"file with the key of fleet_cert, readable only by its owner; required with fleet_broker\nMode 0400 or 0600, owned by root or by the user of the daemon, who must be able to read it.",
		func(v Value, to *Config) error { return to.setFleetCertificate(v.Text) }},
	{"fleet_device", Text, ``, `"phone1"`,
		"name of this device, the second part of the topics, and its MQTT client identifier\nDefault: the common name in fleet_cert. Brokers usually allow a device to write only below its common name.",
		func(v Value, to *Config) error { return to.setFleetDevice(v.Text) }},
	{"fleet_roots", List, ``, `["/etc/homeward/broker-root.pem"]`,
		"files with certificates, in PEM or DER, one of which must have signed that of the broker\nDefault: the system's roots. \"roots\" does not count here.",
		func(v Value, to *Config) error { return to.setFleetRoots(v.List) }},
	{"fleet_identities", Truth, `false`, ``,
		"publish the SIP address of this device\nfalse: the beginning of its SHA-256 stands for it.",
		func(v Value, to *Config) error {
			to.Fleet.Identities = v.Truth
			return nil
		}},
}

// absolute makes a path independent of the directory the process is in.
func absolute(path string) (string, error) {
	if path == "" {
		return "", fmt.Errorf("it is empty")
	}
	return filepath.Abs(path)
}

func findKey(name string) *Key {
	for i := range keys {
		if keys[i].Name == name {
			return &keys[i]
		}
	}
	return nil
}
