package fleet

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"pgregory.net/rapid"
)

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"phone1": true, "phone1.contoso.com": true, "sip:phone1@contoso.com": true, "00-11-22-33": true, strings.Repeat("x", 64): true,
		"": false, "a/b": false, "+": false, "#": false, "$SYS": false, "a b": false, "ä": false, "a\nb": false, strings.Repeat("x", 65): false,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	n := Name{"site1", "phone1"}
	if got, kind, ok := ParseTopic(n.topic(StateTopic)); got != n || kind != StateTopic || !ok {
		t.Errorf("got %v %s %v", got, kind, ok)
	}
	for _, topic := range []string{"homeward/v1/site1/phone1", "homeward/v2/site1/phone1/state", "homeward/v1/site1/a/b/state", "homeward/v1//phone1/state", "homeward/v1/+/phone1/state"} {
		if got, _, ok := ParseTopic(topic); ok {
			t.Errorf("%s is of %s", topic, got)
		}
	}
}

// The account is that of the address, however it is written: echo -n sip:phone1@contoso.com | sha256sum.
func TestAccount(t *testing.T) {
	for _, address := range []string{"sip:phone1@contoso.com", "phone1@contoso.com", "sip:Phone1@Contoso.com"} {
		if got, want := AccountOf(address), "50e0bc916163abe4"; got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

// However long the names are, a state stays below its limit, and how the device stands is in it.
func TestStateHasALimit(t *testing.T) {
	host := strings.Repeat("x", 253)
	r := Registrar{Host: host, Port: 5061, Transport: "tls", Step: "internal-tls", Role: "primary"}
	s := State{
		Version: 1, State: "registered", SIPDomain: host, Registrar: &r, Home: []Registrar{r, r, r, r, r}, MediaRelays: []string{host, host, host, host},
		Cache: &Cache{Registrar: host}, LastFailure: &Failure{Host: host},
	}
	text := s.text()
	if len(text) > maxState || !strings.Contains(string(text), `"state":"registered"`) || !strings.Contains(string(text), `"last_failure"`) {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}

// What only counts, or is the time, is no reason to publish; everything else is.
func TestWhatIsAChange(t *testing.T) {
	before := State{State: "outage", LastFailure: &Failure{Reason: "dns-timeout"}, Cache: &Cache{Generation: 1}}
	same := State{State: "outage", At: time.Now(), LastFailure: &Failure{Reason: "dns-timeout", At: time.Now()}, Cache: &Cache{Generation: 1, WrittenAt: time.Now()}, Counters: Counters{Cycles: 9}}
	if before.change() != same.change() {
		t.Errorf("%s\n%s", before.change(), same.change())
	}
	for _, other := range []State{
		{State: "resting", LastFailure: before.LastFailure, Cache: before.Cache},
		{State: "outage", LastFailure: &Failure{Reason: "dns-refused"}, Cache: before.Cache},
		{State: "outage", LastFailure: before.LastFailure, Cache: &Cache{Generation: 2}},
		{State: "outage", LastFailure: before.LastFailure, Cache: before.Cache, Degraded: true},
	} {
		if before.change() == other.change() {
			t.Errorf("no change: %+v", other)
		}
	}
}

// The outbox gives out what was added, in order, up to its bounds, and counts all that it did not.
func TestOutbox(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var o outbox
		added, sent, last := 0, 0, -1
		take := func() {
			event, ticket, ok := o.next()
			if !ok {
				return
			}
			for range rapid.IntRange(0, 2*maxEvents).Draw(t, "meanwhile") { // while it is on its way
				o.add(binary.BigEndian.AppendUint32(make([]byte, rapid.IntRange(0, 600).Draw(t, "size")), uint32(added)))
				added++
			}
			o.done(ticket)
			number := int(binary.BigEndian.Uint32(event[len(event)-4:]))
			if number <= last {
				t.Fatalf("%d comes after %d", number, last)
			}
			last = number
			sent++
		}
		for range rapid.IntRange(1, 10).Draw(t, "rounds") {
			o.add(binary.BigEndian.AppendUint32(nil, uint32(added)))
			added++
			take()
			if len(o.events) > maxEvents || o.size > maxBytes {
				t.Fatalf("it keeps %d events, %d bytes", len(o.events), o.size)
			}
			if int(o.dropped) != added-sent-len(o.events) {
				t.Fatalf("%d added, %d sent, %d kept, %d dropped", added, sent, len(o.events), o.dropped)
			}
		}
	})
}

// Retries are spread over a bound that doubles up to a quarter of an hour; a broker that says that it is busy has all of it.
func TestPace(t *testing.T) {
	for failures, bound := range map[int]time.Duration{1: 30 * time.Second, 2: time.Minute, 5: 8 * time.Minute, 6: maxSpread, 1000: maxSpread} {
		var shortest, longest time.Duration = time.Hour, 0
		for range 2000 {
			wait := usual.wait(failures, false)
			shortest, longest = min(shortest, wait), max(longest, wait)
		}
		if shortest < bound/30 || shortest > bound/10 || longest > bound+bound/30 || longest < bound*9/10 {
			t.Errorf("after %d failures: from %v to %v", failures, shortest, longest)
		}
	}
	if wait := usual.wait(1, true); wait < maxSpread/30 {
		t.Errorf("a busy broker is asked again after %v", wait)
	}
	if 3*keepAlive/2+willDelay > 6*time.Minute {
		t.Error("docs/fleet.md says that a device that has fallen silent is offline after six minutes")
	}
}

// However the bytes are cut, packets up to the limit pass as they are, and nothing of a longer one does. What is published
// goes past the reader, if somebody takes it.
func FuzzFramed(f *testing.F) {
	f.Add([]byte{0x20, 0x02, 0, 0, 0xd0, 0x00, 0x30, 0x80, 0x01}, uint64(1))
	f.Add([]byte{0x20, 0xff, 0xff, 0xff, 0x7f}, uint64(2))
	f.Add([]byte{0x20, 0x80, 0x80, 0x80, 0x80, 0x80}, uint64(3))
	f.Add([]byte("\x20\x02\x00\x00\x31\x09\x00\x03a/b\x00{}\xd0\x00\x30\x00"), uint64(4))
	f.Add([]byte("\x31\x0b\x00\x01a\x05\x03\x00\x02ok{}\x33\x03\x00\x01a"), uint64(5))
	f.Fuzz(func(t *testing.T, bytesIn []byte, seed uint64) {
		const limit = 100
		read := func(take func(byte, []byte) error) ([]byte, error) {
			in := pieces{bytes.NewReader(bytesIn), rand.New(rand.NewPCG(seed, 0))}
			return io.ReadAll(newFramed(in, intake{limit, 16, take}))
		}
		all, tooLong := packetsIn(bytesIn, limit)
		got, err := read(nil)
		if want := bytes.Join(all, nil); !bytes.Equal(got, want) || (err != nil) != tooLong {
			t.Errorf("%x: got %x, %v; want %x", bytesIn, got, err, want)
		}

		var taken []packets.Publish
		got, err = read(func(first byte, body []byte) error {
			topic, text, ok := parsePublish(body)
			if !ok {
				return io.ErrUnexpectedEOF
			}
			taken = append(taken, packets.Publish{QoS: (first & qosBits) >> 1, Topic: topic, Retain: first&retainBit != 0, Payload: text})
			return nil
		})
		var passed []byte
		published := 0
		for _, packet := range all {
			if packet[0]>>4 != typePublish {
				passed = append(passed, packet...)
				continue
			}
			if published++; published > len(taken) {
				continue
			}
			mine := taken[published-1]
			theirs, err := packets.ReadPacket(bytes.NewReader(packet))
			if err != nil {
				continue // they look into the properties, too
			}
			if p := theirs.Content.(*packets.Publish); p.QoS == 0 && (p.Topic != mine.Topic || p.Retain != mine.Retain || !bytes.Equal(p.Payload, mine.Payload)) {
				t.Errorf("%x: taken %s, want %s", packet, &mine, p)
			}
		}
		if !bytes.HasPrefix(passed, got) || err == nil && len(taken) < published-1 {
			t.Errorf("%x: got %x and %d messages, %v; want %x and %d", bytesIn, got, len(taken), err, passed, published)
		}
	})
}

// packetsIn are the packets in what a broker sends, the last one perhaps without its end, up to one that is too long.
func packetsIn(in []byte, limit int) (all [][]byte, tooLong bool) {
	for len(in) > 0 {
		length, size := 0, 1
		for more := true; more; size++ {
			if size == len(in) {
				return all, false
			}
			length |= int(in[size]&0x7f) << (7 * (size - 1))
			if more = in[size]&0x80 != 0; length > limit || more && size == 4 {
				return all, true
			}
		}
		end := min(size+length, len(in))
		all, in = append(all, in[:end]), in[end:]
	}
	return all, false
}

// pieces gives its bytes out in pieces.
type pieces struct {
	in     *bytes.Reader
	chance *rand.Rand
}

func (p pieces) Read(b []byte) (int, error)     { return p.in.Read(b[:min(len(b), 1+p.chance.IntN(5))]) }
func (pieces) Write(b []byte) (int, error)      { return len(b), nil }
func (pieces) Close() error                     { return nil }
func (pieces) LocalAddr() net.Addr              { return nil }
func (pieces) RemoteAddr() net.Addr             { return nil }
func (pieces) SetDeadline(time.Time) error      { return nil }
func (pieces) SetReadDeadline(time.Time) error  { return nil }
func (pieces) SetWriteDeadline(time.Time) error { return nil }
