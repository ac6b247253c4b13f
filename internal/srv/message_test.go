package srv

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// A question is, byte for byte, the one that dns.Msg would write, and fails where that does.
func TestQuestionIsThatOfTheLibrary(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, name := range []string{
		".", "contoso.com.", "_sipinternaltls._tcp.contoso.com.", `a\.b.contoso.com.`, `\000\255\ \(x.contoso.com.`, `a\\.`, label + ".", label + "a.",
		strings.Repeat(label+".", 4), "..", ".contoso.com.", "a..b.", "contoso.com", `contoso.com\.`, `a\`, `\12.`, "ü.contoso.com.",
	} {
		for _, edns := range []bool{true, false} {
			var m dns.Msg
			m.SetQuestion(name, dns.TypeSRV)
			if edns {
				m.SetEdns0(offeredSize, false)
			}
			q, err := newQuestion(name, dns.TypeSRV, edns)
			if err == nil {
				m.Id = q.id
			}
			want, wrong := m.Pack()
			switch {
			case err != nil || wrong != nil:
				if wrong == nil || err == nil || err.Error() != "write the question: "+wrong.Error() {
					t.Errorf("%q: error %v, and of the library %v", name, err, wrong)
				}
			case q.name != name || q.kind != dns.TypeSRV || !bytes.Equal(q.wire, want):
				t.Errorf("%q:\n got %x\nwant %x", name, q.wire, want)
			}
		}
	}
}

// FuzzResource: a record holds what the library reads in it, and is damaged if the library says so.
func FuzzResource(f *testing.F) {
	const before = "\x00\x07contoso\x03com\x00"
	for _, data := range []string{
		"", "\x00", "\x00\x01", "\x00\x01\x00", "\x00\x01\x00\x02", "\x00\x01\x00\x02\x13\xc4", "\x00\x01\x00\x02\x13\xc4\x00", "\x00\x01\x00\x02\x13\xc4\x02fe\xc0\x01",
		"\x00\x01\x00\x02\x13\xc4\x02fe", "\x00\x01\x00\x02\x13\xc4\xc0\x01x", "\x02f.\x01\xff\x00", "\xc0\x0d", "\xc0\x01", "\x40", "\x0a\x00\x00\x01", "\x0a\x00\x00\x01\x02",
		"\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x00\x00\x01",
	} {
		f.Add([]byte(before+data), len(data))
	}
	f.Fuzz(func(t *testing.T, raw []byte, size int) {
		if size < 0 || size > len(raw) || len(raw) > 1<<15 {
			return
		}
		for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypeCNAME} {
			h := dns.RR_Header{Name: "contoso.com.", Rrtype: kind, Class: dns.ClassINET, Rdlength: uint16(size)}
			rr, _, err := dns.UnpackRRWithHeader(h, raw, len(raw)-size)
			got, ok := newResource(h.Name, kind, raw, len(raw)-size, size)
			if ok != (err == nil) {
				t.Errorf("%s %x: readable: %v, and by the library: %v", dns.TypeToString[kind], raw, ok, err)
			}
			if ok && err == nil && *got != resourceOf(rr) {
				t.Errorf("%s %x:\n got %+v\nwant %+v", dns.TypeToString[kind], raw, *got, resourceOf(rr))
			}
		}
	})
}

// resourceOf is what we use of a record of the library.
func resourceOf(rr dns.RR) resource {
	of := resource{owner: rr.Header().Name, kind: rr.Header().Rrtype}
	switch rr := rr.(type) {
	case *dns.A:
		of.addr, _ = netip.AddrFromSlice(rr.A)
	case *dns.AAAA:
		of.addr, _ = netip.AddrFromSlice(rr.AAAA)
	case *dns.CNAME:
		of.target = rr.Target
	case *dns.SRV:
		of.target = rr.Target
		if of.target != "" { // without it, nobody asks for the numbers
			of.priority, of.weight, of.port = rr.Priority, rr.Weight, rr.Port
		}
	}
	return of
}
