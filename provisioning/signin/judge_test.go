package signin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"homeward/internal/golden"
	"homeward/internal/sip"
	"homeward/internal/trust"
	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// Every kind of error of the leaves is a fault of the catalogue, and what a tech reads of it is in testdata/faults.golden:
// the kind, the fault, the Reason, the sentence, and what to do. docs/faults.md is made from it.
func TestJudge(t *testing.T) {
	var b strings.Builder
	c := provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}}
	for _, row := range judged() {
		trouble := Judge(row.err, &c, netip.MustParseAddr("10.0.0.5"))
		trouble.Facts["now"] = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
		id := "(none)"
		if !trouble.None() {
			id = string(trouble.Fault)
		}
		fmt.Fprintf(&b, "%s: %s (%s, %s)\n\t%s\n\t%s\n", row.name, id, trouble.Reason(), trouble.OnSide(), trouble.What(), trouble.Do())
		for _, cure := range trouble.Otherwise() {
			fmt.Fprintf(&b, "\t- %s\n", cure)
		}
	}
	inBand := unreadable(c.Host, "some words")
	fmt.Fprintf(&b, "told in band, unreadable: %s (%s, %s)\n\t%s\n\t%s\n", string(inBand.Fault), inBand.Reason(), inBand.OnSide(), inBand.What(), inBand.Hint())
	const file = "testdata/faults.golden"
	golden.Compare(t, file, []byte(b.String()))
	said := regexp.MustCompile(`trust_pins = \["sha256:[0-9a-f]{64}"\]`).ReplaceAllString(b.String(), "")
	if strings.ContainsAny(said, "{}[]|") || strings.Contains(b.String(), "(not known)") {
		t.Error("a fact is missing, or a bracket is left over")
	}
}

type judgedError struct {
	name string
	err  error
}

