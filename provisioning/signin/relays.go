package signin

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"net/netip"
	"sync"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// relayLimit is how long a media relay may take to answer a probe. (Our choice.)
const relayLimit = 2 * time.Second

// probeRelays tries each relay on UDP and TCP, without credentials, and notes whether it answers.
func probeRelays(ctx context.Context, w wire.Wire, relays []provisioning.MediaRelay) {
	ctx, cancel := context.WithTimeout(ctx, relayLimit)
	defer cancel()
	var probes sync.WaitGroup
	for i := range relays {
		r := &relays[i]
		if r.UDPPort != 0 && len(r.Addresses) > 0 {
			probes.Go(func() { r.UDPAnswers = anyAnswers(ctx, &w, r.Addresses, r.UDPPort, probeUDP) })
		}
		if r.TCPPort != 0 && len(r.Addresses) > 0 {
			probes.Go(func() { r.TCPAnswers = anyAnswers(ctx, &w, r.Addresses, r.TCPPort, probeTCP) })
		}
	}
	probes.Wait()
}

// anyAnswers probes all addresses of a relay at the same time.
func anyAnswers(ctx context.Context, w *wire.Wire, addrs []netip.Addr, port uint16, probe func(context.Context, wire.Wire, string) bool) *bool {
	answered := make(chan bool, len(addrs))
	var probes sync.WaitGroup
	defer probes.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, addr := range addrs {
		probes.Go(func() { answered <- probe(ctx, *w, netip.AddrPortFrom(addr, port).String()) })
	}
	yes := false
	for range addrs {
		if yes = <-answered; yes {
			break
		}
	}
	return &yes
}

func probeTCP(ctx context.Context, w wire.Wire, address string) bool {
	conn, err := w.Dial(ctx, "tcp", address)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// probeUDP sends an Allocate without credentials (MS-TURN §2.2): an A/V Edge answers with 401, and any answer to
// our transaction shows that a relay lives there.
func probeUDP(ctx context.Context, w wire.Wire, address string) bool {
	conn, err := w.Dial(ctx, "udp", address)
	if err != nil {
		return false
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	request := allocateRequest()
	transaction := request[4:20]
	answer := make([]byte, 1500)
	for range 3 { // one datagram may be lost
		if _, err := conn.Write(request); err != nil {
			return false
		}
		if err := conn.SetReadDeadline(time.Now().Add(relayLimit / 3)); err != nil {
			return false
		}
		if n, err := conn.Read(answer); err == nil && n >= 20 && bytes.Equal(answer[4:20], transaction) {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
	}
	return false
}

// allocateRequest is the smallest Allocate of MS-TURN: header of 20 bytes with a transaction id of 16, Magic
// Cookie, MS-Version 1.
func allocateRequest() []byte {
	const (
		allocate    = 0x0003
		magicCookie = 0x000F
		cookie      = 0x72C64BC6
		msVersion   = 0x8008
	)
	b := binary.BigEndian.AppendUint16(nil, allocate)
	b = binary.BigEndian.AppendUint16(b, 16)
	b = append(b, make([]byte, 16)...)
	rand.Read(b[4:20])
	for _, attribute := range [...]struct {
		kind  uint16
		value uint32
	}{{magicCookie, cookie}, {msVersion, 1}} {
		b = binary.BigEndian.AppendUint16(b, attribute.kind)
		b = binary.BigEndian.AppendUint16(b, 4)
		b = binary.BigEndian.AppendUint32(b, attribute.value)
	}
	return b
}
