package sitetest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/netip"
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
	hello             bool       // silent, reset, lost: at the first byte already
	large             bool       // lost: but not what is sent in small packets
	net               bool       // unreachable: its whole network is
	icmp              byte       // its code
	router            netip.Addr // who says so by ICMP; zero: that is not known
	code              int
	contacts          []string // redirect
	schemes           []string // offer
	user, password    string   // with a user every answer needs Digest first
	algorithms        []string
	basic, stale      bool
	deaf              bool          // to REGISTER
	half              int           // 1: the first, third … connection meets nobody; 2: the second, fourth …; 0: none
	forbids           bool          // answers 403 to a wrong password
	unlisted          bool          // what is granted is not listed
	rival             string        // a word of rivalWords: the phone of the user has the one binding that there may be; "": there is none
	nonceLife         time.Duration // of nonces that are good on every connection; 0: on that which they were given out on
	proxy, nopong     bool
	expires           int // seconds
	least             int // seconds; a REGISTER for less, or for none, is answered 423
	retryAfter        string
	delay, rtt, clock time.Duration
	cert              string
	sister            string // the kind that every second connection is shown, "good": nothing is wrong with it; "": there is no other server
	tlsMax            uint16
	clientCert        bool
	sendRoot          bool
	diagnostics       int
	warning           string // with "_" for blanks
	autodiscover      string // http: where the root document leads; "": there is none
	edge              bool
	idle              time.Duration
	pad               int // bytes
	cutAfter          int // bytes of the device on one connection: then it is reset; 0: never
	rate              int // bytes in a second to the device, on each connection; 0: any number
	muteAfter         int // the same: then what comes is not heard
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

	// Web services: web, and the Registrars that name them.
	web         string   // host of the web services in sts-uri; "": the Registrar itself
	services    []string // ways to a web ticket
	phone, pin  string
	replication time.Duration
	life        time.Duration // of a certificate
	spoils      string

	dsk dskManner
}

// dskManner is how a Registrar signs devices in with certificates.
type dskManner struct {
	version       uint16 // of TLS; 0: as the device likes
	suites        string // a word of dskSuites; "": those with SHA-1
	ecdsa         bool   // its key; else it is RSA
	byPRF         bool   // signs with the hash of the suite
	cert          string // what is wrong with its certificate
	cas, pieces   int
	alert         int
	alerts, bare  bool
	noControllers bool   // NTLM cannot be checked
	openssl       string // a word of opensslWords: OpenSSL is at the other end
}

// isLync says whether a Registrar looks like one of Lync.
func (m manner) isLync() bool { return m.word == "lync" || m.signsIn() }

// swallowed says whether what is sent there is lost.
func (m manner) swallowed() bool {
	return m.word == "blackhole" || m.word == "absent" || m.word == "ungated"
}

// loses says whether what is sent on a connection is lost; small: in small packets.
func (m manner) loses(small bool) bool {
	return m.word == "lost" && !(m.large && small) || m.swallowed()
}

// signsIn says whether the credentials are those of MS-SIPAE.
func (m manner) signsIn() bool { return m.word != "offer" && len(m.schemes) > 0 }

var (
	certKinds   = []string{"expired", "expiredcn", "ending", "notyet", "selfsigned", "untrusted", "inspected", "wrongname", "cnonly", "wildcard", "sha1", "wrongeku", "negserial", "oddname", "otherissuer", "oldissuer", "nosigner", "namesake", "appliance", "bare", "complete"}
	tlsVersions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
)