// judged are errors of every kind, at the stage at which they are met.
func judged() (all []judgedError) {
	dated := func(at time.Time) trust.Certificate {
		return trust.Certificate{Leaf: true, Subject: "CN=fe01.contoso.com", Issuer: "CN=Contoso Issuing CA", NotBefore: at, NotAfter: at, Signature: "SHA1-RSA"}
	}
	met := trust.Met{Shown: trust.Shown{Issuer: "CN=Contoso Issuing CA", LeadsTo: "CN=Contoso Root CA"}}
	add := func(name string, s stage, err error) {
		all = append(all, judgedError{name, &attemptError{stage: s, err: err, met: met}})
	}
	day := time.Date(2026, 11, 18, 0, 0, 0, 0, time.UTC)
	for _, errno := range []syscall.Errno{syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.ETIMEDOUT, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EACCES, syscall.EPERM, syscall.EMFILE} {
		add("connect, "+errno.Error(), connecting, os.NewSyscallError("connect", errno))
	}
	add("connect, deadline", connecting, context.DeadlineExceeded)
	for _, way := range []error{context.DeadlineExceeded, os.NewSyscallError("connect", syscall.EHOSTUNREACH), os.NewSyscallError("connect", syscall.ECONNREFUSED)} {
		all = append(all, judgedError{"connect, gateway missing", &attemptError{stage: connecting, err: way, gateway: netip.MustParseAddr("10.9.0.1")}})
	}
	sent := []trust.Seen{{Subject: "CN=fe01.contoso.com", Fingerprint: "sha256:" + strings.Repeat("1", 64)}, {Subject: "CN=Contoso Root CA", Fingerprint: "sha256:" + strings.Repeat("2", 64)}}
	former := &trust.Certificate{Subject: "CN=Contoso Root CA", NotBefore: day.AddDate(0, 1, 0), Key: "a1a1"}
	signed := dated(day)
	signed.IssuerKey = "b2b2"
	authority, root := signed, dated(day)
	authority.Leaf, authority.Subject = false, "CN=Contoso Issuing CA"
	root.Leaf, root.Root, root.Subject = false, true, "CN=Contoso Root CA"
	now := day.AddDate(0, 0, 1)
	others := []*trust.Certificate{{Subject: "CN=Contoso Issuing CA 1", Authority: true, NotAfter: day.AddDate(1, 0, 0)}, {Subject: "CN=sip.contoso.com"}, {Subject: "CN=Old CA", Authority: true, NotAfter: day}, {Subject: "CN=A root", Issuer: "CN=A root", Authority: true, NotAfter: day.AddDate(1, 0, 0)}}
	for _, p := range trust.Problems() {
		add(fmt.Sprintf("certificate, %d", p), handshaking, &trust.CertificateError{Host: "fe01.contoso.com", Problem: p, Of: dated(day), Names: []string{"pool01.contoso.com"}, Extensions: []string{"1.2.3.4", "1.3.6.1.4.1.311.21.10"}, Err: errors.New("some words"), Sent: sent, Others: others[:1], Above: former})
	}
	for _, p := range []trust.Problem{trust.Expired, trust.NotYetValid, trust.WeakSignature, trust.UnknownSignature, trust.WrongIssuer, trust.CriticalExtension, trust.Unusable, trust.NameConstraint} {
		of := dated(day)
		of.Leaf, of.Subject = false, "CN=Contoso Issuing CA"
		add(fmt.Sprintf("certificate of an authority, %d", p), handshaking, &trust.CertificateError{Host: "fe01.contoso.com", Problem: p, Of: of, Names: []string{"pool01.contoso.com"}, Extensions: []string{"1.2.3.4"}, Err: errors.New("some words")})
	}
	add("certificate of another issuer", handshaking, &trust.CertificateError{Problem: trust.StrangeIssuer, Of: signed, Others: others, Now: now})
	add("certificate of another issuer above an authority", handshaking, &trust.CertificateError{Problem: trust.StrangeIssuer, Of: authority, Others: others[:1], Now: now})
	add("certificate of the issuer, with another key", handshaking, &trust.CertificateError{Problem: trust.WrongIssuer, Of: signed, Others: []*trust.Certificate{{Key: "a1a1"}}})
	add("certificate, a root of that name, whose key is known", handshaking, &trust.CertificateError{Problem: trust.OtherKey, Of: signed, Above: former})
	add("certificate, a root of that name that is younger", handshaking, &trust.CertificateError{Problem: trust.FormerRoot, Of: signed, Above: former})
	add("certificate of an authority, a root of that name that is younger", handshaking, &trust.CertificateError{Problem: trust.FormerRoot, Of: authority, Above: former})
	add("certificate of a root, expired", handshaking, &trust.CertificateError{Problem: trust.Expired, Of: root, Sent: append(sent[:1:1], trust.Seen{Subject: "CN=Contoso Issuing CA"}, sent[1])})
	add("certificate of a root, not one of an authority", handshaking, &trust.CertificateError{Problem: trust.NotAuthority, Of: root})
	add("certificate of a root that may not sign", handshaking, &trust.CertificateError{Problem: trust.NotSigner, Of: root})
	add("certificate of an authority, expired, and not known", handshaking, &trust.CertificateError{Problem: trust.Expired, Of: authority, Unknown: true})
	add("certificate, unknown and nameless", handshaking, &trust.CertificateError{Problem: trust.Untrusted, Nameless: true, Names: []string{"appliance.example.net"}})
	add("certificate, self-signed and nameless", handshaking, &trust.CertificateError{Problem: trust.SelfSigned, Nameless: true, Err: errors.New("some words")})
	for _, name := range []string{"fe01.contoso.com.", "https://fe01.contoso.com/", "sip:fe01.contoso.com", " fe01.contoso.com", "fe01.contoso.com:5061"} {
		add(fmt.Sprintf("certificate, name as %q", name), handshaking, &trust.CertificateError{Host: "fe01.contoso.com", Problem: trust.WrongName, Of: dated(day), Names: []string{"pool01.contoso.com", name}, Err: errors.New("some words")})
	}
	add("a password that is withheld", registering, &withheldError{"sha256:" + strings.Repeat("0", 64), errors.New("no password is configured")})
	met.LeadsTo = met.Issuer
	met.Sent = 2
	add("certificate, no intermediate, its own twice", handshaking, &trust.CertificateError{Problem: trust.Untrusted, Err: errors.New("some words"), Sent: sent[:1]})
	met.Sent = 3
	add("certificate, no intermediate, its own three times", handshaking, &trust.CertificateError{Problem: trust.Untrusted, Err: errors.New("some words"), Sent: sent[:1]})
	met.Sent = 1
	add("certificate, no intermediate", handshaking, &trust.CertificateError{Problem: trust.Untrusted, Err: errors.New("some words"), Sent: sent[:1]})
	for _, k := range trust.HandshakeKinds() {
		add(fmt.Sprintf("handshake, %d", k), handshaking, &trust.HandshakeError{Kind: k, Alert: 80, Received: true, Err: errors.New("some words")})
	}
	add("handshake, the name is not known", handshaking, &trust.HandshakeError{Kind: trust.AlertReceived, Alert: 112, Received: true, Err: errors.New("some words")})
	add("handshake, first bytes of text", handshaking, &trust.HandshakeError{Kind: trust.NotTLS, First: []byte("SSH-2.0-OpenSSH_9.2p1\r\n"), Err: errors.New("some words")})
	add("handshake, first bytes", handshaking, &trust.HandshakeError{Kind: trust.NotTLS, First: []byte("\x00\x01\x02\xff"), Err: errors.New("some words")})
	for _, loss := range []wire.Loss{wire.Acknowledged, wire.SentUnacknowledged, wire.ReceivedGap, wire.LargeLost} {
		all = append(all, judgedError{fmt.Sprintf("handshake, lost %d", loss), &attemptError{stage: handshaking, err: &trust.HandshakeError{Kind: trust.Silent, Err: errors.New("some words")}, loss: loss}})
	}
	for _, k := range []trust.HandshakeKind{trust.Stalled, trust.Silent} {
		all = append(all, judgedError{fmt.Sprintf("handshake in small packets, too, %d", k), &attemptError{stage: handshaking, err: &trust.HandshakeError{Kind: k, Err: errors.New("some words")}, small: true}},
			judgedError{fmt.Sprintf("handshake in small packets, too, never acknowledged, %d", k), &attemptError{stage: handshaking, err: &trust.HandshakeError{Kind: k, Err: errors.New("some words")}, small: true, loss: wire.SentUnacknowledged}})
	}
	for _, loss := range []wire.Loss{wire.Acknowledged, wire.SentUnacknowledged} {
		for _, near := range []bool{false, true} {
			all = append(all, judgedError{fmt.Sprintf("no answer to SIP, lost %d, near %t", loss, near), &attemptError{stage: registering, err: &sip.SilenceError{Kind: sip.ToRequest, Method: "REGISTER", After: 4 * time.Second}, loss: loss, near: near}})
		}
	}
	all = append(all,
		judgedError{"connect, deadline, and the host is there", &attemptError{stage: connecting, err: context.DeadlineExceeded, near: true, there: true}},
		judgedError{"connect, no default route", &attemptError{stage: connecting, err: syscall.ENETUNREACH, noRoute: true}},
		judgedError{"connect, a router says so", &attemptError{stage: connecting, err: syscall.ENETUNREACH, hop: netip.MustParseAddr("10.0.0.1")}},
		judgedError{"connect, refused nearby", &attemptError{stage: connecting, err: syscall.ECONNREFUSED, near: true}},
		judgedError{"handshake, hung up nearby", &attemptError{stage: handshaking, err: &trust.HandshakeError{Kind: trust.HungUp, Err: io.EOF}, near: true}},
		judgedError{"handshake dropped nearby", &attemptError{stage: handshaking, err: &trust.HandshakeError{Kind: trust.Silent, Err: io.EOF}, near: true, small: true, loss: wire.SentUnacknowledged}},
		judgedError{"cut after TLS nearby", &attemptError{stage: registering, met: trust.Met{Shown: trust.Shown{Version: "TLS 1.3"}}, err: io.EOF, near: true}},
		judgedError{"cut nearby", &attemptError{stage: registering, err: io.EOF, near: true}},
		judgedError{"certificate, no intermediate, and roots of the site", &attemptError{stage: handshaking, err: &trust.CertificateError{Problem: trust.Untrusted, Err: errors.New("some words")}, met: met, rooted: true}},
		judgedError{"certificate of a root in a file, expired", &attemptError{stage: handshaking, err: &trust.CertificateError{Problem: trust.Expired, Of: root, Own: 1, Sent: sent[:1]}, file: "/etc/homeward/site-root.pem"}},
		judgedError{"certificate of a root in a file, expired, by a synchronized clock", &attemptError{stage: handshaking, err: &trust.CertificateError{Problem: trust.Expired, Of: root, Own: 1, Sent: sent[:1]}, file: "/etc/homeward/site-root.pem", kept: true}},
		judgedError{"certificate not yet valid, by a synchronized clock", &attemptError{stage: handshaking, err: &trust.CertificateError{Problem: trust.NotYetValid, Of: trust.Certificate{Leaf: true, Subject: "CN=fe01.contoso.com", NotBefore: day, NotAfter: day}, Now: day}, met: met, kept: true}},
	)
	add("handshake, the server asks for another", registering, &sip.ConnectionError{Kind: sip.ReadFailed, Err: &net.OpError{Op: "local error", Err: tls.AlertError(100)}})
	all = append(all, judgedError{"cut after TLS", &attemptError{stage: registering, met: trust.Met{Shown: trust.Shown{Version: "TLS 1.3"}}, err: io.EOF}})
	add("handshake, deadline", handshaking, context.DeadlineExceeded)
	add("handshake, cut", handshaking, io.EOF)
	add("certificate demanded, perhaps", registering, &trust.HandshakeError{Kind: trust.WantsCertificate, Err: io.EOF})
	all = append(all, judgedError{"asked for a certificate, then cut", &attemptError{stage: registering, met: trust.Met{AsksCertificate: true}, err: io.EOF}})
	return append(all, judgedSIP()...)
}

