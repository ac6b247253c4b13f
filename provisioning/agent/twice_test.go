package agent

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"homeward/provisioning"
	"homeward/provisioning/wire"
)

// local is a socket that has its own address, and sends nothing.
type local struct{ net.Conn }

func (local) LocalAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4(10, 0, 7, 20), Port: 50001} }
func (local) Close() error        { return nil }

// Two devices have the address of the gateway, and not both answer each time: that is told until one alone has answered for several looks in a row, over
// a registration that is lost, too.
func TestMend334TwiceUntilSeenToBeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gateway := netip.MustParseAddr("10.0.0.1")
		var looks atomic.Int32
		answer := []int{2, 1, 2, 1, 1, 1, 2}
		b := basis{wire: wire.Wire{
			Dial:  func(context.Context, string, string) (net.Conn, error) { return local{}, nil },
			Route: func(netip.Addr) *wire.Route { return &wire.Route{Interface: "eth0"} },
			Next:  func(netip.Addr) (netip.Addr, net.HardwareAddr, time.Duration) { return gateway, nil, 0 },
			Holders: func(_ context.Context, _ string, _, addr netip.Addr) ([]string, error) {
				if addr != gateway {
					return nil, nil
				}

				return []string{"02:00:00:00:00:01", "02:00:00:00:00:02"}[:answer[looks.Add(1)-1]], nil
			},
		}}
		board := newBoard(provisioning.Policy{}, func(*provisioning.Event) {})
		go b.watchTwice(t.Context(), board, netip.MustParseAddr("10.98.0.5"))
		for look := 1; look <= 6; look++ {
			synctest.Wait()
			if int(looks.Load()) != look || knownTwice(board) != (look < 6) {
				t.Errorf("look %d: %d looks, told %t", look, looks.Load(), knownTwice(board))
			}
			if look == 2 {
				board.lost(&provisioning.Event{Reason: provisioning.ConnectTimeout}, provisioning.Loss{})
			}
			time.Sleep(stillTwice)
		}
		synctest.Wait()
		if looks.Load() != 6 {
			t.Errorf("%d looks, although it is over", looks.Load())
		}
	})
}
