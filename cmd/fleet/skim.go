package main

import (
	"bytes"
	"net/netip"
	"strconv"
	"time"

	"github.com/homeward-agent/homeward/internal/fleet"
)

// maxNesting is our choice: what devices publish has three levels.
const maxNesting = 8

// skimmer reads JSON as devices write it, in a fraction of the time that encoding/json takes: without blanks, and with nothing but
// printable ASCII that needs no escape. Whatever else there may be is odd to it, and is left to encoding/json.
type skimmer struct {
	text []byte
	at   int
	odd  bool
}

func (s *skimmer) presence(p *fleet.Presence) {
	s.object(func(name []byte) {
		switch string(name) {
		case "online":
			p.Online = s.bool()
		case "version":
			p.Version = s.string()
		case "boot_id":
			p.BootID = s.string()
		case "at":
			s.time(&p.At)
		default:
			s.skip(1)
		}
	})
}

func (s *skimmer) state(p *fleet.State) {
	s.object(func(name []byte) {
		switch string(name) {
		case "version":
			p.Version = int(s.number(1<<31 - 1))
		case "at":
			s.time(&p.At)
		case "state":
			p.State = s.string()
		case "degraded":
			p.Degraded = s.bool()
		case "since":
			s.time(&p.Since)
		case "reason":
			p.Reason = s.string()
		case "fault":
			p.Fault = s.string()
		case "next_attempt_at":
			s.time(&p.NextAttempt)
		case "pace":
			s.strings(&p.Pace)
		case "sip_domain":
			p.SIPDomain = s.string()
		case "account":
			p.Account = s.string()
		case "sip_address":
			p.SIPAddress = s.string()
		case "registrar":
			p.Registrar = once(s, p.Registrar)
			s.registrar(p.Registrar)
		case "registered_at":
			s.time(&p.RegisteredAt)
		case "home":
			s.registrars(&p.Home)
		case "media_relays":
			s.strings(&p.MediaRelays)
		default:
			s.more(name, p)
		}
	})
}

// more reads what a state holds.
func (s *skimmer) more(name []byte, p *fleet.State) {
	switch string(name) {
	case "cache":
		p.Cache = once(s, p.Cache)
		s.cache(p.Cache)
	case "certificate_until":
		s.time(&p.CertificateUntil)
	case "broker_certificate_until":
		s.time(&p.BrokerCertificateUntil)
	case "last_failure":
		p.LastFailure = once(s, p.LastFailure)
		s.failure(p.LastFailure)
	case "counters":
		s.counters(&p.Counters)
	default:
		s.skip(1)
	}
}

func (s *skimmer) registrar(r *fleet.Registrar) {
	s.object(func(name []byte) {
		switch string(name) {
		case "host":
			r.Host = s.string()
		case "port":
			r.Port = uint16(s.number(1<<16 - 1))
		case "transport":
			r.Transport = s.string()
		case "address":
			s.address(&r.Address)
		case "step":
			r.Step = s.string()
		case "role":
			r.Role = s.string()
		default:
			s.skip(2)
		}
	})
}

func (s *skimmer) cache(c *fleet.Cache) {
	s.object(func(name []byte) {
		switch string(name) {
		case "generation":
			c.Generation = s.number(1<<64 - 1)
		case "written_at":
			s.time(&c.WrittenAt)
		case "registrar":
			c.Registrar = s.string()
		default:
			s.skip(2)
		}
	})
}

func (s *skimmer) failure(f *fleet.Failure) {
	s.object(func(name []byte) {
		switch string(name) {
		case "at":
			s.time(&f.At)
		case "reason":
			f.Reason = s.string()
		case "fault":
			f.Fault = s.string()
		case "step":
			f.Step = s.string()
		case "host":
			f.Host = s.string()
		default:
			s.skip(2)
		}
	})
}

func (s *skimmer) counters(c *fleet.Counters) {
	s.object(func(name []byte) {
		var into *uint64
		switch string(name) {
		case "cycles":
			into = &c.Cycles
		case "registrations":
			into = &c.Registrations
		case "failures":
			into = &c.Failures
		case "outages":
			into = &c.Outages
		case "dropped":
			into = &c.Dropped
		default:
			s.skip(2)
			return
		}
		*into = s.number(1<<64 - 1)
	})
}

