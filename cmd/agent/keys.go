package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/homeward-agent/homeward/provisioning"
	"github.com/homeward-agent/homeward/provisioning/signin"
)

// kind is the type of a value in the configuration file.
type kind uint8

const (
	text    kind = iota // "text in quotes"
	truth               // true or false
	list                // ["text", "text"]; as a flag: commas in between, or repeated
	command             // like list; as a flag: repeated only, an argument may hold a comma
)

// value is the value of one key; the field of its kind is set.
type value struct {
	text  string
	truth bool
	list  []string
}

// key is one setting: a line of the configuration file and a flag of run and plan.
type key struct {
	name    string
	kind    kind
	normal  string // the default, as the file would say it; "": there is none
	example string // shown where there is no default
	doc     string // one line for help; more lines for the example file
	// apply checks the value and puts it into the site. The rows are applied from top to bottom, the password last.
	apply func(v value, to *site) error
}

// flag returns the name of the flag.
func (k key) flag() string { return strings.ReplaceAll(k.name, "_", "-") }

// site is the outcome of all settings: values that have been checked.
type site struct {
	policy     provisioning.Policy
	stateDir   string
	runtimeDir string
	logLevel   slog.Level
	logFormat  string
	onChange   []string
	warnings   []string // exceptions the site has made, and what is probably not meant; logged at start

	metricsListen string // "": no metrics
}

// warn notes a warning; "" is none.
func (s *site) warn(text string) {
	if text != "" {
		s.warnings = append(s.warnings, text)
	}
}

// identify says what this program and this device are, for those who are told.
func (s *site) identify(v versionAnswer) {
	s.policy.Version, s.policy.Built = v.Version, v.builtAt()
	s.policy.Workstation, _ = os.Hostname() // unknown is not told
}

// choices are the values of the keys that take no others, as messages, help and completion name them.
var choices = map[string][]string{
	"auth":          {"ntlm", "digest"},
	"order":         {"device", "communicator"},
	"strict_naming": {"suffix", "strict", "off"},
	"tls_min":       {"1.0", "1.1", "1.2", "1.3"},
	"dhcp":          {"auto", "inform", "lease", "off"},
	"log_level":     {"debug", "info", "warn", "error"},
	"log_format":    {"auto", "text", "json", "journal"},
}

