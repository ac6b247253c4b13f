package sitetest

import (
	"net/netip"
	"sync"
	"time"
)

// nonces are those that are good on every connection to a Registrar.
type nonces struct {
	mu    sync.Mutex
	given map[string]*nonce
}

type nonce struct {
	by    netip.AddrPort
	until time.Time
	count uint64 // highest nc seen
}

func (n *nonces) give(by netip.AddrPort, text string, until time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.given == nil {
		n.given = map[string]*nonce{}
	}
	n.given[text] = &nonce{by: by, until: until}
}

func (n *nonces) count(by netip.AddrPort, text string, count uint64) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	known := n.given[text]
	if known == nil || known.by != by || !time.Now().Before(known.until) || count <= known.count {
		return false
	}
	known.count = count
	return true
}
