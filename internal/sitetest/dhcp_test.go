package sitetest

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/insomniacslk/dhcp/dhcpv4"
)

// informed asks DHCP and returns each answer within ten seconds as one line, and at most so many.
func informed(t *testing.T, wire Wire, class string, most int) (got []string) {
	t.Helper()
	began := time.Now()
	c, err := wire.Listen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, addr, hw := c.Interface()
	inform, err := dhcpv4.NewInform(hw, addr.AsSlice(), dhcpv4.WithOption(dhcpv4.OptClassIdentifier(class)),
		dhcpv4.WithRequestedOptions(dhcpv4.GenericOptionCode(120), dhcpv4.OptionVendorSpecificInformation))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WriteTo(inform.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: 67}); err != nil {
		t.Fatal(err)
	}
	c.SetReadDeadline(began.Add(10 * time.Second))
	for len(got) < most {
		raw := make([]byte, 1500)
		n, from, err := c.ReadFrom(raw)
		if err != nil {
			return got
		}
		m, err := dhcpv4.FromBytes(raw[:n])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("+%v %s %s 120=%x 43=%x", time.Since(began), from, m.MessageType(),
			m.GetOneOption(dhcpv4.GenericOptionCode(120)), m.GetOneOption(dhcpv4.OptionVendorSpecificInformation)))
	}
	return got
}

func TestDHCPServers(t *testing.T) {
	const golden120 = "0006706f6f6c303107636f6e746f736f03636f6d0006706f6f6c303207636f6e746f736f03636f6d00"
	golden43 := "010c4d532d55432d436c69656e74" + "02056874747073" + "0312706f6f6c30312e636f6e746f736f2e636f6d" + "0403343433" +
		"0525" + hex.EncodeToString([]byte("/CertProv/CertProvisioningService.svc"))
	for _, tt := range []struct {
		name, text, class string
		want              []string
	}{
		{"two servers, the slower one first", "10.0.0.67 ack 120=pool01.contoso.com,pool02.contoso.com 43=https://pool01.contoso.com delay=5ms\n10.0.0.68 nak", "MS-UC-Client",
			[]string{"+0s 10.0.0.68:67 NAK 120= 43=", "+5ms 10.0.0.67:67 ACK 120=" + golden120 + " 43=" + golden43}},
		{"another vendor gets no option 43", "10.0.0.67 ack 120=ip:10.0.0.9,10.0.0.10 43=hex:0102", "ms-uc-client",
			[]string{"+0s 10.0.0.67:67 ACK 120=010a0000090a00000a 43="}},
		{"bytes as given", "10.0.0.67 ack 120=hex:00ff 43=hex:f104", "MS-UC-Client", []string{"+0s 10.0.0.67:67 ACK 120=00ff 43=f104"}},
		{"silence", "10.0.0.67 ack 120=pool01.contoso.com\nsilent", "MS-UC-Client", nil},
		{"nobody", "", "MS-UC-Client", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, "-- dhcp --\n"+tt.text, func(t *testing.T, s *Site, wire Wire) {
				if diff := cmp.Diff(tt.want, informed(t, wire, tt.class, 9)); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
				if got := s.Log()[0].String(); got != "+0s dhcp INFORM "+tt.class {
					t.Errorf("logged %q", got)
				}
			})
		})
	}
}

func TestDHCPDenied(t *testing.T) {
	inBubble(t, "-- dhcp --\ndenied", func(t *testing.T, s *Site, wire Wire) {
		if _, err := wire.Listen(t.Context(), "eth0"); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v", err)
		}
	})
}