// behaviours are what a Registrar may do, with what reads the words that belong to the behaviour and returns the rest.
var behaviours = map[string]func(m *manner, words []string) (rest []string, err error){
	"accept": alone, "digest": alone, "lync": alone, "http": alone, "web": alone, "refuse": alone, "blackhole": alone, "absent": alone, "ungated": alone,
	"silent": helloToo, "reset": helloToo,
	"unreachable": func(m *manner, words []string) ([]string, error) {
		if len(words) > 0 && words[0] == "net" {
			m.net, words = true, words[1:]
		}
		return words, nil
	},
	"lost": func(m *manner, words []string) ([]string, error) {
		if len(words) > 0 && words[0] == "large" {
			m.hello, m.large, words = true, true, words[1:]
		}
		return helloToo(m, words)
	},
	"status": func(m *manner, words []string) ([]string, error) {
		if len(words) == 0 {
			return nil, errors.New("status: want a code")
		}
		var err error
		if m.code, err = strconv.Atoi(words[0]); err != nil || m.code < 100 || m.code > 699 {
			return nil, fmt.Errorf("status: want a code from 100 to 699, not %q", words[0])
		}
		return words[1:], nil
	},
	"redirect": func(m *manner, words []string) (rest []string, err error) {
		m.contacts, rest = span(words, func(w string) bool { return strings.HasPrefix(w, "sip:") || strings.HasPrefix(w, "sips:") })
		if len(m.contacts) == 0 {
			err = errors.New("redirect: want SIP URIs")
		}
		return rest, err
	},
	"offer": func(m *manner, words []string) (rest []string, err error) {
		m.schemes, rest = span(words, func(w string) bool { return w[0] >= 'A' && w[0] <= 'Z' })
		if len(m.schemes) == 0 {
			err = errors.New("offer: want names of schemes, such as Kerberos")
		}
		return rest, err
	},
}

func alone(_ *manner, words []string) ([]string, error) { return words, nil }

func helloToo(m *manner, words []string) ([]string, error) {
	if len(words) > 0 && words[0] == "hello" {
		m.hello, words = true, words[1:]
	}
	return words, nil
}

// mannerOptions are the options of all behaviours that answer, and of the connection.
var mannerOptions = options[manner]{
	"user":         text(func(m *manner) *string { return &m.user }),
	"password":     text(func(m *manner) *string { return &m.password }),
	"schemes":      list(func(m *manner) *[]string { return &m.schemes }),
	"algorithm":    {take: (*manner).takeAlgorithms},
	"basic":        flag(func(m *manner) *bool { return &m.basic }),
	"rival":        {take: (*manner).takeRival},
	"deaf":         flag(func(m *manner) *bool { return &m.deaf }),
	"half":         number(func(m *manner) *int { return &m.half }),
	"forbids":      flag(func(m *manner) *bool { return &m.forbids }),
	"stale":        flag(func(m *manner) *bool { return &m.stale }),
	"nonce-life":   duration(func(m *manner) *time.Duration { return &m.nonceLife }),
	"proxy":        flag(func(m *manner) *bool { return &m.proxy }),
	"sendroot":     flag(func(m *manner) *bool { return &m.sendRoot }),
	"clientcert":   flag(func(m *manner) *bool { return &m.clientCert }),
	"nopong":       flag(func(m *manner) *bool { return &m.nopong }),
	"pong":         {isFlag: true, take: func(m *manner, _ string) error { m.nopong = false; return nil }},
	"unlisted":     flag(func(m *manner) *bool { return &m.unlisted }),
	"expires":      number(func(m *manner) *int { return &m.expires }),
	"least":        number(func(m *manner) *int { return &m.least }),
	"retry-after":  text(func(m *manner) *string { return &m.retryAfter }),
	"pad":          number(func(m *manner) *int { return &m.pad }),
	"cut-after":    number(func(m *manner) *int { return &m.cutAfter }),
	"rate":         number(func(m *manner) *int { return &m.rate }),
	"mute-after":   number(func(m *manner) *int { return &m.muteAfter }),
	"delay":        duration(func(m *manner) *time.Duration { return &m.delay }),
	"rtt":          duration(func(m *manner) *time.Duration { return &m.rtt }),
	"clock":        duration(func(m *manner) *time.Duration { return &m.clock }),
	"idle":         duration(func(m *manner) *time.Duration { return &m.idle }),
	"diagnostics":  number(func(m *manner) *int { return &m.diagnostics }),
	"warning":      text(func(m *manner) *string { return &m.warning }),
	"autodiscover": text(func(m *manner) *string { return &m.autodiscover }),
	"edge":         flag(func(m *manner) *bool { return &m.edge }),
	"split":        flag(func(m *manner) *bool { return &m.split }),
	"upper":        flag(func(m *manner) *bool { return &m.upper }),
	"folded":       flag(func(m *manner) *bool { return &m.folded }),
	"icmp":         {take: (*manner).takeICMP},
	"tlsmax":       {take: (*manner).takeTLSMax},
	"cert":         {take: (*manner).takeCert},
	"sister":       {take: (*manner).takeSister},
	"home":         {take: func(m *manner, value string) error { m.contacts = homeContacts(value); return nil }},
	"version":      {take: (*manner).takeVersion},
	"noess":        flag(func(m *manner) *bool { return &m.noESS }),
	"salife":       duration(func(m *manner) *time.Duration { return &m.saLife }),
	"keepalive":    number(func(m *manner) *int { return &m.keepalive }),
	"backup":       flag(func(m *manner) *bool { return &m.backup }),
	"workstations": list(func(m *manner) *[]string { return &m.hosts }),
	"nosubscribe":  number(func(m *manner) *int { return &m.noSubs }),
	"nopiggyback":  flag(func(m *manner) *bool { return &m.apart }),
	"rspauth":      {take: (*manner).takeRspauth},

	"dsk-tls":     {take: (*manner).takeInnerTLS},
	"dsk-suites":  {take: (*manner).takeInnerSuites},
	"dsk-ecdsa":   flag(func(m *manner) *bool { return &m.dsk.ecdsa }),
	"dsk-sha2":    flag(func(m *manner) *bool { return &m.dsk.byPRF }),
	"dsk-cert":    {take: (*manner).takeInnerCert},
	"dsk-cas":     number(func(m *manner) *int { return &m.dsk.cas }),
	"dsk-pieces":  number(func(m *manner) *int { return &m.dsk.pieces }),
	"dsk-alert":   number(func(m *manner) *int { return &m.dsk.alert }),
	"dsk-alerts":  flag(func(m *manner) *bool { return &m.dsk.alerts }),
	"dsk-bare":    flag(func(m *manner) *bool { return &m.dsk.bare }),
	"dsk-openssl": {take: (*manner).takeOpenSSL},
	"dcdown":      flag(func(m *manner) *bool { return &m.dsk.noControllers }),

	"web":         text(func(m *manner) *string { return &m.web }),
	"services":    {take: (*manner).takeServices},
	"phone":       text(func(m *manner) *string { return &m.phone }),
	"pin":         text(func(m *manner) *string { return &m.pin }),
	"replication": duration(func(m *manner) *time.Duration { return &m.replication }),
	"life":        duration(func(m *manner) *time.Duration { return &m.life }),
	"spoils":      {take: (*manner).takeSpoils},
}

