package trust

import (
	"crypto/tls"
	"crypto/x509"
	"slices"
	"sync"
)

// maxSessions bounds what is kept. (Our choice: a home pair behind an Access Edge has fewer addresses.)
const maxSessions = 8

// Sessions are those of TLS that a server may resume (RFC 8446 section 2.2, RFC 5077): the latest with each host at each address. A
// server then signs nothing and sends no certificate, and TLS 1.2 takes one round trip less.
//
// What a session rests on is the chain that its first handshake has shown. It is offered only while that chain proves the host under
// the Settings of now, and verified once more when the server resumes it: roots, pins, clock and names count as ever. The zero
// value holds none. It may be used from several goroutines.
type Sessions struct {
	mu   sync.Mutex
	kept []*session // the latest is the last
}

type session struct {
	host, addr string
	state      *tls.ClientSessionState
	chain      []*x509.Certificate
	once       bool // TLS 1.3: a second use would show that both are of one device (RFC 8446 appendix C.4)
}

// find returns the session with a host at an address.
func (s *Sessions) find(host, addr string) (found session, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.kept, func(k *session) bool { return k.host == host && k.addr == addr })
	if i < 0 {
		return session{}, false
	}
	return *s.kept[i], true
}

// replace drops the session with a host at an address, and keeps another; without a state, none.
func (s *Sessions) replace(by session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = slices.DeleteFunc(s.kept, func(k *session) bool { return k.host == by.host && k.addr == by.addr })
	if by.state != nil {
		s.kept = append(s.kept, &by)
		s.kept = s.kept[max(0, len(s.kept)-maxSessions):]
	}
}
