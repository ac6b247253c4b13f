package place

import (
	"net/netip"
	"testing"
)

func TestCheckAddress(t *testing.T) {
	for _, test := range []struct {
		addr            string
		remote, onBench bool // allowed; allowed where the device itself may be meant
	}{
		{"10.0.0.5", true, true},
		{"100.64.0.1", true, true},
		{"203.0.113.66", true, true},
		{"127.0.0.1", false, true},
		{"127.255.255.254", false, true},
		{"::1", false, true},
		{"::ffff:127.0.0.1", false, true},
		{"::ffff:10.0.0.5", true, true},
		{"0.0.0.0", false, false},
		{"0.1.2.3", false, false},
		{"169.254.169.254", false, false},
		{"224.0.1.75", false, false},
		{"239.255.255.255", false, false},
		{"240.0.0.1", false, false},
		{"255.255.255.255", false, false},
		{"::", false, false},
		{"::127.0.0.1", false, false},
		{"::10.0.0.5", false, false},
		{"::ffff:0:10.0.0.5", false, false},
		{"::ffff:169.254.169.254", false, false},
		{"64:ff9b::10.0.0.5", true, true},
		{"64:ff9b::127.0.0.1", false, false},
		{"64:ff9b::169.254.169.254", false, false},
		{"64:ff9b:1::127.0.0.1", false, false},
		{"64:ff9b:1:fffe::10.0.0.5", true, true},
		{"2002:7f00:1::1", false, false},
		{"2002:a9fe:a9fe::1", false, false},
		{"2002:cb00:7142::1", true, true},
		{"2001:db8::12", true, true},
		{"fd00::12", true, true},
		{"fe80::12", false, false},
		{"fe80::12%eth0", false, false},
		{"2001:db8::12%eth0", false, false},
		{"fec0::12", false, false},
		{"ff02::1", false, false},
		{"100::1", false, false},
	} {
		addr := netip.MustParseAddr(test.addr)
		if got := CheckAddress(addr, false) == nil; got != test.remote {
			t.Errorf("%s: allowed %v, want %v", test.addr, got, test.remote)
		}
		if got := CheckAddress(addr, true) == nil; got != test.onBench {
			t.Errorf("%s where the device itself may be meant: allowed %v, want %v", test.addr, got, test.onBench)
		}
	}
	if CheckAddress(netip.Addr{}, true) == nil {
		t.Error("no address at all is allowed")
	}
}

func TestCheckPort(t *testing.T) {
	for _, port := range []uint16{443, 1024, 5060, 5061, 5062, 3478, 8443, 50000, 65535} {
		if err := CheckPort(port); err != nil {
			t.Error(err)
		}
	}
	for _, port := range []uint16{0, 22, 25, 53, 80, 123, 389, 636, 1023, 3306, 5432, 6379, 6667, 11211} {
		if CheckPort(port) == nil {
			t.Errorf("port %d is allowed", port)
		}
	}
}
