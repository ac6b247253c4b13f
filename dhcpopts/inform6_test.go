package dhcpopts

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
)

var server6 = netip.MustParseAddr("fe80::67")

// pipeConn6 is a link in memory with one server.
type pipeConn6 struct {
	net.Conn
	hw net.HardwareAddr
}

func (c pipeConn6) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, &net.UDPAddr{IP: server6.AsSlice(), Port: serverPort6, Zone: "mem0"}, err
}

func (c pipeConn6) WriteTo(b []byte, to net.Addr) (int, error) {
	if to.String() != "[ff02::1:2%mem0]:547" {
		return 0, errors.New("sent to " + to.String())
	}
	return c.Write(b)
}

func (c pipeConn6) Interface() (string, netip.Addr, net.HardwareAddr) { return "mem0", server6, c.hw }

// ask6 is ask for Inform6. The questions reach s decoded by another implementation.
func ask6(t *testing.T, window time.Duration, hw net.HardwareAddr, s func(n int, q *dhcpv6.Message, send func(time.Duration, []byte))) (answers []Answer, took time.Duration) {
	t.Helper()
	client, server := net.Pipe()
	var link sync.WaitGroup
	defer link.Wait()
	defer client.Close()
	link.Go(func() { // ends when client closes
		buf := make([]byte, bufferSize)
		for i := 0; ; i++ {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			q, err := dhcpv6.MessageFromBytes(buf[:n])
			if err != nil {
				t.Error(err)
				return
			}
			s(i, q, func(after time.Duration, payload []byte) {
				time.AfterFunc(after, func() { _, _ = server.Write(payload) })
			})
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), window)
	defer cancel()
	start := time.Now()
	if _, err := Inform6(ctx, pipeConn6{client, hw}, func(a Answer) { answers = append(answers, a) }); err != nil {
		t.Error(err)
	}
	return answers, time.Since(start)
}

// reply6 answers a question with the options.
func reply6(t *testing.T, q *dhcpv6.Message, server byte, options map[dhcpv6.OptionCode][]byte) []byte {
	t.Helper()
	m, err := dhcpv6.NewReplyFromMessage(q, dhcpv6.WithServerID(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: net.HardwareAddr{2, 0, 0, 0, 0, server}}))
	if err != nil {
		t.Fatal(err)
	}
	for code, value := range options {
		m.AddOption(&dhcpv6.OptionGeneric{OptionCode: code, OptionData: value})
	}
	return m.ToBytes()
}

func TestInform6Question(t *testing.T) {
	for _, hw := range []net.HardwareAddr{ownHW, nil} {
		synctest.Test(t, func(t *testing.T) {
			var at []time.Duration
			start := time.Now()
			var first *dhcpv6.Message
			_, took := ask6(t, 5*time.Second, hw, func(n int, q *dhcpv6.Message, _ func(time.Duration, []byte)) {
				at = append(at, time.Since(start))
				if n == 0 {
					first = q
				}
				if q.MessageType != dhcpv6.MessageTypeInformationRequest || q.TransactionID != first.TransactionID || q.Options.ElapsedTime() != time.Since(start) {
					t.Errorf("question %d: %v, elapsed %v", n, q, q.Options.ElapsedTime())
				}
				if !q.IsOptionRequested(21) || !q.IsOptionRequested(22) || len(q.Options.RequestedOptions()) != 2 {
					t.Errorf("question %d asks for %v", n, q.Options.RequestedOptions())
				}
				id := q.Options.ClientID()
				if hw == nil && id != nil || hw != nil && !id.Equal(&dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: hw}) {
					t.Errorf("question %d is from %v", n, id)
				}
			})
			if diff := cmp.Diff([]time.Duration{0, 1 * time.Second, 3 * time.Second}, at); diff != "" || took != 5*time.Second {
				t.Errorf("returned after %v, asked (-want +got):\n%s", took, diff)
			}
		})
	}
}