var algorithms = []string{"MD5", "SHA-256"}

func (m *manner) takeAlgorithms(value string) error {
	m.algorithms = strings.Split(value, ",")
	for _, a := range m.algorithms {
		if !slices.Contains(algorithms, a) {
			return Unknown("algorithm", a, algorithms)
		}
	}
	return nil
}

func (m *manner) takeICMP(value string) error {
	code, by, _ := strings.Cut(value, "@")
	number, err := strconv.ParseUint(code, 10, 8)
	if err != nil {
		return errors.New("want CODE@ADDRESS")
	}
	m.icmp = byte(number)
	m.router, err = netip.ParseAddr(by)
	return err
}

func (m *manner) takeTLSMax(value string) error {
	if m.tlsMax = tlsVersions[value]; m.tlsMax == 0 {
		return Unknown("version", value, slices.Collect(maps.Keys(tlsVersions)))
	}
	return nil
}

func (m *manner) takeCert(value string) error {
	if m.cert = value; !slices.Contains(certKinds, value) && !strings.HasPrefix(value, "san:") {
		return Unknown("kind of certificate", value, append(slices.Clone(certKinds), "san:NAME"))
	}
	return nil
}

func (m *manner) takeSister(value string) error {
	if m.sister = value; !slices.Contains(certKinds, value) && value != "good" {
		return Unknown("kind of certificate", value, append(slices.Clone(certKinds), "good"))
	}
	return nil
}

func (m *manner) takeInnerTLS(value string) error {
	if m.dsk.version = tlsVersions[value]; m.dsk.version == 0 {
		return Unknown("version", value, slices.Collect(maps.Keys(tlsVersions)))
	}
	return nil
}

func (m *manner) takeInnerSuites(value string) error {
	if m.dsk.suites = value; dskSuites[value] == nil {
		return Unknown("group of suites", value, slices.Collect(maps.Keys(dskSuites)))
	}
	return nil
}

