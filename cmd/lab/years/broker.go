package years

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"

	"homeward/internal/fleet"
)

// brokerAt is where the broker of the fleet is, brokerName the name in its certificate.
const (
	brokerAt   = "10.0.0.50:8883"
	brokerName = "broker." + domain
)

// broker is as much of an MQTT 5 broker as one device needs that publishes: it acknowledges, and keeps the last state.
type broker struct {
	roots  *x509.CertPool
	secure *tls.Config

	mu     sync.Mutex
	fault  string // a word of brokerFaults; "": none
	wellAt time.Time
	conns  map[net.Conn]bool
	state  fleet.State // the retained one
}

// brokerFaults are what a broker may do besides its work.
var brokerFaults = []string{"refuse", "silent", "busy", "slow", "drop"}

// slowAck is how late a slow broker acknowledges.
const slowAck = 12 * time.Second

// The types of MQTT packets (MQTT 5 section 2.1.2).
const (
	mqttConnect, mqttConnAck, mqttPublish, mqttPubAck = 1, 2, 3, 4
	mqttPing, mqttPong                                = 12, 13
)

func newBroker() (*broker, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{brokerName}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(20, 0, 0), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	b := &broker{roots: x509.NewCertPool(), conns: map[net.Conn]bool{}, wellAt: time.Now()}
	b.roots.AddCert(root)
	b.secure = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
	return b, nil
}

// settings are those of a device, which reaches the broker from an address of its own.
func (b *broker) settings(dial dialFunc) fleet.Settings {
	_, port, _ := net.SplitHostPort(brokerAt)
	return fleet.Settings{Broker: brokerName + ":" + port, Name: fleet.Name{Site: "site1", Device: "phone1"}, Roots: b.roots, Dial: dial}
}

// is gives the broker a fault; "": none. What ends connections ends them.
func (b *broker) is(fault string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault, b.wellAt = fault, time.Time{}
	if fault == "" {
		b.wellAt = time.Now()
	}
	if fault == "refuse" || fault == "drop" {
		b.hangUp()
	}
}

// hangUp ends all connections. b.mu is held.
func (b *broker) hangUp() {
	for c := range b.conns {
		c.Close()
		delete(b.conns, c)
	}
}

// close is the end of the year, after the last acknowledgement.
func (b *broker) close() {
	b.is("refuse")
	time.Sleep(slowAck)
}

func (b *broker) now() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fault
}

// last is the retained state, and since when the broker is well; the zero time: it is not.
func (b *broker) last() (fleet.State, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state, b.wellAt
}

// ends is a pipe whose ends have addresses.
type ends struct {
	net.Conn
	local, remote net.Addr
}

func (e ends) LocalAddr() net.Addr  { return e.local }
func (e ends) RemoteAddr() net.Addr { return e.remote }

// dial connects from an address.
func (b *broker) dial(from string) (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault == "refuse" {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	ours, theirs := net.Pipe()
	b.conns[theirs] = true
	go b.serve(theirs)
	at := func(s string) net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(s)) }
	return ends{ours, at(from + ":49999"), at(brokerAt)}, nil
}

// errRefused is the end of a connection that the broker does not want.
var errRefused = errors.New("refused")

func (b *broker) serve(raw net.Conn) {
	defer func() {
		raw.Close()
		b.mu.Lock()
		delete(b.conns, raw)
		b.mu.Unlock()
	}()
	c := tls.Server(raw, b.secure)
	in := bufio.NewReader(c)
	for {
		kind, flags, body, err := readPacket(in)
		if err != nil {
			return
		}
		switch b.now() {
		case "silent":
		case "slow": // it reads at once
			time.AfterFunc(slowAck, func() { _ = b.answer(c, raw, kind, flags, body) }) // the connection may be gone
		default:
			if err := b.answer(c, raw, kind, flags, body); err != nil {
				return
			}
		}
	}
}

// readPacket reads one packet (MQTT 5 section 2.1).
func readPacket(in *bufio.Reader) (kind, flags byte, body []byte, err error) {
	head, err := in.ReadByte()
	if err != nil {
		return 0, 0, nil, err
	}
	size, err := binary.ReadUvarint(in) // a variable byte integer has the same form (section 1.5.5)
	if err != nil || size > 1<<20 {
		return 0, 0, nil, errors.Join(err, errRefused)
	}
	body = make([]byte, size)
	_, err = io.ReadFull(in, body)
	return head >> 4, head & 15, body, err
}

func (b *broker) answer(c io.Writer, raw net.Conn, kind, flags byte, body []byte) error {
	switch kind {
	case mqttConnect:
		code := byte(0)
		if b.now() == "busy" {
			code = 0x89
		}
		b.mu.Lock()
		for other := range b.conns { // the device has one session: it is taken over
			if other != raw {
				other.Close()
				delete(b.conns, other)
			}
		}
		b.mu.Unlock()
		if _, err := c.Write([]byte{mqttConnAck << 4, 3, 0, code, 0}); err != nil || code != 0 {
			return errors.Join(err, errRefused)
		}
	case mqttPublish:
		topic, id, payload, err := parsePublish(flags, body)
		if err != nil {
			return err
		}
		b.keep(topic, payload)
		_, err = c.Write([]byte{mqttPubAck << 4, 2, id[0], id[1]})
		return err
	case mqttPing:
		_, err := c.Write([]byte{mqttPong << 4, 0})
		return err
	default: // DISCONNECT
		return io.EOF
	}
	return nil
}

// parsePublish takes a PUBLISH of QoS 1 apart (MQTT 5 section 3.3).
func parsePublish(flags byte, body []byte) (topic string, id, payload []byte, err error) {
	if flags>>1&3 != 1 || len(body) < 2 {
		return "", nil, nil, fmt.Errorf("PUBLISH with the flags %x", flags)
	}
	n := 2 + int(binary.BigEndian.Uint16(body))
	if len(body) < n+3 {
		return "", nil, nil, io.ErrUnexpectedEOF
	}
	properties, used := binary.Uvarint(body[n+2:])
	from := n + 2 + used + int(properties) //nolint:gosec // of a packet of ours
	if used <= 0 || from > len(body) {
		return "", nil, nil, io.ErrUnexpectedEOF
	}
	return string(body[2:n]), body[n : n+2], body[from:], nil
}

func (b *broker) keep(topic string, payload []byte) {
	var s fleet.State
	if !strings.HasSuffix(topic, "/"+fleet.StateTopic) || json.Unmarshal(payload, &s) != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.state = s
}
