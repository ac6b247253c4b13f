package trust

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// made is a certificate with its key.
type made struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certify makes a certificate that by signs; nil: it signs itself.
func certify(t *testing.T, by *made, name string, edit func(*x509.Certificate)) *made {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	edit(template)
	c := &made{key: newKey(t)}
	parent, key := template, c.key
	if by != nil {
		parent, key = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &c.key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if c.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c
}

// certifies edits the template of an authority.
func certifies(edits ...func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		for _, edit := range edits {
			edit(c)
		}
	}
}

// serves edits the template of a server.
func serves(edits ...func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		c.DNSNames, c.ExtKeyUsage = []string{"fe01.contoso.com"}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		for _, edit := range edits {
			edit(c)
		}
	}
}

func early(c *x509.Certificate)     { c.NotBefore = time.Now().Add(-48 * time.Hour) }
func over(c *x509.Certificate)      { c.NotAfter = time.Now().Add(-time.Hour) }
func yetToCome(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }
func nothing(*x509.Certificate)     {}

// Who is sent to trust a certificate that signs itself must not find next that it lacks the name.
func TestSelfSignedWithoutTheName(t *testing.T) {
	for name, edit := range map[string]func(*x509.Certificate){
		"no name":      func(c *x509.Certificate) { c.DNSNames = nil },
		"another name": func(c *x509.Certificate) { c.DNSNames = []string{"fe02.contoso.com"} },
	} {
		for want, by := range map[Problem]*made{SelfSigned: nil, Untrusted: certify(t, nil, "vendor", certifies())} { // the certificate an appliance comes with
			chain := []*x509.Certificate{certify(t, by, "leaf", serves(edit)).cert}
			var e *CertificateError
			if err := Prove("fe01.contoso.com", chain, &Settings{Roots: x509.NewCertPool()}); !errors.As(err, &e) || e.Problem != want || !e.Nameless {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// What is not valid now may be a stranger's, too: then it has another name, whichever certificate of it is over.
func TestMend257OverAndWithoutTheName(t *testing.T) {
	root := certify(t, nil, "root", certifies())
	settings := Settings{Roots: x509.NewCertPool()}
	settings.Roots.AddCert(root.cert)
	another := serves(func(c *x509.Certificate) { c.DNSNames = []string{"fe02.contoso.com"} })
	middle := certify(t, root, "middle", certifies(over))
	for of, chain := range map[string][]*x509.Certificate{
		"CN=leaf":   {certify(t, root, "leaf", serves(over, another)).cert},
		"CN=middle": {certify(t, middle, "leaf", another).cert, middle.cert},
	} {
		var e *CertificateError
		if err := Prove("fe01.contoso.com", chain, &settings); !errors.As(err, &e) || e.Problem != Expired || e.Of.Subject != of || !e.Nameless {
			t.Errorf("%s: %v", of, err)
		}
	}
}

// Names of Active Directory have domain components, those of small devices mail addresses: people read them as they write them.
func TestDistinguished(t *testing.T) {
	for want, name := range map[string]pkix.RDNSequence{
		"CN=Issuing CA,DC=contoso,DC=com": {
			{{Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}, Value: "com"}}, {{Type: asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}, Value: "contoso"}},
			{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "Issuing CA"}},
		},
		`CN=box+emailAddress=a\,b@contoso.com,O=Acme`: {
			{{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: "Acme"}},
			{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "a,b@contoso.com"}, {Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: "box"}},
		},
	} {
		raw, err := asn1.Marshal(name)
		if err != nil {
			t.Fatal(err)
		}
		var parsed pkix.Name
		parsed.FillFromRDNSequence(&name)
		if got := distinguished(raw, &parsed); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := distinguished([]byte{0x30}, &pkix.Name{CommonName: "cut"}); got != "CN=cut" {
		t.Errorf("cut: %s", got)
	}
}

// Each Problem, and the certificate of the chain that has it: by type, or by a look at the chain, never by a text.
func TestEachProblemAndItsCertificate(t *testing.T) {
	root := certify(t, nil, "root", certifies())
	middle := certify(t, root, "middle", certifies())
	leaf := certify(t, middle, "leaf", serves())
	issued := func(edit func(*x509.Certificate)) []*made { return []*made{certify(t, middle, "leaf", edit), middle} }
	under := func(edit func(*x509.Certificate)) []*made {
		between := certify(t, root, "middle", edit)
		return []*made{certify(t, between, "leaf", serves()), between}
	}
	odd := pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}
	explicit := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 36}, Critical: true, Value: []byte{0x30, 3, 0x80, 1, 0}} // requireExplicitPolicy 0
	other := certify(t, nil, "root", certifies())
	otherMiddle := certify(t, other, "middle", certifies())
	lone := certify(t, nil, "nobody", certifies())
	self := certify(t, nil, "leaf", serves())
	below := certify(t, middle, "below", certifies())
	belowMiddle := certify(t, below, "leaf", serves())
	plain := certify(t, nil, "plain", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
	clients := certify(t, nil, "clients", certifies(forClients))
	produced := map[Problem]bool{}
	for _, test := range []struct {
		name  string
		sent  []*made
		roots []*made // root, when there are none
		floor time.Duration
		err   error // in place of what the verification says
		want  Problem
		of    string
	}{
		{name: "nobody knows the authority", sent: []*made{certify(t, lone, "leaf", serves())}, want: Untrusted, of: "CN=leaf"},
		{name: "nobody knows the authority at the end", sent: []*made{certify(t, certify(t, lone, "middle", certifies()), "leaf", serves())}, want: Untrusted, of: "CN=leaf"},
		{name: "the intermediate is not sent", sent: []*made{leaf}, want: Untrusted, of: "CN=leaf"},
		{name: "an authority of that name", sent: []*made{certify(t, other, "leaf", serves())}, want: OtherKey, of: "CN=leaf"},
		{name: "an authority of that name at the end", sent: []*made{certify(t, otherMiddle, "leaf", serves()), otherMiddle}, want: OtherKey, of: "CN=middle"},
		{name: "an authority of that name, and it is sent", sent: []*made{certify(t, other, "leaf", serves()), other}, want: OtherKey, of: "CN=root"},
		{name: "another intermediate of that name", sent: []*made{leaf, otherMiddle}, want: WrongIssuer, of: "CN=leaf"},
		{name: "another authority's", sent: []*made{leaf, certify(t, root, "side", certifies())}, want: StrangeIssuer, of: "CN=leaf"},
		{name: "the root in place of the intermediate", sent: []*made{leaf, root}, want: StrangeIssuer, of: "CN=leaf"},
		{name: "another authority's above the first", sent: []*made{belowMiddle, below, lone}, want: StrangeIssuer, of: "CN=below"},
		{name: "its own twice", sent: []*made{leaf, leaf}, want: Untrusted, of: "CN=leaf"},
		{name: "nobody knows the authority, and more is sent than its chain", sent: []*made{certify(t, lone, "leaf", serves()), middle, lone}, want: Untrusted, of: "CN=nobody"},
		{name: "a root of that name that is younger", sent: []*made{certify(t, other, "leaf", serves(early))}, want: FormerRoot, of: "CN=leaf"},
		{name: "by itself", sent: []*made{self}, want: SelfSigned, of: "CN=leaf"},
		{name: "by itself, with a trusted name", sent: []*made{certify(t, nil, "root", serves())}, want: SelfSigned, of: "CN=root"},
		{name: "SHA-1", sent: []*made{certify(t, root, "leaf", serves(sha1))}, want: WeakSignature, of: "CN=leaf"},
		{name: "SHA-1 by an intermediate", sent: issued(serves(sha1)), want: WeakSignature, of: "CN=leaf"},
		{name: "SHA-1 in between", sent: under(certifies(sha1)), want: WeakSignature, of: "CN=middle"},
		{name: "SHA-1, and nobody knows the authority", sent: []*made{certify(t, lone, "leaf", serves(sha1))}, want: Untrusted, of: "CN=leaf"},
		{name: "an algorithm that is not known", sent: []*made{{cert: unknownAlgorithm(t, leaf.cert)}, middle}, want: UnknownSignature, of: "CN=leaf"},
		{name: "an algorithm that is not known, by a root", sent: []*made{{cert: unknownAlgorithm(t, certify(t, root, "leaf", serves()).cert)}}, want: UnknownSignature, of: "CN=leaf"},
		{name: "by a server", sent: under(serves()), want: NotAuthority, of: "CN=middle"},
		{name: "by an authority that may not sign", sent: under(certifies(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })), want: NotSigner, of: "CN=middle"},
		{name: "by a trusted certificate that is not one of an authority", sent: []*made{certify(t, plain, "leaf", serves())}, roots: []*made{plain}, want: NotAuthority, of: "CN=plain"},
		{name: "a trusted root for clients", sent: []*made{certify(t, clients, "leaf", serves())}, roots: []*made{clients}, want: Unusable, of: "CN=clients"},
		{name: "too many in between", sent: chainOf(t, certify(t, root, "middle", certifies(func(c *x509.Certificate) { c.MaxPathLenZero = true }))), want: TooManyIntermediates, of: "CN=middle"},
		{name: "a name that is not for this authority", sent: under(certifies(func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"fabrikam.com"} })), want: NameConstraint, of: "CN=middle"},
		{name: "a policy that is demanded", sent: under(certifies(func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{explicit} })), want: PolicyConstraint, of: "CN=middle"},
		{name: "a critical extension", sent: issued(serves(func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{odd} })), want: CriticalExtension, of: "CN=leaf"},
		{name: "a critical extension in between", sent: under(certifies(func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{odd} })), want: CriticalExtension, of: "CN=middle"},
		{name: "not for servers", sent: issued(serves(forClients)), want: Unusable, of: "CN=leaf"},
		{name: "not for servers in between", sent: under(certifies(forClients)), want: Unusable, of: "CN=middle"},
		{name: "for anything but servers in between", sent: under(certifies(forClients, forSomethingElse)), want: Unusable, of: "CN=middle"},
		{name: "not one", want: NoCertificate},
		{name: "over", sent: issued(serves(over)), want: Expired, of: "CN=leaf"},
		{name: "over in between", sent: under(certifies(over)), want: Expired, of: "CN=middle"},
		{name: "a root that is over", sent: []*made{leaf, middle}, roots: []*made{expiredTwin(t, root)}, want: Expired, of: "CN=root"},
		{name: "to come", sent: issued(serves(yetToCome)), want: NotYetValid, of: "CN=leaf"},
		{name: "to come in between", sent: under(certifies(yetToCome)), want: NotYetValid, of: "CN=middle"},
		{name: "to come in between, by a clock that is behind", sent: under(certifies(yetToCome)), floor: time.Minute, want: ClockWrong, of: "CN=middle"},
		{name: "another name", sent: issued(serves(func(c *x509.Certificate) { c.DNSNames = []string{"fe02.contoso.com"} })), want: WrongName, of: "CN=leaf"},
		{name: "no name", sent: issued(serves(func(c *x509.Certificate) { c.DNSNames = nil })), want: NoName, of: "CN=leaf"},
		{name: "no roots", sent: []*made{leaf}, err: x509.SystemRootsError{}, want: NoRoots, of: "CN=leaf"},
		{name: "a critical extension of a root", sent: []*made{leaf}, err: x509.UnhandledCriticalExtension{}, want: CriticalExtension, of: "CN=leaf"},
		{name: "policies that do not fit", sent: []*made{leaf}, err: x509.CertificateInvalidError{Reason: x509.NoValidChains}, want: Unproven, of: "CN=leaf"},
		{name: "anything else", sent: []*made{leaf}, err: errors.New("out of luck"), want: Unproven, of: "CN=leaf"},
	} {
		t.Run(test.name, func(t *testing.T) {
			settings := Settings{Roots: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
			for _, r := range append(test.roots, root)[:max(1, len(test.roots))] {
				settings.Roots.AddCert(r.cert)
				settings.Own = append(settings.Own, r.cert)
			}
			if test.floor != 0 {
				settings.Floor = time.Now().Add(test.floor)
			}
			var chain []*x509.Certificate
			for _, m := range test.sent {
				chain = append(chain, m.cert)
			}
			err := Prove("fe01.contoso.com", chain, &settings)
			if test.err != nil {
				err = describe("fe01.contoso.com", chain, settings, test.err)
			}
			var e *CertificateError
			if !errors.As(err, &e) {
				t.Fatalf("believed: %v", err)
			}
			produced[e.Problem] = true
			if e.Problem != test.want || e.Of.Subject != test.of {
				t.Errorf("got problem %d of %q, want %d of %q (%v)", e.Problem, e.Of.Subject, test.want, test.of, err)
			}
			if got := strings.Join(e.Extensions, " "); got != "" != (e.Problem == CriticalExtension && test.err == nil) || got != "" && (got != "1.2.3.4" || !strings.Contains(e.Error(), got)) {
				t.Errorf("the extension is %q (%v)", got, e)
			}
			if e.Nameless {
				t.Error("it has the name")
			}
			if len(e.Others) > 0 != (e.Problem == StrangeIssuer || e.Problem == WrongIssuer) {
				t.Errorf("stand in its place: %v", e.Others)
			}
			if len(chain) > 0 && e.Of.Leaf != (e.Of.Subject == chain[0].Subject.String()) {
				t.Errorf("that of the server: %t, of %q", e.Of.Leaf, e.Of.Subject)
			}
		})
	}
	for _, p := range Problems() {
		if !produced[p] && p != Unreadable { // which is none of a chain: TestMend03
			t.Errorf("no chain shows problem %d", p)
		}
	}
}

