package dhcpopts

import (
	"fmt"
	"net/netip"
)

// Why says why a message that came was not read as an answer.
type Why uint8

// The reasons. A message to another transaction is what other devices are answered, or a server that does not repeat ours.
const (
	Read             Why = iota // it was read
	OtherTransaction            // it belongs to another question
	OtherPort                   // it went to another port than that of DHCP clients
	Incomplete                  // it came in fragments, and some of them are missing
	Damaged                     // its lengths do not fit: it was cut, or they are wrong
	TooShort                    // it has no room for the header of a message
	TooLong                     // it is longer than a message may be here
)

// Dropped is how often one sender sent what was not read as an answer, for one reason. [Conn].ReadFrom returns it as the error
// of one message that is to be counted and no more.
type Dropped struct {
	From  netip.Addr // zero: of several, beyond those that are counted one by one
	Why   Why
	Port  uint16 // that it went to, for OtherPort
	Count int
}

func (d *Dropped) Error() string {
	return fmt.Sprintf("%d messages from %s were not read (%d)", d.Count, d.From, d.Why)
}

// maxDropped is how many senders and reasons are counted apart. (Our choice.)
const maxDropped = 16

// count adds one more.
func count(all []Dropped, d Dropped) []Dropped {
	d.Count = 1
	for {
		for i := range all {
			if all[i].From == d.From && all[i].Why == d.Why && all[i].Port == d.Port {
				all[i].Count++
				return all
			}
		}
		if len(all) < maxDropped || !d.From.IsValid() {
			return append(all, d)
		}
		d = Dropped{Why: d.Why, Count: 1}
	}
}
