package agent

import (
	"net/netip"
	"slices"

	"homeward/provisioning"
	"homeward/provisioning/discover"
)

// measured tells what of the name servers is slow, lossy or dead now, and what of that is over which was told before, also before the registration
// was lost: of a server that was measured, and answers, or that is not asked any more.
func (b *board) measured(quality []discover.Quality, found []provisioning.Trouble) {
	b.paced("dns", found...)
	b.mu.Lock()
	before := b.unwell
	b.mu.Unlock()
	unwell := found
	for i := range before {
		t := &before[i]
		server, asked, answers, wrong, stands := serverOf(t), false, false, false, false
		for j := range quality {
			if q := &quality[j]; q.Server == server {
				asked, answers = true, q.Answered > 0
			}
		}
		for j := range found {
			if serverOf(&found[j]) == server {
				wrong, stands = true, stands || found[j].Fault == t.Fault
			}
		}
		words := " answers as it should again" // what gets lost may be so in one way, and then in another
		if t.Fault == provisioning.FaultDNSServerDead || t.Fault == provisioning.FaultDNSElsewhere {
			words, wrong = " answers again", false
		}
		switch {
		case stands:
		case !asked && len(quality) > 0:
			notAsked(b, t)
		case answers && !wrong:
			t := t.Fault.Met(nil).InWords("the name server "+server.String()+words, "")
			b.tell(&provisioning.Event{Kind: provisioning.Well, Addr: server.Addr(), Trouble: t})
		default:
			unwell = append(unwell, *t)
		}
	}
	b.change(func(*provisioning.Status) { b.unwell = unwell })
}

// notAsked tells that what was wrong with a name server does not matter any more.
func notAsked(b *board, t *provisioning.Trouble) {
	server := serverOf(t)
	over := t.Fault.Met(nil).InWords("the name server "+server.String()+" is not asked any more", "")
	b.tell(&provisioning.Event{Kind: provisioning.Well, Addr: server.Addr(), Verdict: provisioning.Absent, Trouble: over})
}

// networkChanged tells how the network of this device is another now, and which of the name servers with which something was wrong are not among
// those that are asked there. Of the others nothing is known: an address may be that of another name server.
func (b *board) networkChanged(change string, servers []netip.AddrPort) {
	var before []provisioning.Trouble
	b.change(func(s *provisioning.Status) {
		before, b.unwell = b.unwell, nil
		if len(servers) > 0 {
			s.AskOnly(servers)
		}
	})
	b.tell(&provisioning.Event{Kind: provisioning.NetworkChanged, Detail: change})
	for i := range before {
		if len(servers) > 0 && !slices.Contains(servers, serverOf(&before[i])) {
			notAsked(b, &before[i])
		}
	}
}