func sha1(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }

func forClients(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }

func forSomethingElse(c *x509.Certificate) {
	c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{1, 2, 3, 4}}
}

// unknownAlgorithm returns a certificate as crypto/x509 reads one whose signature algorithm it does not know.
func unknownAlgorithm(t *testing.T, c *x509.Certificate) *x509.Certificate {
	t.Helper()
	sha256 := []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02} // ecdsa-with-SHA256 (RFC 5758 section 3.2)
	der := slices.Clone(c.Raw)
	changed := 0
	for at := 0; at+len(sha256) <= len(der); at++ {
		if slices.Equal(der[at:at+len(sha256)], sha256) {
			der[at+len(sha256)-1] = 0x7f
			changed++
		}
	}
	odd, err := x509.ParseCertificate(der)
	if err != nil || changed != 2 {
		t.Fatalf("changed %d times: %v", changed, err)
	}
	return odd
}

// chainOf puts an intermediate more under one.
func chainOf(t *testing.T, above *made) []*made {
	t.Helper()
	below := certify(t, above, "below", certifies())
	return []*made{certify(t, below, "leaf", serves()), below, above}
}

// expiredTwin has the name and the key of an authority, and is over.
func expiredTwin(t *testing.T, of *made) *made {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: of.cert.Subject, NotBefore: time.Now().Add(-48 * time.Hour)}
	certifies(over)(template)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &of.key.PublicKey, of.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &made{cert, of.key}
}

