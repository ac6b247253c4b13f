package sitetest

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// manner is how a Registrar behaves: the behaviour of the site file and its options.
type manner struct {
	tls   bool
	names []string // of the certificate

	word              string
	hello             bool // silent, reset: at the first byte already
	code              int
	contacts          []string // redirect
	schemes           []string // offer
	user, password    string   // with a user every answer needs Digest first
	algorithms        []string
	basic, stale      bool
	forbids           bool // answers 403 to a wrong password
	proxy, nopong     bool
	expires           int // seconds
	retryAfter        string
	delay, rtt, clock time.Duration
	cert              string
	tlsMax            uint16
	clientCert        bool
	diagnostics       int
	edge              bool
	idle              time.Duration
	pad               int // bytes
	split             bool
	upper, folded     bool

	// With MS-SIPAE: lync, or schemes=.
	version   int // of the protocol: 2, 3 or 4
	noESS     bool
	hosts     []string // the account may sign in from these workstations only; nil: from any
	noSubs    int      // status for a SUBSCRIBE without "Expires: 0"; 0: it is taken
	saLife    time.Duration
	rspauth   string // "", wrong or missing
	keepalive int    // seconds
	backup    bool
	apart     bool // what was subscribed to comes apart from the 200
}

// isLync says whether a Registrar looks like one of Lync.
func (m manner) isLync() bool { return m.word == "lync" || m.signsIn() }

// signsIn says whether the credentials are those of MS-SIPAE.
func (m manner) signsIn() bool { return m.word != "offer" && len(m.schemes) > 0 }

var (
	certKinds   = []string{"expired", "notyet", "selfsigned", "untrusted", "wrongname", "cnonly", "wildcard", "sha1", "wrongeku", "negserial", "oddname"}
	tlsVersions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
)

// parseManner reads the words of a Registrar's line from the behaviour on.
func parseManner(words []string) (manner, error) {
	if len(words) == 0 {
		return manner{}, fmt.Errorf("no behaviour given")
	}
	m := manner{word: words[0], expires: 600, algorithms: []string{"SHA-256"}, version: 4, keepalive: 300}
	m.nopong = m.word == "lync" // which takes keep-alives in silence
	words = words[1:]
	var err error
	switch m.word {
	case "accept", "digest", "lync", "http", "refuse", "unreachable", "blackhole":
	case "silent", "reset":
		if len(words) > 0 && words[0] == "hello" {
			m.hello, words = true, words[1:]
		}
	case "status":
		if len(words) == 0 {
			return m, fmt.Errorf("status: want a code")
		}
		if m.code, err = strconv.Atoi(words[0]); err != nil || m.code < 100 || m.code > 699 {
			return m, fmt.Errorf("status: want a code from 100 to 699, not %q", words[0])
		}
		words = words[1:]
	case "redirect":
		m.contacts, words = span(words, func(w string) bool { return strings.HasPrefix(w, "sip:") || strings.HasPrefix(w, "sips:") })
		if len(m.contacts) == 0 {
			return m, fmt.Errorf("redirect: want SIP URIs")
		}
	case "offer":
		m.schemes, words = span(words, func(w string) bool { return w[0] >= 'A' && w[0] <= 'Z' })
		if len(m.schemes) == 0 {
			return m, fmt.Errorf("offer: want names of schemes, such as Kerberos")
		}
	default:
		return m, fmt.Errorf("unknown behaviour %q (a name for the certificate has a dot)", m.word)
	}
	return m, m.options(words)
}

// options sets all options, and checks that they go together.
func (m *manner) options(words []string) error {
	for _, w := range words {
		if err := m.option(w); err != nil {
			return fmt.Errorf("%s: %w", w, err)
		}
	}
	if m.word == "lync" && m.user != "" && len(m.schemes) == 0 {
		m.schemes = []string{"NTLM", "Kerberos", "TLS-DSK"}
		if m.edge { // where no KDC can be reached
			m.schemes = []string{"NTLM", "TLS-DSK"}
		}
	}
	if (m.user == "") != (m.password == "") || m.user == "" && (m.word == "digest" || m.signsIn()) {
		return fmt.Errorf("%s: want user= and password=", m.word)
	}
	return nil
}

// span cuts the words that belong off the front.
func span(words []string, belongs func(string) bool) (mine, rest []string) {
	n := slices.IndexFunc(words, func(w string) bool { return !belongs(w) })
	if n < 0 {
		n = len(words)
	}
	return words[:n], words[n:]
}

// option sets one option from its word.
func (m *manner) option(word string) (err error) {
	key, value, _ := strings.Cut(word, "=")
	switch key {
	case "user":
		m.user = value
	case "password":
		m.password = value
	case "algorithm":
		m.algorithms = strings.Split(value, ",")
		for _, a := range m.algorithms {
			if a != "MD5" && a != "SHA-256" {
				return fmt.Errorf("unknown algorithm %q", a)
			}
		}
	case "basic":
		m.basic = true
	case "forbids":
		m.forbids = true
	case "stale":
		m.stale = true
	case "proxy":
		m.proxy = true
	case "clientcert":
		m.clientCert = true
	case "pong":
		m.nopong = false
	case "nopong":
		m.nopong = true
	case "expires":
		m.expires, err = strconv.Atoi(value)
	case "pad":
		m.pad, err = strconv.Atoi(value)
	case "retry-after":
		m.retryAfter = value
	case "delay":
		m.delay, err = time.ParseDuration(value)
	case "rtt":
		m.rtt, err = time.ParseDuration(value)
	case "clock":
		m.clock, err = time.ParseDuration(value)
	case "tlsmax":
		if m.tlsMax = tlsVersions[value]; m.tlsMax == 0 {
			return fmt.Errorf("unknown version %q", value)
		}
	case "cert":
		if m.cert = value; !slices.Contains(certKinds, value) && !strings.HasPrefix(value, "san:") {
			return fmt.Errorf("unknown kind of certificate %q", value)
		}
	default:
		return m.lyncOption(key, value)
	}
	return err
}

// lyncOption sets one of the options that came with Lync.
func (m *manner) lyncOption(key, value string) (err error) {
	if flag := map[string]*bool{
		"edge": &m.edge, "backup": &m.backup, "noess": &m.noESS, "nopiggyback": &m.apart,
		"split": &m.split, "upper": &m.upper, "folded": &m.folded,
	}[key]; flag != nil {
		*flag = true
		return nil
	}
	switch key {
	case "schemes":
		m.schemes = strings.Split(value, ",")
	case "home":
		m.contacts = homeContacts(value)
	case "version":
		if m.version, err = strconv.Atoi(value); err == nil && (m.version < 2 || m.version > 4) {
			return fmt.Errorf("want a version from 2 to 4")
		}
	case "rspauth":
		if m.rspauth = value; value != "wrong" && value != "missing" {
			return fmt.Errorf("want wrong or missing")
		}
	case "workstations":
		m.hosts = strings.Split(value, ",")
	case "nosubscribe":
		m.noSubs, err = strconv.Atoi(value)
	case "keepalive":
		m.keepalive, err = strconv.Atoi(value)
	case "diagnostics":
		m.diagnostics, err = strconv.Atoi(value)
	case "salife":
		m.saLife, err = time.ParseDuration(value)
	case "idle":
		m.idle, err = time.ParseDuration(value)
	default:
		return fmt.Errorf("unknown option")
	}
	return err
}
