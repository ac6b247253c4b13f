package srv

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

var evil = zone(internalTLS + ". 60 IN SRV 0 0 5061 evil.contoso.com.")

// edited answers well, after the function has spoiled the message.
func edited(s server, edit func(raw []byte)) server {
	answers := s.answers
	s.answers = func(q query) [][]byte {
		said := answers(q)
		for _, raw := range said {
			edit(raw)
		}
		return said
	}
	return s
}

// cut answers with the first bytes of the message alone.
func cut(s server, bytes int) server {
	answers := s.answers
	s.answers = func(q query) [][]byte {
		said := answers(q)
		for i, raw := range said {
			said[i] = raw[:bytes]
		}
		return said
	}
	return s
}

// rows D01 to D34 of docs/rules.md; those missing here are in other tests of this package, or (D16, D17, D24, D26, D27) the
// caller's affair.
var badInputs = []row{
	{name: "D01 an answer with another ID is ignored", servers: []server{edited(evil, func(raw []byte) { raw[0]++ }).then(zone(fe))},
		want: "+0s fe.contoso.com:5061"},
	{name: "D01 also over TCP", servers: []server{edited(evil.only("tcp"), func(raw []byte) { raw[0]++ }).then(zone(fe).only("tcp")).or(truncated)},
		want: "+0s fe.contoso.com:5061"},
	{name: "D02 an answer to another name is ignored", servers: []server{edited(evil, func(raw []byte) { raw[13] = 'x' }).then(zone(fe))},
		want: "+0s fe.contoso.com:5061"},
	{name: "D02 an answer to another type is ignored", servers: []server{edited(evil, func(raw []byte) { raw[body-3]++ }).then(zone(fe))},
		want: "+0s fe.contoso.com:5061"},
	{name: "D02 an answer to another class is ignored", servers: []server{edited(evil, func(raw []byte) { raw[body-1]++ }).then(zone(fe))},
		want: "+0s fe.contoso.com:5061"},
	{name: "D02 the case of the name does not matter", servers: []server{edited(zone(fe), func(raw []byte) { raw[14] = 'S' })},
		want: "+0s fe.contoso.com:5061"},
	{name: "D04 a query in place of an answer is ignored", servers: []server{edited(evil, func(raw []byte) { raw[2] &^= 0x80 }).then(zone(fe))},
		want: "+0s fe.contoso.com:5061"},
	{name: "D05 a truncated answer is asked for again over TCP", servers: []server{zone(fe).only("tcp").or(truncated)},
		want: "+0s fe.contoso.com:5061", log: `
		+0s 10.0.0.1:53 tcp edns=1232 SRV ` + internalTLS + `.
		+0s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.`},
	{name: "D05 a truncated answer without TCP is not usable", servers: []server{truncated.tcp(syscall.ECONNREFUSED)},
		want: "+0s 10.0.0.1:53: the answer is truncated, and over TCP: connection refused"},
	{name: "D05 an answer truncated over TCP is not usable", servers: []server{truncated},
		want: "+0s 10.0.0.1:53: the answer is truncated, and over TCP: the answer is truncated"},
	{name: "D05 a server that is silent over TCP has cut its answer", servers: []server{truncated.only("udp")},
		want: "+5s 10.0.0.1:53: the answer is truncated, and over TCP: no answer in time"},
	{name: "D06 a header that claims 65,535 records is not usable", servers: []server{{answers: func(q query) [][]byte {
		return [][]byte{{q.raw[0], q.raw[1], 0x80, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}
	}}}, want: "+0s 10.0.0.1:53: the answer cannot be read"},
	{name: "D06 a question and 65,535 records that are not there is not usable", servers: []server{crafted(65535)},
		want: "+0s 10.0.0.1:53: the answer cannot be read: its records are damaged"},
	{name: "D06 a question that is cut is not usable", servers: []server{cut(crafted(0), body-1)},
		want: "+0s 10.0.0.1:53: the answer cannot be read"},
	{name: "D06 a record that is cut in its header is not usable", servers: []server{cut(crafted(1, good), body+len(owner)+9)},
		want: "+0s 10.0.0.1:53: the answer cannot be read: its records are damaged"},
	{name: "D06 a section behind the answers that is not there does not matter",
		servers: []server{edited(crafted(1, good), func(raw []byte) { raw[9], raw[11] = 1, 1 })}, want: "+0s fe.contoso.com:5061"},
	{name: "D07 a target that points to itself is not usable",
		servers: []server{crafted(1, record(owner, dns.TypeSRV, prefs, pointer(rdata+6)))},
		want:    "+0s 10.0.0.1:53: the answer cannot be read: its records are damaged"},
	{name: "D07 a target that points beyond its record is not usable",
		servers: []server{crafted(2, record(owner, dns.TypeSRV, prefs, pointer(rdata+8)), record(owner, dns.TypeTXT))},
		want:    "+0s 10.0.0.1:53: the answer cannot be read: its records are damaged"},
	{name: "D07 two pointers that point to each other are not usable",
		servers: []server{crafted(1, record(owner, dns.TypeSRV, prefs, pointer(rdata+8), pointer(rdata+6)))},
		want:    "+0s 10.0.0.1:53: the answer cannot be read: its records are damaged"},
	{name: "D07 an owner that points to itself is not usable", servers: []server{crafted(1, record(pointer(body), dns.TypeSRV, prefs))},
		want: "+0s 10.0.0.1:53: the answer cannot be read: its records are damaged"},
	{name: "D08 a chain of 200 pointers is not usable", servers: []server{pointerChain(200)},
		want: "+0s 10.0.0.1:53: the answer cannot be read: its records are damaged"},
	{name: "D09 a label longer than 63 is not usable",
		servers: []server{crafted(1, record(owner, dns.TypeSRV, prefs, []byte{64}, bytes.Repeat([]byte("a"), 64), []byte{0}))},
		want:    "+0s 10.0.0.1:53: the answer cannot be read: its records are damaged"},
	{name: "D09 a name longer than 255 is not usable",
		servers: []server{crafted(1, record(owner, dns.TypeSRV, prefs, bytes.Repeat(append([]byte{63}, bytes.Repeat([]byte("a"), 63)...), 4), []byte{0}))},
		want:    "+0s 10.0.0.1:53: the answer cannot be read: its records are damaged"},
	{name: "D10 a compressed target is accepted", servers: []server{crafted(1, record(owner, dns.TypeSRV, prefs, []byte("\x02fe"), pointer(body-17)))},
		want: "+0s fe.contoso.com:5061"},
	{name: "D11 a record that is too short costs only itself", servers: []server{crafted(2, record(owner, dns.TypeSRV, prefs), good)},
		want: "+0s fe.contoso.com:5061"},
	{name: "D11 a record that goes beyond the packet costs only itself",
		servers: []server{crafted(2, good, record(owner, dns.TypeSRV, prefs, []byte("\x02fe"))[:20])},
		want:    "+0s fe.contoso.com:5061"},
	{name: "D11 an empty record is no record", servers: []server{crafted(1, record(owner, dns.TypeSRV))},
		want: `+0s 10.0.0.1:53: target "" is not a host name`},
	{name: "D12 the target dot means that the service is not offered", servers: []server{zone(internalTLS + ". 60 IN SRV 0 0 0 .")},
		want: "+0s 10.0.0.1:53: service not offered"},
	{name: "D12 the target dot beside others is dropped", servers: []server{zone(internalTLS+". 60 IN SRV 0 0 0 .", fe)},
		want: "+0s fe.contoso.com:5061"},
	{name: "D12 the target dot beside a refused target is what counts", servers: []server{zone(internalTLS+". 60 IN SRV 0 0 5061 10.0.0.1.", internalTLS+". 60 IN SRV 0 0 0 .")},
		want: "+0s 10.0.0.1:53: service not offered"},
	{name: "D12 nobody overrules the target dot", servers: []server{zone(internalTLS + ". 60 IN SRV 0 0 0 ."), silence},
		want: "+0s 10.0.0.1:53: service not offered"},
	{name: "D13 a target that reads like an address is refused", servers: []server{zone(internalTLS + ". 60 IN SRV 0 0 5061 10.0.0.1.")},
		want: `+0s 10.0.0.1:53: target "10.0.0.1." is not a host name`},
	{name: "D13 a refused target costs only itself", servers: []server{zone(internalTLS+". 60 IN SRV 0 0 5061 10.0.0.1.", fe)},
		want: "+0s fe.contoso.com:5061"},
	{name: "D14 an alias of the host is followed", ask: "ADDR fe.contoso.com",
		servers: []server{zone("fe.contoso.com. 60 IN CNAME a.contoso.com.", "a.contoso.com. 60 IN A 10.0.9.1")}, want: "+0s 10.0.9.1 alone"},
	{name: "D14 an alias is followed when the server leaves the rest to us", ask: "ADDR fe.contoso.com",
		servers: []server{says(func(_ query, m *dns.Msg) {
			if m.Question[0].Name == "fe.contoso.com." {
				m.Answer = zoneAnswer("fe.contoso.com. 60 IN CNAME a.contoso.com.")
			} else if m.Question[0].Qtype == dns.TypeA {
				m.Answer = zoneAnswer("a.contoso.com. 60 IN A 10.0.9.1")
			}
		})}, want: "+0s 10.0.9.1 alone", log: `
		+0s 10.0.0.1:53 udp edns=1232 A a.contoso.com.
		+0s 10.0.0.1:53 udp edns=1232 A fe.contoso.com.
		+0s 10.0.0.1:53 udp edns=1232 AAAA a.contoso.com.
		+0s 10.0.0.1:53 udp edns=1232 AAAA fe.contoso.com.`},
	{name: "D14 an alias of the service is followed",
		servers: []server{zone(internalTLS+". 60 IN CNAME x.contoso.com.", "x.contoso.com. 60 IN SRV 0 0 5061 fe.contoso.com.")},
		want:    "+0s fe.contoso.com:5061"},
	{name: "D14 eight aliases are followed", servers: []server{aliases(8)}, want: "+0s fe.contoso.com:5061"},
	{name: "D14 nine aliases are too many", servers: []server{aliases(9)}, want: "+0s 10.0.0.1:53: too many aliases"},
	{name: "D14 an alias of nothing is absence", servers: []server{zone(internalTLS + ". 60 IN CNAME x.contoso.com.")},
		want: `+0s 10.0.0.1:53: no such name: it is an alias of "x.contoso.com."`},
	{name: "D15 a loop of aliases ends", servers: []server{zone(internalTLS+". 60 IN CNAME x.contoso.com.", "x.contoso.com. 60 IN CNAME "+internalTLS+".")},
		want: "+0s 10.0.0.1:53: too many aliases"},
	{name: "D15 a loop of aliases across answers ends", servers: []server{says(func(_ query, m *dns.Msg) {
		m.Answer = zoneAnswer(m.Question[0].Name + " 60 IN CNAME x" + m.Question[0].Name)
	})}, want: "+0s 10.0.0.1:53: too many aliases"},
	{name: "D17 targets come in lower case without the final dot", servers: []server{zone(internalTLS + ". 60 IN SRV 0 0 5061 SIP.Contoso.COM.")},
		want: "+0s sip.contoso.com:5061"},
	{name: "D18 a target that shows control characters is refused and escaped",
		servers: []server{crafted(1, record(owner, dns.TypeSRV, prefs, []byte("\x04f\x00\n\x1b\x03com\x00")))},
		want:    `+0s 10.0.0.1:53: target "f\\000\\010\\027.com." is not a host name`},
	{name: "D19 port 0 is refused", servers: []server{zone(internalTLS + ". 60 IN SRV 0 0 0 fe.contoso.com.")},
		want: `+0s 10.0.0.1:53: target "fe.contoso.com" has port 0`},
	{name: "D19 other ports are taken as published", servers: []server{zone(internalTLS + ". 60 IN SRV 0 0 443 fe.contoso.com.")},
		want: "+0s fe.contoso.com:443"},
	{name: "D21 of 1,000 targets the 16 of the best priority are kept", servers: []server{zone(manyTargets(1000)...)}, want: "+0s " +
		"fe984.contoso.com:5061 fe985.contoso.com:5061 fe986.contoso.com:5061 fe987.contoso.com:5061 fe988.contoso.com:5061 " +
		"fe989.contoso.com:5061 fe990.contoso.com:5061 fe991.contoso.com:5061 fe992.contoso.com:5061 fe993.contoso.com:5061 " +
		"fe994.contoso.com:5061 fe995.contoso.com:5061 fe996.contoso.com:5061 fe997.contoso.com:5061 fe998.contoso.com:5061 fe999.contoso.com:5061"},
	{name: "D22 of 64 KB of addresses 16 are kept", ask: "ADDR fe.contoso.com", servers: []server{zone(manyAddrs(4000)...)},
		want: "+0s 10.1.0.0 10.1.0.1 10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 10.1.0.6 10.1.0.7 10.1.0.8 10.1.0.9 10.1.0.10 10.1.0.11 10.1.0.12 10.1.0.13 10.1.0.14 10.1.0.15 alone"},
	{name: "D25 no time to live frightens us", servers: []server{zone(internalTLS+". 0 IN SRV 0 0 5061 fe.contoso.com.",
		internalTLS+". 2147483648 IN SRV 1 0 5061 fe1.contoso.com.", internalTLS+". 4294967295 IN SRV 2 0 5061 fe2.contoso.com.")},
		want: "+0s fe.contoso.com:5061 fe1.contoso.com:5061 fe2.contoso.com:5061"},
	{name: "D29 a flood of forged answers moves the question to TCP", servers: []server{zone(fe).only("tcp").or(flood)},
		want: "+0s fe.contoso.com:5061"},
	{name: "D29 a flood everywhere is not usable", servers: []server{flood},
		want: "+0s 10.0.0.1:53: too many answers to other questions, and over TCP: too many answers to other questions"},
	{name: "D30 a server that does not know EDNS is asked once without", servers: []server{noEDNS(dns.RcodeFormatError, false)},
		want: "+0s fe.contoso.com:5061", log: `
		+0s 10.0.0.1:53 udp SRV ` + internalTLS + `.
		+0s 10.0.0.1:53 udp edns=1232 SRV ` + internalTLS + `.`},
	{name: "D30 even if it answers with a header alone", servers: []server{noEDNS(dns.RcodeFormatError, true)},
		want: "+0s fe.contoso.com:5061"},
	{name: "D30 BADVERS is no reason to give up", servers: []server{noEDNS(dns.RcodeBadVers, false)}, want: "+0s fe.contoso.com:5061"},
	{name: "D30 FORMERR without EDNS is a failure", servers: []server{rcode(dns.RcodeFormatError)},
		want: "+0s 10.0.0.1:53: RCODE 1=FORMERR"},
	{name: "an extended error is told, with its text made safe", servers: []server{extended(dns.RcodeServerFailure, 7, "expired \x1b[31m\"\u202e in\n2026\x00")},
		want: `+0s 10.0.0.1:53: RCODE 2=SERVFAIL; it says "Signature Expired: expired [31m in 2026"`},
	{name: "the words before the cause, which repeat the query, are left out, and no more is kept than a line holds", servers: []server{extended(dns.RcodeServerFailure, 9, "validation failure <_sip. SRV IN>: signature "+strings.Repeat("é", 1000))},
		want: `+0s 10.0.0.1:53: RCODE 2=SERVFAIL; it says "DNSKEY Missing: signature ` + strings.Repeat("é", 75) + `…"`},
	{name: "an extended error of no code has its text", servers: []server{extended(dns.RcodeServerFailure, 0, "no luck")},
		want: `+0s 10.0.0.1:53: RCODE 2=SERVFAIL; it says "Other: no luck"`},
	{name: "an extended error decides nothing: the name does not exist", servers: []server{extended(dns.RcodeNameError, 15, "")},
		want: `+0s 10.0.0.1:53: no such name; it says "Blocked"`},
	{name: "nor does it spoil an answer", servers: []server{zone(fe).or(extended(dns.RcodeSuccess, 7, ""))}, want: "+0s fe.contoso.com:5061"},
	{name: "D32 names are absolute", servers: []server{zone()}, ask: "SRV _sip._tls.contoso", want: `+0s look up SRV "_sip._tls.contoso" at 10.0.0.1:53: no such name`,
		log: "+0s 10.0.0.1:53 udp edns=1232 SRV _sip._tls.contoso."},
	{name: "D34 a record of another owner is not used", servers: []server{crafted(1, record([]byte("\x01x\x00"), dns.TypeSRV, prefs, []byte("\x02fe\x00")))},
		want: "+0s 10.0.0.1:53: no such record"},
	{name: "D34 a record of another class is not used", servers: []server{edited(crafted(1, good), func(raw []byte) { raw[body+5] = 3 })},
		want: "+0s 10.0.0.1:53: no such record"},
	{name: "D34 additional records are not used", servers: []server{says(func(_ query, m *dns.Msg) { m.Extra = zoneAnswer(fe) })},
		want: "+0s 10.0.0.1:53: no such record"},
}

func TestBadInputs(t *testing.T) { runRows(t, badInputs) }

// The behaviours and records of the rows above.

var truncated = says(func(_ query, m *dns.Msg) { m.Truncated = true })

// extended answers with an extended error (RFC 8914).
func extended(code int, info uint16, text string) server {
	return says(func(_ query, m *dns.Msg) {
		m.Rcode = code
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeOther}, &dns.EDNS0_EDE{InfoCode: info, ExtraText: text})
	})
}

