package sitetest

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The section relays: Media Relays, and the service that names them and issues credentials (MS-AVEDGEA).

// relay is one address of a Media Relay.
type relay struct {
	addr           netip.Addr
	location, name string // "" for both locations; "" to be named by its address
	udp, tcp       uint16 // 0: not there
	word           string // answer, silent or refuse
}

func (r relay) at() netip.AddrPort { return netip.AddrPortFrom(r.addr, r.udp) }

// relayManners are the behaviours of a Relay as one of a Registrar: over TCP it is one that is connected to, and
// says nothing.
var relayManners = map[string]manner{
	"answer": {word: "silent", hello: true},
	"silent": {word: "blackhole"},
	"refuse": {word: "refuse"},
}

// relayWords are the other words that a line about a Relay may have.
var relayWords = []string{"intranet", "internet"}

var relayOptions = options[relay]{
	"udp": port(func(r *relay) *uint16 { return &r.udp }),
	"tcp": port(func(r *relay) *uint16 { return &r.tcp }),
}

func port(field func(*relay) *uint16) option[relay] {
	return option[relay]{take: func(r *relay, value string) error {
		n, err := strconv.ParseUint(value, 10, 16)
		*field(r) = uint16(n)
		return err
	}}
}

// relaySection is what the section says.
type relaySection struct {
	all  []relay
	mras mras
}

// take reads "ADDRESS [intranet|internet] [NAME] [udp=N] [tcp=N] [BEHAVIOUR]", or a line of mras, which is no relay.
func (s *relaySection) take(words []string) (relay, error) {
	if words[0] == "mras" {
		return relay{}, s.mras.take(words[1:])
	}
	addr, err := netip.ParseAddr(words[0])
	if err != nil {
		return relay{}, fmt.Errorf("want ADDRESS [OPTION …] or mras …: %w", err)
	}
	r := relay{addr: addr, udp: 3478, tcp: 443, word: "answer"}
	for _, w := range words[1:] {
		_, isBehaviour := relayManners[w]
		switch {
		case slices.Contains(relayWords, w):
			r.location = w
		case isBehaviour:
			r.word = w
		case strings.Contains(w, "."):
			r.name = w
		case strings.Contains(w, "="):
			if err := relayOptions.take(&r, w); err != nil {
				return r, err
			}
		default:
			known := slices.AppendSeq(slices.Clone(relayWords), maps.Keys(relayManners))
			return r, fmt.Errorf("%s: unknown option: %s", w, hint(w, slices.AppendSeq(known, maps.Keys(relayOptions))))
		}
	}
	if _, twice := s.at(r.at()); twice {
		return r, fmt.Errorf("relay %s for the second time, or where a registrar is", addr)
	}
	s.all = append(s.all, r)
	return r, nil
}

// change reads "ADDRESS BEHAVIOUR", or a line of mras.
func (s *relaySection) change(words []string) error {
	if len(words) > 0 && words[0] == "mras" {
		return s.mras.take(words[1:])
	}
	if len(words) != 2 {
		return errors.New("want relays ADDRESS answer|silent|refuse, or relays mras …")
	}
	if _, ok := relayManners[words[1]]; !ok {
		return Unknown("behaviour", words[1], slices.Collect(maps.Keys(relayManners)))
	}
	known := false
	for i := range s.all {
		if r := &s.all[i]; r.addr.String() == words[0] {
			r.word, known = words[1], true
		}
	}
	if !known {
		return fmt.Errorf("no relay %s", words[0])
	}
	return nil
}

// at is the Relay of an address and its UDP port, as it is now; false if there is none.
func (s *relaySection) at(at netip.AddrPort) (relay, bool) {
	i := slices.IndexFunc(s.all, func(r relay) bool { return r.at() == at })
	if i < 0 {
		return relay{}, false
	}
	return s.all[i], true
}

// mras is how credentials are asked for, and what is answered.
type mras struct {
	word           string // "answer", "silent", or a status
	phrase         string
	duration       int // minutes, at most
	user, password string
}

var goodMRAS = mras{word: "answer", phrase: "OK", duration: 480, user: "cmVsYXktdXNlcg==", password: "cmVsYXktc2VjcmV0"}

var mrasOptions = options[mras]{
	"duration": number(func(a *mras) *int { return &a.duration }),
	"user":     text(func(a *mras) *string { return &a.user }),
	"password": text(func(a *mras) *string { return &a.password }),
}

// take reads "[PHRASE… | STATUS | silent] [OPTION …]".
func (a *mras) take(words []string) error {
	*a = goodMRAS
	var phrase []string
	for _, w := range words {
		switch status, _ := strconv.Atoi(w); {
		case strings.Contains(w, "="):
			if err := mrasOptions.take(a, w); err != nil {
				return err
			}
		case w == "silent" || status >= 300 && status < 700:
			a.word = w
		default:
			phrase = append(phrase, w)
		}
	}
	if len(phrase) > 0 {
		a.phrase = strings.Join(phrase, " ")
	}
	return nil
}