func (m *manner) takeInnerCert(value string) error {
	if m.dsk.cert = value; !slices.Contains(certKinds, value) && !strings.HasPrefix(value, "san:") {
		return Unknown("kind of certificate", value, append(slices.Clone(certKinds), "san:NAME"))
	}
	return nil
}

func (m *manner) takeOpenSSL(value string) error {
	if m.dsk.openssl = value; opensslWords[value] == "" {
		return Unknown("word for OpenSSL", value, slices.Collect(maps.Keys(opensslWords)))
	}
	return nil
}

func (m *manner) takeVersion(value string) (err error) {
	if m.version, err = strconv.Atoi(value); err != nil || m.version < 2 || m.version > 4 {
		return errors.New("want a version from 2 to 4")
	}
	return nil
}

func (m *manner) takeRspauth(value string) error {
	if m.rspauth = value; value != "wrong" && value != "missing" {
		return errors.New("want wrong or missing")
	}
	return nil
}

func (m *manner) takeServices(value string) error {
	m.services = strings.Split(value, ",")
	for _, name := range m.services {
		if webPorts[name].name == "" {
			return Unknown("service", name, slices.Collect(maps.Keys(webPorts)))
		}
	}
	return nil
}

func (m *manner) takeSpoils(value string) error {
	if m.spoils = value; !slices.Contains(webSpoils, value) {
		return Unknown("fault of web services", value, webSpoils)
	}
	return nil
}

// parseManner reads the words of a Registrar's line from the behaviour on.
func parseManner(words []string) (manner, error) {
	if len(words) == 0 {
		return manner{}, errors.New("no behaviour given")
	}
	m := manner{word: words[0], expires: 600, algorithms: []string{"SHA-256"}, version: 4, keepalive: 300, life: webLife, services: []string{"negotiate", "ntlm", "password", "pin"}}
	m.nopong = m.word == "lync" // which takes keep-alives in silence
	takeWords := behaviours[m.word]
	if takeWords == nil {
		return m, fmt.Errorf("unknown behaviour %q (a name for the certificate has a dot): %s", m.word, hint(m.word, slices.Collect(maps.Keys(behaviours))))
	}
	words, err := takeWords(&m, words[1:])
	if err != nil {
		return m, err
	}
	if err := mannerOptions.takeAll(&m, words); err != nil {
		return m, err
	}
	return m, m.complete()
}

// complete adds what follows from the options, and checks that they go together.
func (m *manner) complete() error {
	if m.word == "lync" && m.user != "" && len(m.schemes) == 0 {
		m.schemes = []string{"NTLM", "Kerberos", "TLS-DSK"}
		if m.edge { // where no KDC can be reached
			m.schemes = []string{"NTLM", "TLS-DSK"}
		}
	}
	if m.dsk.openssl != "" && m.dsk.cas > 0 {
		return errors.New("dsk-openssl lists no authorities: leave dsk-cas= out")
	}
	if (m.user == "") != (m.password == "") || m.user == "" && (m.word == "digest" || m.signsIn()) {
		return fmt.Errorf("%s: want user= and password=", m.word)
	}
	return nil
}

// rivalWords say what becomes of the one binding of a user when another device asks for it.
var rivalWords = []string{"stays", "goes"}

func (m *manner) takeRival(value string) error {
	if m.rival = value; !slices.Contains(rivalWords, value) {
		return Unknown("word for the rival", value, rivalWords)
	}
	return nil
}

// homeContacts turn home= into the Contacts of a redirect: the primary and the backup.
func homeContacts(value string) (contacts []string) {
	for i, host := range strings.SplitN(value, ",", 2) {
		if !strings.Contains(host, ":") {
			host += ":5061"
		}
		contacts = append(contacts, "sip:"+host+";transport=TLS;q="+strconv.FormatFloat(0.7-0.4*float64(i), 'f', 1, 64))
	}
	return contacts
}

// disguise writes a header as few do, and all may (RFC 3261 sections 7.3.1 and 7.3.3).
func (m manner) disguise(line string) string {
	name, value, _ := strings.Cut(line, ": ")
	if m.upper {
		name = strings.ToUpper(name)
	}
	if m.folded {
		value = strings.ReplaceAll(value, ", ", ",\r\n\t")
	}
	return name + ": " + value
}