// flood answers every question with 1,000 guesses of its ID.
var flood = server{answers: func(q query) [][]byte {
	var guesses [][]byte
	for i := range 1000 {
		m := new(dns.Msg).SetReply(q.msg)
		m.Id += uint16(i + 1)
		m.Answer = zoneAnswer(fe2)
		guesses = append(guesses, pack(m))
	}
	return guesses
}}

// noEDNS refuses questions with EDNS, with a whole message or with the header alone.
func noEDNS(code int, headerOnly bool) server {
	refusal := rcode(code).when(func(q query) bool { return q.msg.IsEdns0() != nil })
	if code == dns.RcodeBadVers {
		refusal = says(func(_ query, m *dns.Msg) { m.SetEdns0(1232, false); m.Rcode = code }).when(func(q query) bool { return q.msg.IsEdns0() != nil })
	}
	whole := refusal.answers
	refusal.answers = func(q query) [][]byte {
		said := whole(q)
		if headerOnly && said != nil {
			said[0] = said[0][:headerSize]
			binary.BigEndian.PutUint16(said[0][4:], 0)
		}
		return said
	}
	return refusal.or(zone(fe))
}

// pointerChain has a target that is n pointers away from its name.
func pointerChain(n int) server {
	chain := pointer(headerSize)
	for i := 1; i < n; i++ {
		chain = append(chain, pointer(rdata+2*(i-1))...)
	}
	return crafted(2, record(owner, dns.TypeTXT, chain), record(owner, dns.TypeSRV, prefs, pointer(rdata+2*(n-1))))
}

// aliases leads from the service to its target through n aliases.
func aliases(n int) server {
	records, name := []string(nil), internalTLS
	for i := range n {
		next := fmt.Sprintf("x%d.contoso.com", i)
		records = append(records, fmt.Sprintf("%s. 60 IN CNAME %s.", name, next))
		name = next
	}
	return zone(append(records, name+". 60 IN SRV 0 0 5061 fe.contoso.com.")...)
}

func manyTargets(n int) (records []string) {
	for i := range n {
		records = append(records, fmt.Sprintf("%s. 60 IN SRV %d 0 5061 fe%d.contoso.com.", internalTLS, (i+16)%n, i))
	}
	return records
}

func manyAddrs(n int) (records []string) {
	for i := range n {
		records = append(records, fmt.Sprintf("fe.contoso.com. 60 IN A 10.1.%d.%d", i/250, i%250))
	}
	return records
}

func zoneAnswer(text string) []dns.RR {
	rr, err := dns.NewRR(text)
	if err != nil {
		panic(err)
	}
	return []dns.RR{rr}
}
