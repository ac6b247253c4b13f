package wire

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Specification constants: RFC 826, for IPv4 over Ethernet.
const (
	arpSize     = 28
	arpHeader   = "\x00\x01\x08\x00\x06\x04\x00" // Ethernet, IPv4, the lengths of their addresses; then the operation
	arpRequest  = 1
	arpSender   = 8  // where its hardware address stands
	arpSenderIP = 14 // where its address stands
	arpTargetIP = 24
	macSize     = 6
)

// arpTries are until when answers to each of the questions are waited for: one may get lost. (Our choice.)
var arpTries = []time.Duration{300 * time.Millisecond, 700 * time.Millisecond}

// maxHolders bounds how many are told: anybody on the link can answer with ever new addresses. (Our choice.)
const maxHolders = 8

// holders asks with a packet socket, which needs CAP_NET_RAW.
func holders(ctx context.Context, iface string, sender, addr netip.Addr) (macs []string, err error) {
	card, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, err
	}
	if len(card.HardwareAddr) != macSize {
		return nil, errors.ErrUnsupported // no Ethernet
	}
	question := make([]byte, arpSize)
	copy(question, arpHeader)
	question[len(arpHeader)] = arpRequest
	copy(question[arpSender:], card.HardwareAddr)
	copy(question[arpSenderIP:], sender.AsSlice())
	copy(question[arpTargetIP:], addr.AsSlice())
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0) // it hears nothing until it is bound
	if err != nil {
		return nil, err
	}
	socket := os.NewFile(uintptr(fd), "arp")
	defer socket.Close()
	all := everybody(card.Index)
	defer context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(time.Unix(1, 0)) })() // it is not read any more
	err = unix.Bind(fd, all)
	known := ownMACs()
	began, buf := time.Now(), make([]byte, 2*arpSize)
	for _, until := range arpTries {
		if err == nil {
			err = unix.Sendto(fd, question, 0, all)
		}
		if err == nil {
			err = socket.SetReadDeadline(began.Add(until))
		}
		for err == nil {
			var n int
			if n, err = socket.Read(buf); err != nil || n < arpSize || string(buf[:len(arpHeader)]) != arpHeader || !bytes.Equal(buf[arpSenderIP:arpSenderIP+4], question[arpTargetIP:]) {
				continue
			}
			if mac := net.HardwareAddr(buf[arpSender : arpSender+macSize]).String(); !known[mac] {
				macs, known[mac] = append(macs, mac), true
			}
			if len(macs) == maxHolders {
				return macs, nil
			}
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return nil, err
		}
		if err = ctx.Err(); err != nil {
			return nil, err
		}
	}
	return macs, nil
}

// ownMACs are the hardware addresses of this device: a system may answer on one interface for the address of another.
func ownMACs() map[string]bool {
	own := map[string]bool{}
	all, _ := net.Interfaces() // none is none
	for i := range all {
		own[all[i].HardwareAddr.String()] = true
	}
	return own
}

// everybody is whom a packet of ARP goes to, on a link.
func everybody(link int) *unix.SockaddrLinklayer {
	return &unix.SockaddrLinklayer{
		Protocol: binary.NativeEndian.Uint16([]byte{unix.ETH_P_ARP >> 8, unix.ETH_P_ARP & 0xff}), Ifindex: link, Halen: macSize, Addr: [8]byte{255, 255, 255, 255, 255, 255},
	}
}
