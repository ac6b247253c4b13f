package dhcpopts

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

var (
	ownAddr   = netip.MustParseAddr("10.0.0.20")
	ownHW     = net.HardwareAddr{2, 0, 0, 0, 0, 0x20}
	server67  = netip.MustParseAddr("10.0.0.67")
	server68  = netip.MustParseAddr("10.0.0.68")
	goldenSIP = mustHex("00" + pool01)
)

// pipeConn is a link in memory: each write on one end is one read on the other.
type pipeConn struct {
	net.Conn
	from netip.Addr // where everything that is read comes from
}

func (c pipeConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, err := c.Read(b)
	return n, net.UDPAddrFromAddrPort(netip.AddrPortFrom(c.from, serverPort)), err
}

func (c pipeConn) WriteTo(b []byte, to net.Addr) (int, error) {
	if to.String() != "255.255.255.255:67" {
		return 0, errors.New("sent to " + to.String())
	}
	return c.Write(b)
}

func (c pipeConn) Interface() (string, netip.Addr, net.HardwareAddr) { return "mem0", ownAddr, ownHW }

// site is what the servers of a link do: it gets each question with the moment it came, and sends answers.
type site func(n int, question []byte, send func(after time.Duration, payload []byte))

// ask runs Inform against s for the given time, inside a bubble. It returns the answers, how long Inform took, and its error.
func ask(t *testing.T, window time.Duration, s site) (answers []Answer, took time.Duration, err error) {
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
			s(i, bytes.Clone(buf[:n]), func(after time.Duration, payload []byte) {
				time.AfterFunc(after, func() { _, _ = server.Write(payload) })
			})
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), window)
	defer cancel()
	start := time.Now()
	_, err = Inform(ctx, pipeConn{client, server67}, func(a Answer) { answers = append(answers, a) })
	return answers, time.Since(start), err
}

// reply makes a message of the given type to a question.
func reply(t testing.TB, question []byte, typ dhcpv4.MessageType, more ...dhcpv4.Modifier) []byte {
	t.Helper()
	q, err := dhcpv4.FromBytes(question)
	if err != nil {
		t.Fatal(err)
	}
	m, err := dhcpv4.NewReplyFromRequest(q, append([]dhcpv4.Modifier{dhcpv4.WithMessageType(typ)}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	return m.ToBytes()
}

func withServer(a netip.Addr) dhcpv4.Modifier {
	return dhcpv4.WithOption(dhcpv4.OptServerIdentifier(a.AsSlice()))
}

func with120(value []byte) dhcpv4.Modifier {
	return dhcpv4.WithGeneric(dhcpv4.OptionSIPServers, value)
}

func with43(value []byte) dhcpv4.Modifier {
	return dhcpv4.WithGeneric(dhcpv4.OptionVendorSpecificInformation, value)
}

const ack = dhcpv4.MessageTypeAck

func TestInformQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type question struct {
			at   time.Duration
			secs uint16
		}
		var got []question
		var first []byte
		start := time.Now()
		answers, took, err := ask(t, 10*time.Second, func(n int, q []byte, _ func(time.Duration, []byte)) {
			m, err := dhcpv4.FromBytes(q)
			if err != nil {
				t.Error(err)
				return
			}
			got = append(got, question{time.Since(start), m.NumSeconds})
			if n == 0 {
				first = q
			} else if !bytes.Equal(q[4:8], first[4:8]) {
				t.Errorf("question %d has another transaction id", n)
			}
		})
		if len(answers) != 0 || took != 10*time.Second || err != nil {
			t.Errorf("silence gave %d answers after %v, %v", len(answers), took, err)
		}
		want := []question{{0, 0}, {time.Second, 1}, {3 * time.Second, 3}}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(question{})); diff != "" {
			t.Errorf("questions (-want +got):\n%s", diff)
		}
		clear(first[4:8])
		header := mustHex("01 01 06 00 00000000 0000 0000 0A000014 00000000 00000000 00000000 020000000020" + strings.Repeat("00", 10+64+128) +
			"63825363" + // then 53 INFORM, 55 {120, 43}, 57 1500, 60
			"350108 37027 82B 390205DC 3C0C4D532D55432D436C69656E74 FF")
		if want := append(header, make([]byte, 300-len(header))...); !bytes.Equal(first, want) {
			t.Errorf("question\n%x, want\n%x", first, want)
		}
	})
}

// What is asked besides stays out of the question of the device.
func TestQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		heard := make(chan []byte, 1)
		go func() {
			buf := make([]byte, bufferSize)
			n, _ := server.Read(buf)
			heard <- buf[:n]
		}()
		if _, err := (Question{VendorClass: "ms-uc-client", Besides: true}).Inform(ctx, pipeConn{client, server67}, nil); err != nil {
			t.Fatal(err)
		}
		asked, err := dhcpv4.FromBytes(<-heard)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := asked.ClassIdentifier(), "ms-uc-client"; got != want {
			t.Errorf("vendor class %q, want %q", got, want)
		}
		if got, want := asked.Options.Get(dhcpv4.OptionParameterRequestList), []byte{120, 43, 42, 121, 249, 3, 33, 6, 1, 15, 119}; !bytes.Equal(got, want) {
			t.Errorf("asked for %v, want %v", got, want)
		}
	})
}