// keys is the configuration, all of it: flags, validation and the example file are made from this table.
var keys = []key{
	{"sip_address", text, ``, `"sip:phone1@contoso.com"`,
		"SIP address of this device (required)\nIts right side is the SIP domain.",
		func(v value, to *site) (err error) {
			to.policy.SIPAddress, err = parseSIPAddress(v.text)
			return err
		}},
	{"user", text, ``, `'CONTOSO\phone1'`,
		"login name\nDOMAIN\\name or name@domain. Default: the SIP address without \"sip:\" (for Digest its left side only).",
		func(v value, to *site) error {
			to.policy.User = v.text
			if v.text == "" {
				to.policy.User = strings.TrimPrefix(to.policy.SIPAddress, "sip:")
			}
			if err := checkPlain(v.text); err != nil {
				return &advised{err, singleQuotes}
			}
			return nil
		}},
	{"password_file", text, ``, `"/etc/homeward/password"`,
		"file that holds the password, readable by its owner only\nMode 0400 or 0600, owned by root or by the user of the daemon.\n$CREDENTIALS_DIRECTORY/password is used instead when it exists (LoadCredential= of systemd).\nWith neither, and without --config, it is " + defaultPassword + ", if that is there.",
		func(v value, to *site) (err error) {
			to.policy.Password, err = readPassword(v.text, to.stateDir)
			return err
		}},
	{"auth", list, `["ntlm", "digest"]`, ``,
		"authentication schemes allowed, in order of preference: ntlm, digest",
		func(v value, to *site) (err error) {
			to.policy.Auth, err = checkSchemes(v.list, to)
			return err
		}},
	{"interface", text, ``, `"eth0"`,
		"network interface on which DHCP is asked\nDefault: the one with the default route.",
		func(v value, to *site) error {
			to.policy.Interface = v.text
			return checkInterface(v.text)
		}},
	{"order", text, `"device"`, ``,
		"order of discovery: device or communicator\ndevice: the six steps of a Lync phone. communicator: internal TLS, internal TCP, external TLS, then host names.",
		func(v value, to *site) error {
			if v.text == "communicator" {
				to.policy.Order = provisioning.CommunicatorOrder
			}
			return checkChoice(v.text, choices["order"]...)
		}},
	{"internal_server", text, ``, `"pool01.contoso.com:5061"`,
		"Registrar inside, host[:port], tried instead of discovery",
		func(v value, to *site) error { return addServer(v.text, false, to) }},
	{"external_server", text, ``, `"sip.contoso.com:443"`,
		"access proxy outside, host[:port], tried after internal_server instead of discovery",
		func(v value, to *site) error { return addServer(v.text, true, to) }},
	{"allow_tcp", truth, `true`, ``,
		"allow plain TCP\nfalse: the TCP steps are neither tried nor asked for.",
		func(v value, to *site) error {
			to.policy.AllowTCP = v.truth
			return nil
		}},
	{"tls_floor", truth, `true`, ``,
		"no plain TCP once this SIP domain has registered over TLS\nUntil \"homeward cache forget\".",
		func(v value, to *site) error {
			to.policy.TLSFloor = v.truth
			return nil
		}},
	{"strict_naming", text, `"suffix"`, ``,
		"names that DNS and DHCP may give: suffix, strict or off\nsuffix: the SIP domain and any host below it. strict: the SIP domain and sip.<SIP domain> only. off: any name.",
		func(v value, to *site) error {
			to.policy.Naming = map[string]provisioning.Naming{"strict": provisioning.NamingStrict, "off": provisioning.NamingOff}[v.text]
			if v.text == "off" {
				to.warn("strict_naming is off: whoever answers DNS or DHCP first may name the Registrar")
			}
			return checkChoice(v.text, choices["strict_naming"]...)
		}},
	{"roots", list, ``, `["/etc/homeward/site-root.pem"]`,
		"files with certificates trusted besides the system's roots, in PEM or DER\nWhat cannot be read in them is left out, with a warning.",
		func(v value, to *site) error {
			pool, warnings, err := readRoots(v.list)
			for _, warning := range warnings {
				to.warn("roots: " + warning)
			}
			to.policy.Roots = pool
			return err
		}},
	{"credentials_over_tcp", truth, `false`, ``,
		"answer NTLM and Digest challenges over plain TCP\nOnly at a host that an SRV record, internal_server or external_server names. Whoever listens may guess the password\nfrom the answer. Basic is never answered.",
		func(v value, to *site) error {
			to.policy.CredentialsOverTCP = v.truth
			if v.truth {
				to.warn("credentials_over_tcp: answers to NTLM and Digest challenges may be overheard")
			}
			return nil
		}},
	{"tls_min", text, `"1.2"`, ``,
		"lowest TLS version offered: 1.0, 1.1, 1.2 or 1.3\nBelow 1.2 is an exception for old servers, and is logged at each start.",
		func(v value, to *site) error {
			versions := map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
			to.policy.TLSMin = versions[v.text]
			if to.policy.TLSMin < tls.VersionTLS12 {
				to.warn("tls_min is " + v.text + ": an exception for old servers, do not leave it on")
			}
			return checkChoice(v.text, choices["tls_min"]...)
		}},
	{"dns_servers", list, ``, `["10.0.0.2", "[2001:db8::2]:53"]`,
		"name servers to ask instead of the system's, addr[:port]",
		func(v value, to *site) (err error) {
			to.policy.DNSServers, err = parseNameServers(v.list, to.warn)
			return err
		}},
	{"dhcp", text, `"auto"`, ``,
		"how DHCP is asked: auto, inform, lease or off\ninform: by a DHCPINFORM of our own, which does not touch the lease of the device. lease: nothing is asked, what the\nsystem's DHCP client keeps is read. auto: both, and what is asked counts first.",
		func(v value, to *site) error {
			to.policy.AskDHCP = v.text == "auto" || v.text == "inform"
			to.policy.ReadLease = v.text == "auto" || v.text == "lease"
			return checkChoice(v.text, choices["dhcp"]...)
		}},
	{"state_dir", text, defaultStateDir, ``,
		"directory of the last good record and the history",
		func(v value, to *site) (err error) {
			to.stateDir, err = absolute(v.text)
			return err
		}},
	{"runtime_dir", text, defaultRuntimeDir, ``,
		"directory of the control socket and of registrar.json",
		func(v value, to *site) (err error) {
			to.runtimeDir, err = absolute(v.text)
			to.policy.LeaseHooks = to.runtimeDir + "-dhcp" // beside it: root writes there, and the daemon only reads
			return err
		}},
	{"log_level", text, `"info"`, ``,
		"what is logged: debug, info, warn or error",
		func(v value, to *site) error {
			to.logLevel = map[string]slog.Level{"debug": slog.LevelDebug, "warn": slog.LevelWarn, "error": slog.LevelError}[v.text]
			return checkChoice(v.text, choices["log_level"]...)
		}},
	{"log_format", text, `"auto"`, ``,
		"form of the log on stderr: auto, text, json or journal\nauto: journal under systemd, text on a terminal, else JSON.",
		func(v value, to *site) error {
			to.logFormat = v.text
			return checkChoice(v.text, choices["log_format"]...)
		}},
	{"on_change", command, ``, `["/usr/local/bin/phone-reload", "--now"]`,
		"program to start when registrar.json has changed\nProgram and arguments, no shell; the path of registrar.json is added as last argument.\nIts environment is PATH and nothing else.\nIt is ended after 30 s, and started again when it has failed. Examples for phones: docs/phones.md",
		func(v value, to *site) error {
			to.onChange = v.list
			if slices.Contains(v.list, "") {
				return fmt.Errorf("an argument is empty")
			}
			return nil
		}},
	{"metrics_listen", text, ``, `"127.0.0.1:9187"`,
		"address on which Prometheus may scrape metrics, /metrics over HTTP\nDefault: none. An address and a port; \":9187\" is every address of this device. There is no secret in them.",
		func(v value, to *site) error {
			to.metricsListen = v.text
			return checkListen(v.text)
		}},
	{"user_agent", text, ``, `"UCCAPI/15.0.4420.1017 OC/15.0.4420.1017 (Microsoft Lync)"`,
		"what SIP servers are told of this program (User-Agent)\nDefault: homeward/VERSION. Client version policies of Lync look at it. Names, or name/version, and (comments).",
		func(v value, to *site) error {
			to.policy.UserAgent = v.text
			if v.text == "" {
				return nil
			}
			return signin.CheckUserAgent(v.text)
		}},
}

// absolute makes a path independent of the directory the process is in.
func absolute(path string) (string, error) {
	if path == "" {
		return "", fmt.Errorf("it is empty")
	}
	return filepath.Abs(path)
}
