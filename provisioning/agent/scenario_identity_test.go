package agent

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"homeward/internal/identity"
	"homeward/internal/sip"
	"homeward/internal/trust"
	"homeward/provisioning"
)

// fingerprints are those of certificates: keys are made anew for each site.
var fingerprints = regexp.MustCompile(`sha256:[0-9a-f]{64}`)

// devicesKey is the key of all devices that have a certificate before the start.
var devicesKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := identity.Key()
	if err != nil {
		panic(err)
	}
	return key
})

var issued = has("sip:phone1@contoso.com", "phone1@contoso.com", -time.Hour, 180*24*time.Hour)

// identities are the certificates that a device may have before the start.
var identities = map[string]func(*testing.T, *scenario){
	"none":    func(*testing.T, *scenario) {},
	"issued":  issued,
	"ending":  has("sip:phone1@contoso.com", "phone1@contoso.com", -100*24*time.Hour, 48*time.Hour),
	"expired": has("sip:phone1@contoso.com", "phone1@contoso.com", -48*time.Hour, -24*time.Hour),
	"future":  hasBy(identity.Imported, "sip:phone1@contoso.com", "phone1@contoso.com", 24*time.Hour, 48*time.Hour),
	"later":   has("sip:phone1@contoso.com", "phone1@contoso.com", 71*time.Minute, 180*24*time.Hour),
	"foreign": has("sip:phone2@contoso.com", "phone2@contoso.com", -time.Hour, 180*24*time.Hour),
	"damaged": func(t *testing.T, s *scenario) {
		issued(t, s)
		if err := os.WriteFile(filepath.Join(s.dir, "identity", "1", "key.pem"), []byte("-----BEGIN"), 0o600); err != nil {
			t.Fatal(err)
		}
	},
}

// endpoint is the endpoint id of devices that have a certificate before the start.
const endpoint = "a1b2c3d4e5"

// has is a certificate that the device has got from the site for a user, from and until some time from now.
func has(address, user string, begins, ends time.Duration) func(*testing.T, *scenario) {
	return hasBy("ntlm", address, user, begins, ends)
}

// hasBy is has, however it came.
func hasBy(by, address, user string, begins, ends time.Duration) func(*testing.T, *scenario) {
	return func(t *testing.T, s *scenario) {
		t.Helper()
		der, err := s.site.Issue(user, strings.TrimPrefix(sip.Instance(endpoint), "urn:uuid:"), &devicesKey().PublicKey, time.Now().Add(begins), time.Now().Add(ends))
		if err != nil {
			t.Fatal(err)
		}
		pair, err := identity.Join(devicesKey(), der, &identity.Details{SIPAddress: address, EndpointID: endpoint, EnrolledBy: by, EnrolledAt: time.Now().Add(begins)})
		if err == nil {
			err = identity.In(s.dir).Save(pair)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// kept is what the device has at the end, and what status says of it.
func (s *scenario) kept() string {
	shown := s.last.Certificate
	if shown == nil {
		return "none\n"
	}
	var b strings.Builder
	if shown.Subject != "" {
		fmt.Fprintf(&b, "%s by %s, for %v", shown.Subject, shown.EnrolledBy, shown.NotAfter.Sub(shown.NotBefore).Round(time.Hour))
		if shown.Proven {
			b.WriteString(" proven")
		}
		if shown.Refused {
			b.WriteString(" refused")
		}
		b.WriteString("\n")
	}
	if shown.Reason != "" {
		fmt.Fprintf(&b, "%s %s\n\t%s\n\t%s\n", shown.Reason, shown.Fault, fingerprints.ReplaceAllString(shown.What, "sha256:…"), fingerprints.ReplaceAllString(shown.Hint, "sha256:…"))
	}
	if b.Len() == 0 {
		return "none yet\n"
	}
	return b.String()
}

// trust gives the device its pins, and a place for authorities.
func (s *scenario) trust(t *testing.T) {
	t.Helper()
	block, _ := pem.Decode(s.site.Roots())
	root, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	for _, whose := range s.pins {
		pin := "sha256:" + strings.Repeat("0", 64)
		if whose == "site" {
			pin = trust.Fingerprint(root)
		}
		s.policy.TrustPins = append(s.policy.TrustPins, pin)
	}
	s.policy.Anchors = func() []provisioning.Anchor { return slices.Clone(s.accepted) }
	s.policy.Accept = func(a provisioning.Anchor) error { s.accepted = append(s.accepted, a); return nil }
}

// shownAt is the certificate that a server of the site shows.
func (s *scenario) shownAt(t *testing.T, place string) *x509.Certificate {
	t.Helper()
	conn, err := s.wire.Dial(t.Context(), "tcp", place)
	if err != nil {
		t.Fatal(err)
	}
	secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	defer secure.Close()
	if err := secure.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return secure.ConnectionState().PeerCertificates[0]
}

// trusted are the authorities that the device has accepted.
func (s *scenario) trusted() string {
	if len(s.accepted) == 0 {
		return "none\n"
	}
	var b strings.Builder
	for _, a := range s.accepted {
		fmt.Fprintf(&b, "%s first use %v\n", a.Subject, a.FirstUse)
	}
	return b.String()
}