// once is room for what stands in an object once: encoding/json knows what it means twice.
func once[T any](s *skimmer, before *T) *T {
	if before != nil {
		s.odd = true
	}
	return new(T)
}

func (s *skimmer) done() bool { return !s.odd && s.at == len(s.text) }

// next is the byte that comes; 0: there is none.
func (s *skimmer) next() byte {
	if s.at == len(s.text) {
		return 0
	}
	return s.text[s.at]
}

// eat goes past a byte if it is the one that comes.
func (s *skimmer) eat(c byte) bool {
	if s.next() != c {
		return false
	}
	s.at++
	return true
}

func (s *skimmer) want(c byte) {
	if !s.eat(c) {
		s.odd = true
	}
}

// object reads an object; value reads the value of a name.
func (s *skimmer) object(value func(name []byte)) {
	s.want('{')
	if s.eat('}') {
		return
	}
	for !s.odd {
		name := s.quoted()
		for _, c := range name {
			if c != '_' && (c < 'a' || c > 'z') { // encoding/json may take it for another name
				s.odd = true
			}
		}
		if s.want(':'); s.odd {
			return
		}
		value(name)
		if s.eat('}') {
			return
		}
		s.want(',')
	}
}

// list reads a list; value reads each of its values.
func (s *skimmer) list(value func()) {
	s.want('[')
	if s.eat(']') {
		return
	}
	for !s.odd {
		value()
		if s.eat(']') {
			return
		}
		s.want(',')
	}
}

func (s *skimmer) strings(to *[]string) {
	if *to != nil {
		s.odd = true
	}
	*to = []string{}
	s.list(func() { *to = append(*to, s.string()) })
}

func (s *skimmer) registrars(to *[]fleet.Registrar) {
	if *to != nil {
		s.odd = true
	}
	*to = []fleet.Registrar{}
	s.list(func() {
		*to = append(*to, fleet.Registrar{})
		s.registrar(&(*to)[len(*to)-1])
	})
}

// quoted reads a string, and returns what is between its quotes.
func (s *skimmer) quoted() []byte {
	s.want('"')
	for i, c := range s.text[s.at:] {
		if c == '"' {
			text := s.text[s.at : s.at+i]
			s.at += i + 1
			return text
		}
		if c < ' ' || c > '~' || c == '\\' {
			break
		}
	}
	s.odd = true
	return nil
}

func (s *skimmer) string() string { return string(s.quoted()) }

func (s *skimmer) time(to *time.Time) {
	begin := s.at
	if s.quoted(); s.odd || to.UnmarshalJSON(s.text[begin:s.at]) != nil {
		s.odd = true
	}
}

func (s *skimmer) address(to *netip.Addr) {
	if text := s.quoted(); to.UnmarshalText(text) != nil {
		s.odd = true
	}
}

func (s *skimmer) bool() bool {
	switch rest := s.text[s.at:]; {
	case bytes.HasPrefix(rest, []byte("true")):
		s.at += len("true")
		return true
	case bytes.HasPrefix(rest, []byte("false")):
		s.at += len("false")
	default:
		s.odd = true
	}
	return false
}

// number reads a number that counts, up to a limit.
func (s *skimmer) number(limit uint64) uint64 {
	begin := s.at
	for c := s.next(); '0' <= c && c <= '9'; c = s.next() {
		s.at++
	}
	digits := s.text[begin:s.at]
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || n > limit || digits[0] == '0' && len(digits) > 1 {
		s.odd = true
	}
	return n
}

// skip goes past a value of any kind.
func (s *skimmer) skip(depth int) {
	switch c := s.next(); {
	case s.odd, depth > maxNesting:
		s.odd = true
	case c == '"':
		s.quoted()
	case c == '{':
		s.object(func([]byte) { s.skip(depth + 1) })
	case c == '[':
		s.list(func() { s.skip(depth + 1) })
	case c == 't', c == 'f':
		s.bool()
	default:
		s.number(1<<64 - 1)
	}
}
