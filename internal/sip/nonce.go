package sip

import (
	"sync"

	"github.com/icholy/digest"
)

// Nonce is a Digest challenge that was answered, and how often. Where a Registrar has accepted that, the next connection to the same
// one may sign with it before it is asked (RFC 7616 section 3.4, RFC 3261 section 22.2). It belongs to that Registrar, its realm
// and this account, and may be used by several Sessions at once.
type Nonce struct {
	mu        sync.Mutex
	challenge digest.Challenge
	count     int // requests signed with it
}

// take returns the challenge, and the count for the next request.
func (n *Nonce) take() (digest.Challenge, int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.count++
	return n.challenge, n.count
}

// become replaces the challenge.
func (n *Nonce) become(c digest.Challenge) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.challenge, n.count = c, 0
}

// now is the challenge.
func (n *Nonce) now() digest.Challenge {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.challenge
}

// Kept is what is to be kept of it for the next run of the program: the challenge as a Registrar would write it, and how many requests were
// signed with it. Nothing of the password is in it.
func (n *Nonce) Kept() (challenge string, count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	challenge = "Digest realm=" + quote(n.challenge.Realm) + ", nonce=" + quote(n.challenge.Nonce) + ", opaque=" + quote(n.challenge.Opaque)
	if n.challenge.Algorithm != "" {
		challenge += ", algorithm=" + n.challenge.Algorithm
	}
	for _, qop := range n.challenge.QOP {
		challenge += ", qop=" + quote(qop)
	}
	return challenge, n.count
}