func judgedSIP() (all []judgedError) {
	add := func(name string, err error) {
		all = append(all, judgedError{name, &attemptError{stage: registering, err: err}})
	}
	for _, k := range sip.AuthKinds() {
		add(fmt.Sprintf("auth, %d", k), &sip.AuthError{Kind: k, Offered: []string{"Digest MD5"}, Problem: "some words"})
	}
	for _, k := range sip.CertificateKinds() {
		add(fmt.Sprintf("certificate of the device, %d", k), &sip.CertificateError{Kind: k, Err: errors.New("some words"), Status: &sip.StatusError{Code: 401, Phrase: "Unauthorized"}, Subject: "phone1@contoso.com", Target: "fe01.contoso.local", Ends: time.Date(2026, 6, 29, 0, 0, 0, 0, time.UTC)})
	}
	for _, k := range sip.MalformedKinds() {
		add(fmt.Sprintf("malformed, %d", k), &sip.MalformedError{Kind: k, Begins: "HTTP/1.1 400 Bad Request", Problem: "some words"})
	}
	for _, k := range sip.SilenceKinds() {
		add(fmt.Sprintf("silence, %d", k), &sip.SilenceError{Kind: k, Method: "REGISTER", After: 4 * time.Second})
	}
	for i, name := range []string{"the proof", "a handshake", "the same request"} {
		before := sip.Answered{Method: "REGISTER", With: []string{"401 Unauthorized", "401 Unauthorized", "100 Trying"}[i], Proof: i == 0, Same: i == 2}
		for _, loss := range []wire.Loss{wire.NoLoss, wire.Acknowledged, wire.SentUnacknowledged} {
			all = append(all, judgedError{fmt.Sprintf("answered, and then not: %s, lost %d", name, loss), &attemptError{
				stage: registering, loss: loss, err: &sip.SilenceError{Kind: sip.ToRequest, Method: "REGISTER", After: 4 * time.Second, Answered: &before},
			}})
		}
		for _, near := range []bool{false, true} {
			all = append(all, judgedError{fmt.Sprintf("answered, and then cut: %s, near %t", name, near), &attemptError{
				stage: registering, near: near, met: trust.Met{AsksCertificate: true}, err: &sip.ConnectionError{Kind: sip.HungUp, Err: io.EOF, Answered: &before},
			}})
		}
	}
	add("silence, and an answer to something else", &sip.SilenceError{Kind: sip.ToRequest, Method: "REGISTER", After: 4 * time.Second, Strange: "SIP/2.0 200 OK", Differs: "the branch of its Via"})
	for _, k := range sip.SignatureKinds() {
		add(fmt.Sprintf("signature, %d", k), &sip.SignatureError{Kind: k, Begins: "SIP/2.0 200 OK", Scheme: "NTLM", Target: "fe01"})
	}
	for _, k := range sip.LostKinds() {
		add(fmt.Sprintf("lost, %d", k), &sip.LostError{Kind: k, Code: 200, Action: "added"})
	}
	for _, k := range sip.ConnectionKinds() {
		add(fmt.Sprintf("connection, %d", k), &sip.ConnectionError{Kind: k, Err: errors.New("some words")})
	}
	for _, code := range []int{302, 380, 400, 403, 404, 408, 421, 423, 439, 477, 480, 494, 500, 503, 600, 604} {
		add(fmt.Sprintf("status %d", code), &sip.StatusError{Code: code, Phrase: "Some Words", Warnings: []sip.Warning{{Code: 399, Text: "more words"}}, Fields: []sip.Field{{Name: "Require", Value: "outbound"}}})
	}
	add("status 423 that names an interval", &sip.StatusError{Code: 423, Phrase: "Interval Too Brief", Fields: []sip.Field{{Name: "Min-Expires", Value: "1000000"}}})
	shown := &sip.Shown{Address: "10.0.0.50", UserAgent: "homeward/1.0", AOR: "sip:phone1@contoso.com"}
	for _, code := range []int{403, 404, 405, 480, 488, 501, 603} {
		add(fmt.Sprintf("status %d before any challenge", code), &sip.StatusError{Code: code, Phrase: "Some Words", Unasked: shown})
	}
	for _, words := range []string{"User-Agent not allowed", "IP not in ACL", "TLS only", "Domain not served", "Unknown user", "User not allowed from this network", "Wrong password from IP 10.0.0.9"} {
		add("status 403, "+words+", before any challenge", &sip.StatusError{Code: 403, Phrase: "Forbidden", Unasked: shown, Warnings: []sip.Warning{{Code: 399, Text: words}}})
		add("status 403, "+words+", to a digest", &sip.StatusError{Code: 403, Phrase: "Forbidden", Scheme: "digest", User: "phone1", Warnings: []sip.Warning{{Code: 399, Text: words}}})
	}
	add("status 403, IP not in ACL, after NTLM", &sip.StatusError{Code: 403, Phrase: "IP not in ACL", Accepted: "ntlm", User: "phone1"})
	add("status 403 to a digest", &sip.StatusError{Code: 403, Phrase: "Forbidden", Scheme: "digest", User: "phone1"})
	add("status 403, too many bindings", &sip.StatusError{Code: 403, Phrase: "Forbidden", Problem: "Too many registered contacts"})
	for _, id := range provisioning.DiagnosticsIDs() {
		add(fmt.Sprintf("ms-diagnostics %d", id), &sip.StatusError{Code: 500, Phrase: "Some Words", Diagnostics: []sip.Diagnostic{{ID: id, Reason: "their words"}}})
	}
	for _, scheme := range []string{"digest", "ntlm"} {
		for _, user := range []string{"phone1", `CONTOSO\phone1`} {
			add(fmt.Sprintf("credentials, %s, %s", scheme, user), &sip.CredentialsError{Scheme: scheme, Realm: "contoso.com", Status: &sip.StatusError{Code: 401, Phrase: "Unauthorized", User: user}})
		}
	}
	for _, k := range sip.SilenceKinds() {
		all = append(all, judgedError{fmt.Sprintf("a registration has ended, silence, %d", k), &sip.SilenceError{Kind: k}})
	}
	all = append(all, judgedError{"a registration has ended, the path has died", os.NewSyscallError("read", syscall.ETIMEDOUT)})
	add("something else", errors.New("some words"))
	return all
}

