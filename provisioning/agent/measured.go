package agent

import (
	"homeward/provisioning"
	"homeward/provisioning/discover"
)

// measured tells what of the name servers is slow, lossy or dead now, and what of that is over which was told before, also before the registration
// was lost: of a server that was measured, and answers. What was wrong with one that is not asked any more is forgotten.
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
		case stands || !asked:
		case answers && !wrong:
			t := t.Fault.Met(nil).InWords("the name server "+server.String()+words, "")
			b.tell(provisioning.Event{Kind: provisioning.Well, Addr: server.Addr(), Trouble: t})
		default:
			unwell = append(unwell, *t)
		}
	}
	b.change(func(*provisioning.Status) { b.unwell = unwell })
}
