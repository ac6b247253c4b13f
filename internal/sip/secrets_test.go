package sip

import (
	"bytes"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/md4"

	"homeward/internal/secret"
)

// printed is a thing in all the ways in which things are printed.
func printed(thing any) string {
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "thing", thing)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "thing", thing)
	marshalled, _ := json.Marshal(thing) // what cannot be marshalled shows nothing
	b.Write(marshalled)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T %[1]v"} {
		fmt.Fprintf(&b, verb+"\n", thing)
	}
	return strings.ToLower(b.String())
}

// mustHide fails for each secret that one of the things shows: as it is, in hexadecimal, or as a list of octets.
func mustHide(t *testing.T, secrets [][]byte, things ...any) {
	t.Helper()
	for _, thing := range things {
		shown := printed(thing)
		for _, secret := range secrets {
			octets := strings.Trim(fmt.Sprint(secret), "[]")
			for _, form := range []string{string(secret), hex.EncodeToString(secret), octets, strings.ReplaceAll(octets, " ", ", ")} {
				if strings.Contains(shown, strings.ToLower(form)) {
					t.Errorf("%T shows %q: %s", thing, form, shown)
				}
			}
		}
	}
}

// However anything here is printed, the password is not in it.
func TestSecretsStaySecret(t *testing.T) {
	const canary = "canary-secret"
	ours, theirs := net.Pipe()
	defer theirs.Close()
	s := NewSession(ours, true, phone)
	asked := &message{code: 401}
	asked.add("WWW-Authenticate", `Digest realm="r", nonce="n"`)
	if _, err := s.talk.auth.challenged(asked, false); err != nil {
		t.Fatal(err)
	}
	m := s.binding.register("0")
	if err := s.talk.auth.sign(m); err != nil {
		t.Fatal(err)
	}
	d := s.talk.auth.askers[0].scheme.(*digestScheme)
	mustHide(t, [][]byte{[]byte(canary)}, secret.Secret(canary), phone, &phone, []Account{phone}, map[string]secret.Secret{"x": canary}, struct{ P *secret.Secret }{new(secret.Secret)}, s, *s.talk, *s.talk.auth, *s.our, *s.binding, *s.settings,
		*d, d, m, s.talk.auth.askers, &CredentialsError{Status: &StatusError{}}, fmt.Errorf("register %v", phone))
	if got := secret.Secret(canary).String() + string(secret.Secret(canary)); got != "[redacted]"+canary {
		t.Errorf("String() + conversion = %q", got)
	}
	if got := secret.Secret(canary).Reveal(); got != canary {
		t.Errorf("Reveal() = %q", got)
	}
}

// Neither are its hashes, the keys made of them, and what an MRAS gives for relays.
func TestKeysStaySecret(t *testing.T) {
	l := &pool{version: 4}
	script := []step{l.serve(answer("200 OK", "Expires: 7200"), piggyback(contosoProvisioning), piggyback(mras(twoRelays)), piggyback(mras(twoRelays)[:700]),
		func(p *peer, r *sipgoRequest) { l.password = "new"; l.ask(p, r, "") })}
	bubble(t, true, phone, script, func(s *Session, p *peer) {
		ctx := p.t.Context()
		binding, err := s.Register(ctx)
		if err != nil {
			p.t.Fatal(err)
		}
		settings, err := s.Provision(ctx)
		if err != nil {
			p.t.Fatal(err)
		}
		relays, err := s.MediaRelays(ctx, edge, false)
		if err != nil || len(relays.List) != 2 {
			p.t.Fatal(relays, err)
		}
		_, relayErr := s.MediaRelays(ctx, edge, false)
		derive := func(direction, use string) []byte {
			return md5Of(string(l.key) + "session key to " + direction + " " + use + " key magic constant\x00")
		}
		nt := md4.New()
		nt.Write([]byte(wide("canary-secret")))
		secrets := [][]byte{[]byte("canary"), []byte(wide("canary-secret")), nt.Sum(nil), l.owf("canary-secret"), l.key,
			derive("client-to-server", "signing"), derive("client-to-server", "sealing"), derive("server-to-client", "signing"), derive("server-to-client", "sealing")}
		n := s.talk.auth.askers[0].scheme.(*ntlmScheme)
		association := *n.current
		again := *n
		again.stage, again.token = proving, func() string { return "canary" }
		_, refreshErr := s.Register(ctx)
		if relayErr == nil || refreshErr == nil {
			p.t.Fatal(relayErr, refreshErr)
		}
		lastWords := s.binding.register("0")
		s.Close()
		p.conn.Close()
		synctest.Wait() // fmt looks into what other goroutines use
		mustHide(p.t, secrets, s, *n, n, again, association, &association, s.talk.auth.askers, binding, settings, relays, &relays, relayErr, refreshErr,
			Watch{}, *s.talk, *s.talk.auth, s.talk.conn, *s.our, *s.binding, *s.settings, lastWords, call{}, time.Now())
	})
}

// However it is printed, the private key is not in it, nor what the handshake leaves.
func TestCertificateKeysStaySecret(t *testing.T) {
	l := &certPool{}
	account := certified(nil)
	bubble(t, true, account, []step{l.serve(answer("200 OK", "Expires: 7200"))}, func(s *Session, p *peer) {
		if _, err := s.Register(p.t.Context()); err != nil {
			p.t.Fatal(err)
		}
		d := s.talk.auth.askers[0].scheme.(*dskScheme)
		association := *d.current
		key := phoneCertificate().PrivateKey.(*rsa.PrivateKey)
		secrets := [][]byte{l.keys[64:96], l.keys[96:], key.D.Bytes(), key.Primes[0].Bytes(), []byte(key.D.String())}
		mustHide(p.t, secrets, s, *s.talk, *s.talk.auth, *s.our, *d, d, association, &association, s.talk.auth.askers, account, &account, *account.Identity, account.Identity)
	})
}
