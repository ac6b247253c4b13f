package discover

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"homeward/dhcpopts"
	"homeward/provisioning"
)

// dropWords are what was wrong with messages that came and were not read.
var dropWords = map[dhcpopts.Why]string{
	dhcpopts.OtherTransaction: "answers to another question",
	dhcpopts.OtherPort:        "sent to port %d, which is not that of DHCP clients",
	dhcpopts.Incomplete:       "in fragments of which some are missing",
	dhcpopts.Damaged:          "with lengths that do not fit",
	dhcpopts.TooShort:         "too short for a DHCP message",
	dhcpopts.TooLong:          "too long for a DHCP message",
}

// DropWords says what was wrong with messages that were not read.
func DropWords(d dhcpopts.Dropped) string {
	words := cmp.Or(dropWords[d.Why], "that cannot be read")
	if d.Why == dhcpopts.OtherPort {
		words = fmt.Sprintf(words, d.Port)
	}
	return words
}

// unheard is what silence is when something came all the same; no Trouble when nothing did. detail is what came, with numbers.
func unheard(dropped []dhcpopts.Dropped) (t provisioning.Trouble, detail string) {
	if len(dropped) == 0 {
		return provisioning.Trouble{}, ""
	}
	fault := provisioning.FaultDHCPOthers
	var unread []dhcpopts.Dropped
	for _, d := range dropped {
		if d.Why != dhcpopts.OtherTransaction {
			unread = append(unread, d)
		}
	}
	if len(unread) > 0 {
		dropped, fault = unread, provisioning.FaultDHCPUnread
	}
	var servers, problems, details []string
	for _, d := range dropped {
		if server := Sender(d.From); !slices.Contains(servers, server) {
			servers = append(servers, server)
		}
		if words := DropWords(d); !slices.Contains(problems, words) {
			problems = append(problems, words)
		}
		details = append(details, fmt.Sprintf("from %s: %s, %d times", Sender(d.From), DropWords(d), d.Count))
	}
	slices.Sort(problems) // in whatever order they came
	slices.Sort(servers)
	return fault.Met(provisioning.Facts{"servers": servers, "problem": strings.Join(problems, "; ")}), strings.Join(details, "; ")
}

// Sender is who sent a message that was not read.
func Sender(from netip.Addr) string {
	if !from.IsValid() {
		return "others"
	}
	return from.String()
}
