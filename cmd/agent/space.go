package main

import (
	"fmt"

	"homeward/internal/config"
	"homeward/internal/safefile"
	"homeward/provisioning"
)

// scarce is with how many bytes left it is said that there is hardly any space: the copies of last good are written beside the old ones. (Our choice.)
const scarce = 64 << 10

// tight is where the daemon had no space when it wrote last.
type tight struct{ state, runtime bool }

// withoutSpace says where nothing more can be stored, or hardly anything: what the daemon has met, and what the file systems say of themselves. Nothing
// is written.
func withoutSpace(conf *config.Config, met tight) []provisioning.StoreState {
	var found []provisioning.StoreState
	for _, place := range []struct {
		dir, lost string
		met       bool
	}{
		{conf.StateDir, "last good, the history and certificates", met.state},
		{conf.RuntimeDir, "registrar.json", met.runtime},
	} {
		bytes, files, known := safefile.RoomIn(place.dir)
		facts := roomFacts(bytes, files, known, place.met)
		if facts == nil {
			continue
		}
		facts["dir"], facts["lost"] = place.dir, place.lost
		t := provisioning.FaultNoSpace.Met(facts)
		found = append(found, *stateOf(t))
	}
	return found
}

// stateOf is a Trouble as a part of status; nil: none.
func stateOf(t provisioning.Trouble) *provisioning.StoreState {
	if t.None() {
		return nil
	}
	return &provisioning.StoreState{Reason: t.Reason(), Fault: string(t.Fault), What: t.What(), Hint: t.Hint()}
}

// roomFacts says in words how little room there is; nil: there is enough, as far as is known.
func roomFacts(bytes, files uint64, known, met bool) provisioning.Facts {
	switch {
	case known && bytes == 0, met && (!known || files > 0):
		return provisioning.Facts{"room": "no space", "none": true}
	case known && files == 0:
		return provisioning.Facts{"room": "no inode", "none": true}
	case known && bytes < scarce:
		return provisioning.Facts{"room": fmt.Sprintf("only %d KiB of space", bytes>>10), "little": true}
	default:
		return nil
	}
}

// isWithoutSpace says whether that is what a state is about.
func isWithoutSpace(s provisioning.StoreState) bool {
	return s.Fault == string(provisioning.FaultNoSpace)
}