// TestMend129SideOfARoot: whether a root of a known name, or one on this device that may not sign, is a matter of the site or of somebody else, the
// device cannot know; and nobody is told to trust a root before its fingerprint has been compared.
func TestMend129SideOfARoot(t *testing.T) {
	for _, of := range []trust.CertificateError{{Problem: trust.OtherKey}, {Problem: trust.NotSigner, Of: trust.Certificate{Subject: "CN=Contoso Root CA", Root: true}}} {
		got := Judge(&attemptError{stage: handshaking, err: &of}, &provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe01", Port: 5061}}, netip.Addr{})
		if got.OnSide() != "" || !strings.Contains(got.Do(), ", not over this network") {
			t.Errorf("%s: side %q: %s", got.Fault, got.OnSide(), got.Do())
		}
	}
	intermediate := &trust.CertificateError{Problem: trust.NotSigner, Of: trust.Certificate{Subject: "CN=Contoso Issuing CA"}}
	if got := Judge(&attemptError{stage: handshaking, err: intermediate}, &provisioning.Candidate{}, netip.Addr{}); got.OnSide() != provisioning.SideRegistrar {
		t.Errorf("one that the server sends: side %q", got.OnSide())
	}
}

// A certificate for another name, of an authority that is not known: it is said who has issued it, and not who has issued one above it.
func TestMend101IssuedByWhom(t *testing.T) {
	for _, p := range []trust.Problem{trust.Untrusted, trust.OtherKey, trust.WrongIssuer, trust.StrangeIssuer, trust.FormerRoot} {
		e := &trust.CertificateError{Problem: p, Of: trust.Certificate{Subject: "CN=Line CA", Issuer: "CN=Vendor CA"}, Nameless: true, Names: []string{"box.example.net"}, Above: &trust.Certificate{}}
		got := Judge(&attemptError{stage: handshaking, err: e, met: trust.Met{Shown: trust.Shown{Issuer: "CN=Line CA", LeadsTo: "CN=Vendor CA"}}}, &provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe01", Port: 5061}}, netip.Addr{})
		const want = "the certificate of fe01:5061, issued by CN=Line CA, leads to no root that this device trusts, and it is not for fe01 either, but for box.example.net"
		if got.Fault != provisioning.FaultStrangerNameless || got.What() != want {
			t.Errorf("problem %d: %s: %s", p, got.Fault, got.What())
		}
	}
}

// A registration whose connection ends since no packet gets through is not lost by the Registrar.
func TestMend171TheWayIsLost(t *testing.T) {
	broken := func(err error) error {
		return fmt.Errorf("%w: %w", sip.ErrBindingLost, &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", err)})
	}
	for err, want := range map[error]provisioning.Reason{
		syscall.ENETUNREACH: provisioning.ConnectUnreachable, syscall.EHOSTUNREACH: provisioning.ConnectUnreachable,
		syscall.ECONNRESET: provisioning.ConnectReset, syscall.ECONNABORTED: provisioning.Unknown,
	} {
		if got := ReasonOf(broken(err)); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

// A root in a file of this device that has expired is replaced there, whoever knows that the clock is right.
func TestMend212TheRootInAFile(t *testing.T) {
	const file = "/etc/homeward/site-root.pem"
	g := gate{policy: provisioning.Policy{RootFiles: []string{"/etc/homeward/other.pem", file}}}
	expired := &trust.CertificateError{Problem: trust.Expired, Of: trust.Certificate{Subject: "CN=Contoso Root CA", Root: true}, Own: 2}
	for _, kept := range []bool{false, true} {
		err := &attemptError{stage: handshaking, err: expired, file: g.fileOf(expired), kept: kept}
		trouble := Judge(err, &provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061}}, netip.Addr{})
		timed := provisioning.Timed(trouble, "agrees with time.contoso.com")
		if want := "replace this root in " + file; !strings.Contains(trouble.Do(), want) || !strings.HasPrefix(timed.Do(), want) || len(trouble.Do()) > 200 {
			t.Errorf("kept %t: %q, then %q; want %q", kept, trouble.Do(), timed.Do(), want)
		}
		if trouble.OnSide() != provisioning.SideDevice || timed.OnSide() != provisioning.SideDevice {
			t.Errorf("kept %t: side %q, then %q", kept, trouble.OnSide(), timed.OnSide())
		}
	}
	if other := g.fileOf(&trust.CertificateError{Of: trust.Certificate{Root: true}}); other != "" {
		t.Errorf("a root of the system is in %s", other)
	}
}

// TestMend257WhoMayBeAnybody: whether whoever was met has proven to be a Registrar depends on how it was met, and on nothing else.
func TestMend257WhoMayBeAnybody(t *testing.T) {
	tls, tcp := provisioning.TLS, provisioning.TCP
	handshake := func(k trust.HandshakeKind) error { return &trust.HandshakeError{Kind: k, Err: io.EOF} }
	shown := func(p trust.Problem, nameless bool) error {
		return &trust.CertificateError{Host: "fe01.contoso.com", Problem: p, Of: trust.Certificate{Leaf: true}, Nameless: nameless}
	}
	silent, challenged := &sip.SilenceError{Method: "REGISTER"}, &sip.SilenceError{Method: "REGISTER", Answered: &sip.Answered{Method: "REGISTER"}}
	for name, row := range map[string]struct {
		over    provisioning.Transport
		at      stage
		err     error
		anybody bool
	}{
		"expired, and for this name":              {tls, handshaking, shown(trust.Expired, false), false},
		"expired, and for another one, or none":   {tls, handshaking, shown(trust.Expired, true), true},
		"not valid yet, and for none":             {tls, handshaking, shown(trust.NotYetValid, true), true},
		"expired above one for another name":      {tls, handshaking, &trust.CertificateError{Problem: trust.Expired, Of: trust.Certificate{Subject: "CN=Vendor CA"}, Nameless: true}, true},
		"for another name":                        {tls, handshaking, shown(trust.WrongName, false), true},
		"of no authority of the site":             {tls, handshaking, shown(trust.Untrusted, false), true},
		"no TLS":                                  {tls, handshaking, handshake(trust.NotTLS), true},
		"no answer to the handshake":              {tls, handshaking, handshake(trust.Silent), true},
		"asks for a certificate of this device":   {tls, handshaking, handshake(trust.WantsCertificate), false},
		"no SIP over TLS":                         {tls, registering, silent, false},
		"no SIP over TCP":                         {tcp, registering, silent, true},
		"none any more after an answer, over TCP": {tcp, registering, challenged, false},
		"another protocol over TLS":               {tls, registering, &sip.MalformedError{Kind: sip.NotSIP}, false},
		"another protocol over TCP":               {tcp, registering, &sip.MalformedError{Kind: sip.NotSIP}, true},
		"refuses in SIP over TCP":                 {tcp, registering, &sip.StatusError{Code: 403}, false},
		"refuses the connection":                  {tls, connecting, syscall.ECONNREFUSED, false}, // nobody was met
	} {
		c := provisioning.Candidate{Endpoint: provisioning.Endpoint{Host: "fe01.contoso.com", Port: 5061, Transport: row.over}}
		got := Judge(&attemptError{stage: row.at, err: row.err}, &c, netip.Addr{})
		if anybody := got.Facts["unproven"] != nil; anybody != row.anybody {
			t.Errorf("%s: %t, want %t (%s)", name, anybody, row.anybody, got.Fault)
		}
	}
}