// Where the site names no roots, those of the system count.
func TestRootsOfTheSystem(t *testing.T) {
	leaf := certify(t, certify(t, nil, "nobody's root", certifies()), "leaf", serves())
	err := Prove("fe01.contoso.com", []*x509.Certificate{leaf.cert}, &Settings{})
	var e *CertificateError
	if !errors.As(err, &e) || e.Problem != Untrusted && e.Problem != NoRoots {
		t.Errorf("got %v", err)
	}
}

// What is told of an authority names it, and does not pass for the server's own certificate.
func TestWhoseCertificateIsTold(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	for want, e := range map[string]CertificateError{
		"certificate of fe01.contoso.com ended 2026-03-01T00:00:00Z":                                                     {Problem: Expired, Of: Certificate{Leaf: true, Subject: "CN=fe01", NotAfter: at}},
		`certificate of the authority "CN=middle", on which that of fe01.contoso.com rests, ended 2026-03-01T00:00:00Z`:  {Problem: Expired, Of: Certificate{Subject: "CN=middle", NotAfter: at}},
		`certificate of the authority "CN=middle", on which that of fe01.contoso.com rests, begins 2026-03-01T00:00:00Z`: {Problem: NotYetValid, Of: Certificate{Subject: "CN=middle", NotBefore: at}},
	} {
		e.Host = "fe01.contoso.com"
		if got := e.Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// An alert that has no number any more would be one all the same, and closes plain TCP.
func TestAlertWithoutANumber(t *testing.T) {
	for _, test := range []struct {
		err   error
		is    bool
		alert uint8
	}{
		{&net.OpError{Op: "remote error", Err: tls.AlertError(70)}, true, 70},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: protocol version not supported")}, true, 0},
		{&net.OpError{Op: "remote error"}, true, 0},
		{&net.OpError{Op: "read", Err: tls.AlertError(70)}, false, 0},
		{errors.New("remote error: tls: protocol version not supported"), false, 0},
	} {
		e := Turned(&Met{}, test.err)
		if is := e != nil; is != test.is || is && (e.Alert != test.alert || !e.Spoken()) {
			t.Errorf("%v: got %+v", test.err, e)
		}
	}
}

// An alert says that the server wants a certificate only if it says so itself, or comes after it has asked for one.
func TestWhichAlertsWantACertificate(t *testing.T) {
	for _, test := range []struct {
		alert          uint8
		asked, unasked HandshakeKind // after the server has asked for a certificate; where it has not
	}{
		{116, WantsCertificate, WantsCertificate},
		{40, WantsCertificate, NoCipher},
		{42, WantsCertificate, AlertReceived},
		{70, NoVersion, NoVersion},
		{46, AlertReceived, AlertReceived},
		{80, AlertReceived, AlertReceived},
	} {
		err := &net.OpError{Op: "remote error", Err: tls.AlertError(test.alert)}
		asked, not := Turned(&Met{AsksCertificate: true}, err), Turned(&Met{}, err)
		if asked.Kind != test.asked || not.Kind != test.unasked {
			t.Errorf("alert %d: got kind %d, and %d where it has not asked; want %d and %d", test.alert, asked.Kind, not.Kind, test.asked, test.unasked)
		}
	}
}

// Each kind of HandshakeError, by what a server does: with the number of the alert, and who has sent it.
func TestEachKindOfHandshake(t *testing.T) {
	ours := newAuthority(t)
	good := ours.issue(t, nothing)
	roots := x509.NewCertPool()
	roots.AddCert(ours.cert)
	server := func(config *tls.Config) func(net.Conn) {
		config.Certificates = []tls.Certificate{good}
		return func(conn net.Conn) { _ = tls.Server(conn, config).Handshake() }
	}
	says := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = conn.Read(make([]byte, 16<<10))
			_, _ = conn.Write([]byte(text))
		}
	}
	stalls := func(text string) func(net.Conn) {
		return func(conn net.Conn) {
			says(text)(conn)
			_, _ = conn.Read(make([]byte, 1))
		}
	}
	produced := map[HandshakeKind]bool{}
	var stop context.CancelFunc // as if the time were over
	for name, test := range map[string]struct {
		serve    func(net.Conn)
		want     HandshakeKind
		alert    uint8
		received bool
	}{
		"an old server":                       {serve: server(&tls.Config{MaxVersion: tls.VersionTLS11}), want: NoVersion, alert: 70, received: true},
		"a server that takes an old version":  {serve: says("\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01" + string(make([]byte, 32)) + "\x00\x00\x2f\x00"), want: NoVersion, alert: 70},
		"a server without a cipher in common": {serve: server(&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}}), want: NoCipher, alert: 40, received: true},
		"a server that asks for certificates": {serve: demands(good), want: WantsCertificate, alert: 40, received: true},
		"an alert of a kind that is new":      {serve: says("\x15\x03\x03\x00\x02\x02\xfa"), want: AlertReceived, alert: 250, received: true},
		"a name it does not know":             {serve: says("\x15\x03\x03\x00\x02\x02\x70"), want: AlertReceived, alert: 112, received: true},
		"an untrusted certificate": {serve: func(conn net.Conn) {
			_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{newAuthority(t).issue(t, nothing)}}).Handshake()
		}, want: BadCertificate},
		"a handshake that is nonsense": {serve: says("\x16\x03\x03\x00\x05\x02\x00\x00\x01\x00"), want: HandshakeFailed, alert: 50},
		"a record of another version":  {serve: says("\x16\x03\x03\x00\x01\x02\x16\x09\x09\x00\x01\x00"), want: Cut},
		"a handshake that is cut":      {serve: says("\x16\x03\x03\x00\x40\x02"), want: Cut},
		"a handshake that stalls":      {serve: stalls("\x16\x03\x03"), want: Stalled},
		"nothing":                      {serve: func(conn net.Conn) { stop(); stalls("")(conn) }, want: Silent},
		"nothing, and the end":         {serve: says(""), want: HungUp},
		"an answer in clear text":      {serve: says("SIP/2.0 400 Bad Request\r\n\r\n"), want: NotTLS},
		"zeros":                        {serve: says("\x00\x16\x03\x03\x00\x40"), want: NotTLS},
	} {
		t.Run(name, func(t *testing.T) {
			var ctx context.Context
			ctx, stop = context.WithCancel(t.Context())
			defer stop()
			heard := func() {}
			if test.want == Stalled {
				heard = stop
			}
			err := meet(ctx, t, "fe01.contoso.com", Settings{Roots: roots, MinVersion: tls.VersionTLS12}, heard, test.serve)
			var e *HandshakeError
			if !errors.As(err, &e) {
				t.Fatalf("%v is no HandshakeError", err)
			}
			produced[e.Kind] = true
			if e.Kind != test.want || e.Alert != test.alert || e.Received != test.received {
				t.Errorf("got kind %d, alert %d, received %t, want %d, %d, %t (%v)", e.Kind, e.Alert, e.Received, test.want, test.alert, test.received, err)
			}
			if open := slices.Contains([]HandshakeKind{Silent, HungUp, NotTLS}, e.Kind); e.Spoken() == open {
				t.Errorf("kind %d: closes plain TCP: %t", e.Kind, e.Spoken())
			}
		})
	}
	for _, k := range HandshakeKinds() {
		if !produced[k] {
			t.Errorf("no server shows kind %d", k)
		}
	}
	for k := range 256 { // those to come, too
		if e := (&HandshakeError{Kind: HandshakeKind(k)}); !e.Spoken() && !slices.Contains([]HandshakeKind{Silent, HungUp, NotTLS}, e.Kind) {
			t.Errorf("kind %d leaves plain TCP open", k)
		}
	}
}

// An authority that names anything its certificates may be for, or not, is limited by that; a server's own certificate limits
// nobody.
func TestWhichAuthoritiesLimitNames(t *testing.T) {
	network := []*net.IPNet{{IP: net.IPv4(10, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)}}
	name := []string{"contoso.com"}
	for i, c := range []x509.Certificate{
		{PermittedDNSDomains: name}, {ExcludedDNSDomains: name}, {PermittedIPRanges: network}, {ExcludedIPRanges: network},
		{PermittedEmailAddresses: name}, {ExcludedEmailAddresses: name}, {PermittedURIDomains: name}, {ExcludedURIDomains: name},
	} {
		if constrains(&c) {
			t.Errorf("%d: no authority limits names", i)
		}
		if c.IsCA = true; !constrains(&c) {
			t.Errorf("%d: an authority does not limit names", i)
		}
	}
	if constrains(&x509.Certificate{IsCA: true}) {
		t.Error("an authority that says nothing limits names")
	}
}
