package wire

import (
	"net"
	"testing"
	"time"
)

// A stream that knows itself what was acknowledged is believed.
func TestTelling(t *testing.T) {
	for acknowledged, want := range map[bool]Loss{true: Acknowledged, false: SentUnacknowledged} {
		if got := (&Watched{Conn: telling{acknowledged: acknowledged}}).Loss(); got != want {
			t.Errorf("acknowledged: %t: lost %d, want %d", acknowledged, got, want)
		}
	}
}

type telling struct {
	net.Conn
	acknowledged bool
}

func (c telling) Acknowledged() bool { return c.acknowledged }

// TestLoss: a way that loses nothing says so, before and after the end of the connection. What is lost is shown in e2e, where there
// is a way that loses packets.
func TestLoss(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if got := (&Watched{Conn: conn}).Unanswered(); got > time.Minute {
		t.Errorf("a new connection is not answered for %v", got)
	}
	for _, w := range []*Watched{{Conn: conn}, {Conn: &net.UnixConn{}}} {
		w.Close()
		if got := w.Loss(); got != NoLoss {
			t.Errorf("%T: lost %d", w.Conn, got)
		}
	}
}