func TestInform6(t *testing.T) {
	names, addrs := mustHex(pool01+pool02), netip.MustParseAddr("2001:db8::12").AsSlice()
	sip := SIPServers{Raw: names, Names: []string{pool01s, pool02s}}
	type options = map[dhcpv6.OptionCode][]byte
	one := func(o options) func(*dhcpv6.Message) [][]byte {
		return func(q *dhcpv6.Message) [][]byte { return [][]byte{reply6(t, q, 1, o)} }
	}
	change := func(at int, b byte) func(*dhcpv6.Message) [][]byte {
		return func(q *dhcpv6.Message) [][]byte {
			m := reply6(t, q, 1, options{21: names})
			m[at] ^= b
			return [][]byte{m}
		}
	}
	for _, test := range []struct {
		name string
		site func(q *dhcpv6.Message) [][]byte
		want []SIPServers
	}{
		{"nobody answers", func(*dhcpv6.Message) [][]byte { return nil }, nil},
		{"names", one(options{21: names}), []SIPServers{sip}},
		{"addresses", one(options{22: addrs}), []SIPServers{{Raw: addrs, Encoding: 1, Addrs: []netip.Addr{netip.MustParseAddr("2001:db8::12")}}}},
		{"both", one(options{21: names, 22: addrs}), []SIPServers{{Raw: names, Names: sip.Names, Addrs: []netip.Addr{netip.MustParseAddr("2001:db8::12")}}}},
		{"neither", one(options{23: addrs}), []SIPServers{{}}},
		{"an empty option", one(options{21: {}}), []SIPServers{{Raw: []byte{}, Problem: "the option is empty"}}},
		{"a name that does not fit", one(options{21: {63, 'a'}}), []SIPServers{{Raw: []byte{63, 'a'}, Problem: "the name at byte 0: byte 0 is 0x3f ('?'), a label of 63 bytes, but 1 follow"}}},
		{"addresses that cannot be", one(options{22: append(netip.IPv6Unspecified().AsSlice(), netip.MustParseAddr("ff02::1").AsSlice()...)}), []SIPServers{{
			Raw: append(netip.IPv6Unspecified().AsSlice(), netip.MustParseAddr("ff02::1").AsSlice()...), Encoding: 1,
			Problem: "the address :: cannot be a Registrar; the address ff02::1 cannot be a Registrar",
		}}},
		{"an address, and half of another", one(options{22: append(netip.MustParseAddr("2001:db8::12").AsSlice(), 1)}), []SIPServers{{
			Raw: append(netip.MustParseAddr("2001:db8::12").AsSlice(), 1), Encoding: 1, Problem: "option 22 ends in the middle of an address",
		}}},
		{"too many addresses", one(options{22: bytes.Repeat(addrs, 9)}), []SIPServers{{
			Raw: bytes.Repeat(addrs, 9), Encoding: 1, Addrs: slices.Repeat([]netip.Addr{netip.MustParseAddr("2001:db8::12")}, 8),
			Problem: "option 22 has more than 8 addresses, the rest is not used",
		}}},
		{"a server that answers twice, and another", func(q *dhcpv6.Message) [][]byte {
			return [][]byte{reply6(t, q, 1, options{21: names}), reply6(t, q, 1, options{21: names}), reply6(t, q, 2, options{21: mustHex(pool02)})}
		}, []SIPServers{sip, {Raw: mustHex(pool02), Names: []string{pool02s}}}},
		{"an option that is longer than the message", func(q *dhcpv6.Message) [][]byte {
			return [][]byte{append(reply6(t, q, 1, options{21: names}), 0, 22, 0, 200, 1)}
		}, []SIPServers{sip}},
		{"another transaction", change(3, 1), nil},
		{"a datagram that is no message", func(*dhcpv6.Message) [][]byte { return [][]byte{{typeReply}} }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, _ := ask6(t, 900*time.Millisecond, ownHW, func(_ int, q *dhcpv6.Message, send func(time.Duration, []byte)) {
					for i, m := range test.site(q) {
						send(time.Duration(i+1)*time.Millisecond, m)
					}
				})
				var want []Answer
				for _, s := range test.want {
					want = append(want, Answer{Server: server6, Type: "reply", SIP: s})
				}
				if strings.HasSuffix(test.name, "longer than the message") {
					want[0].Problem = "option 22 at byte 76 is longer than the message of 81 bytes, what stands before it is used"
				}
				if diff := cmp.Diff(want, got, equateAddrs, cmpopts.IgnoreFields(Answer{}, "Took"), cmpopts.IgnoreFields(SIPServers{}, "Wrong")); diff != "" {
					t.Errorf("answers (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// What belongs to this question and cannot be used was received, and is told.
func TestInform6Unusable(t *testing.T) {
	names := mustHex(pool01)
	for _, test := range []struct {
		name   string
		change func(m []byte, q *dhcpv6.Message) []byte
		want   string
	}{
		{"another type", func(m []byte, _ *dhcpv6.Message) []byte { m[0] = 2; return m }, "it is of type 2, not a Reply (7)"},
		{"another client", func(m []byte, _ *dhcpv6.Message) []byte { m[17] ^= 1; return m },
			"it is for the client 00030001020000000021, not for 00030001020000000020"},
		{"no client", func(m []byte, q *dhcpv6.Message) []byte { return option6(m[:header6], option6ServerID, []byte{0, 3}) },
			"it does not say which client it is for (option 1 is missing)"},
		{"no server", func(m []byte, q *dhcpv6.Message) []byte {
			return option6(option6(m[:header6], option6ClientID, q.Options.ClientID().ToBytes()), option6SIPNames, names)
		}, "it does not say which server it is of (option 2 is missing)"},
		{"cut before the server", func(m []byte, q *dhcpv6.Message) []byte {
			return append(option6(m[:header6], option6ClientID, q.Options.ClientID().ToBytes()), 0, 2, 0, 10, 0)
		}, "option 2 at byte 18 is longer than the message of 23 bytes, what stands before it is used"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, _ := ask6(t, 900*time.Millisecond, ownHW, func(_ int, q *dhcpv6.Message, send func(time.Duration, []byte)) {
					send(time.Millisecond, test.change(reply6(t, q, 1, map[dhcpv6.OptionCode][]byte{21: names}), q))
				})
				want := []Answer{{Server: server6, Type: Unusable, Took: time.Millisecond, Problem: test.want}}
				if diff := cmp.Diff(want, got, equateAddrs); diff != "" {
					t.Errorf("answers (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// saying is the text of an error, "" without one.
func saying(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestInform6OnBrokenConn(t *testing.T) {
	client, _ := net.Pipe()
	client.Close()
	_, err := Inform6(t.Context(), pipeConn6{client, ownHW}, nil)
	if want := "ask DHCPv6 on mem0: io: read/write on closed pipe"; saying(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// FuzzReply6: any payload is an answer or not, without harm.
func FuzzReply6(f *testing.F) {
	reply := option6(option6([]byte{typeReply, 1, 2, 3}, option6ServerID, []byte{0, 3}), option6SIPNames, mustHex(pool01))
	f.Add(reply)
	f.Add(option6(bytes.Clone(reply), option6SIPAddrs, make([]byte, 17)))
	f.Add([]byte{typeReply, 1, 2, 3, 0, 2, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, payload []byte) {
		q := query6{xid: [3]byte{1, 2, 3}, started: time.Now()}
		a, why := q.answer(payload, server6)
		if (why == Read) != (a.Type == "reply" || a.Type == Unusable) || !a.same(a) || len(a.SIP.Names) > maxServers || len(a.SIP.Addrs) > maxServers {
			t.Fatalf("%v, answer %+v", why, a)
		}
	})
}
