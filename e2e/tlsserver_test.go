//go:build linux

package e2e

import (
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// startTLS runs openssl s_server at a place of the Registrars' host: with -www it speaks TLS, waits for a line of HTTP,
// and has no word for SIP.
func startTLS(t testing.TB, s *site, p place, cert, key string, args ...string) *process {
	t.Helper()
	argv := []string{"openssl", "s_server", "-www", "-accept", net.JoinHostPort(p.addr, strconv.Itoa(int(p.port))), "-cert", cert, "-key", key}
	server := start(t, s.registrar, append(argv, args...)...)
	listens(t, server, p)
	return server
}

// hang stops a process without ending it: the kernel goes on accepting connections for it.
func (p *process) hang() { syscall.Kill(-p.cmd.Process.Pid, syscall.SIGSTOP) }

// listens waits until somebody accepts connections at a place.
func listens(t testing.TB, server *process, p place) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s listens at %v", server.name, p), func() error {
		if err := server.running(); err != nil {
			return err
		}
		c, err := net.Dial("tcp", net.JoinHostPort(p.addr, strconv.Itoa(int(p.port))))
		if err == nil {
			c.Close()
		}
		return err
	})
}

// flaw is what is wrong with a server's certificate: it changes the leaf, and says who signs it; nil: it signs itself.
type flaw func(t testing.TB, s *site, leaf *x509.Certificate) *authority

func nothingWrong(_ testing.TB, s *site, _ *x509.Certificate) *authority { return s.ca }

func namesAnother(_ testing.TB, s *site, leaf *x509.Certificate) *authority {
	leaf.DNSNames = []string{"lync01.contoso.com"}
	return s.ca
}

func namesWildcard(_ testing.TB, s *site, leaf *x509.Certificate) *authority {
	leaf.DNSNames = []string{"*.contoso.com"}
	return s.ca
}

func hasCommonNameOnly(_ testing.TB, s *site, leaf *x509.Certificate) *authority {
	leaf.DNSNames = nil
	return s.ca
}

func hasExpired(_ testing.TB, s *site, leaf *x509.Certificate) *authority {
	leaf.NotAfter = time.Now().Add(-time.Minute)
	return s.ca
}

func beginsTomorrow(_ testing.TB, s *site, leaf *x509.Certificate) *authority {
	leaf.NotBefore = time.Now().Add(24 * time.Hour)
	leaf.NotAfter = time.Now().Add(48 * time.Hour)
	return s.ca
}

func isForClients(_ testing.TB, s *site, leaf *x509.Certificate) *authority {
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return s.ca
}

func signsItself(testing.TB, *site, *x509.Certificate) *authority { return nil }

func hasOtherRoot(t testing.TB, _ *site, _ *x509.Certificate) *authority {
	return newAuthority(t, t.TempDir())
}

func lacksIntermediate(t testing.TB, s *site, _ *x509.Certificate) *authority {
	return s.ca.intermediate(t, t.TempDir())
}