func TestInform(t *testing.T) {
	const ms = time.Millisecond
	sip := ParseSIPServers(goldenSIP)
	other := mustHex("00" + pool02)
	for _, test := range []struct {
		name   string
		window time.Duration
		site   site
		want   []Answer
	}{
		{"one server", 500 * ms,
			func(n int, q []byte, send func(time.Duration, []byte)) {
				send(4*ms, reply(t, q, ack, withServer(server67), with120(goldenSIP), with43(mustHex(goldenVendor))))
			},
			[]Answer{{Server: server67, Took: 4 * ms, Type: "ack", SIP: sip, Vendor: ParseVendor(mustHex(goldenVendor))}}},
		{"an answer to the second question", 5 * time.Second,
			func(n int, q []byte, send func(time.Duration, []byte)) {
				if n == 1 {
					send(4*ms, reply(t, q, ack, withServer(server67), with120(goldenSIP)))
				}
			},
			[]Answer{{Server: server67, Took: 1004 * ms, Type: "ack", SIP: sip}}},
		{"the same answer to each question is reported once", 5 * time.Second,
			func(n int, q []byte, send func(time.Duration, []byte)) {
				send(4*ms, reply(t, q, ack, withServer(server67), with120(goldenSIP)))
				send(5*ms, reply(t, q, ack, withServer(server67), with120(goldenSIP)))
			},
			[]Answer{{Server: server67, Took: 4 * ms, Type: "ack", SIP: sip}}},
		{"H12 two servers with different names", 500 * ms,
			func(n int, q []byte, send func(time.Duration, []byte)) {
				send(9*ms, reply(t, q, ack, withServer(server67), with120(goldenSIP)))
				send(4*ms, reply(t, q, ack, withServer(server68), with120(other)))
			},
			[]Answer{{Server: server68, Took: 4 * ms, Type: "ack", SIP: ParseSIPServers(other)}, {Server: server67, Took: 9 * ms, Type: "ack", SIP: sip}}},
		{"a server that changes its mind", 5 * time.Second,
			func(n int, q []byte, send func(time.Duration, []byte)) {
				typ := []dhcpv4.MessageType{dhcpv4.MessageTypeNak, ack, ack}[n]
				send(4*ms, reply(t, q, typ, withServer(server67)))
			},
			[]Answer{{Server: server67, Took: 4 * ms, Type: "nak"}, {Server: server67, Took: 1004 * ms, Type: "ack"}}},
		{"an answer after the window", 500 * ms,
			func(n int, q []byte, send func(time.Duration, []byte)) { send(501*ms, reply(t, q, ack)) },
			nil},
		{"H09 an answer larger than the buffer is ignored", 500 * ms,
			func(n int, q []byte, send func(time.Duration, []byte)) {
				send(4*ms, append(reply(t, q, ack, with120(goldenSIP)), make([]byte, 10<<10)...))
			},
			nil},
		{"H23 a flood of refusals is one answer", 500 * ms,
			func(n int, q []byte, send func(time.Duration, []byte)) {
				for i := range 1000 {
					send(time.Duration(i)*ms/4, reply(t, q, dhcpv4.MessageTypeNak))
				}
			},
			[]Answer{{Server: server67, Type: "nak"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, took, err := ask(t, test.window, test.site)
				if err != nil || took != test.window {
					t.Errorf("returned after %v: %v", took, err)
				}
				if diff := cmp.Diff(test.want, got, equateAddrs); diff != "" {
					t.Errorf("answers (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestInformStopsAfterEnoughAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // H23
		answers, took, err := ask(t, 5*time.Second, func(n int, q []byte, send func(time.Duration, []byte)) {
			for i := range 200 {
				id := netip.AddrFrom4([4]byte{10, 0, 1, byte(i)})
				send(time.Duration(i)*time.Millisecond, reply(t, q, ack, withServer(id)))
			}
		})
		if len(answers) != 16 || took != 15*time.Millisecond || err != nil {
			t.Errorf("%d answers after %v, %v", len(answers), took, err)
		}
	})
}

func TestInformEndsWithContext(t *testing.T) {
	for name, end := range map[string]func(cancel func()){
		"in the callback":   func(cancel func()) { cancel() },
		"during the window": func(cancel func()) { time.AfterFunc(100*time.Millisecond, cancel) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				defer client.Close()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go func() {
					buf := make([]byte, bufferSize)
					n, _ := server.Read(buf)
					_, _ = server.Write(reply(t, buf[:n], ack))
				}()
				start := time.Now()
				_, err := Inform(ctx, pipeConn{client, server67}, func(Answer) { end(cancel) })
				if took := time.Since(start); err != nil || took > 100*time.Millisecond {
					t.Errorf("returned after %v: %v", took, err)
				}
			})
		})
	}
}

// The deadline of a round must not replace the one by which the end of ctx ends the read.
func TestInformAfterContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := net.Pipe()
		defer client.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		go func() {
			time.Sleep(time.Millisecond) // ctx has told the conn by now
			_, _ = server.Read(make([]byte, bufferSize))
		}()
		start := time.Now()
		_, err := Inform(ctx, pipeConn{client, server67}, nil)
		if took := time.Since(start); err != nil || took != time.Millisecond {
			t.Errorf("returned after %v: %v", took, err)
		}
	})
}

// deafConn can be written, but not read.
type deafConn struct{ pipeConn }

func (deafConn) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }
func (deafConn) ReadFrom([]byte) (int, net.Addr, error)    { return 0, nil, io.EOF }
func (deafConn) SetReadDeadline(time.Time) error           { return nil }

func TestInformOnBrokenConn(t *testing.T) {
	client, _ := net.Pipe()
	client.Close()
	_, err := Inform(t.Context(), pipeConn{client, server67}, nil)
	if !errors.Is(err, io.ErrClosedPipe) || err.Error() != "ask DHCP on mem0: io: read/write on closed pipe" {
		t.Errorf("writing: %v", err)
	}
	_, err = Inform(t.Context(), deafConn{}, nil)
	if !errors.Is(err, io.EOF) || err.Error() != "read DHCP answers on mem0: EOF" {
		t.Errorf("reading: %v", err)
	}
}
