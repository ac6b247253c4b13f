//go:build linux

package e2e

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// startChrony tells the time of this machine from h, whose clock it leaves alone.
func startChrony(t testing.TB, h *host) {
	t.Helper()
	dir := t.TempDir()
	conf := write(t, dir, "chrony.conf", "local stratum 8\nallow\ncmdport 0\nbindcmdaddress /\npidfile "+dir+"/pid\n")
	p := start(t, h, "chronyd", "-d", "-x", "-u", "root", "-f", conf)
	eventually(t, "chronyd tells the time", func() error {
		if err := p.running(); err != nil {
			return err
		}
		c, err := net.Dial("udp", h.addr+":123")
		if err != nil {
			return err
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Second))
		if _, err := c.Write(append([]byte{0x23}, make([]byte, 47)...)); err != nil {
			return err
		}
		_, err = c.Read(make([]byte, 48))
		return err
	})
}

// TestTimeServers: `check` asks those that DHCP and DNS name for the time.
func TestTimeServers(t *testing.T) {
	s := newSite(t)
	z := zoneWith(at("internal-tls"))
	for i, host := range []string{"time.contoso.com", "gone.contoso.com"} {
		z.srv = append(z.srv, srv{"_ntp._udp.contoso.com", uint16(i), 0, 123, host})
		z.addrs[host] = []string{dhcpAddr, "10.0.0.99"}[i]
	}
	startNamed(t, s.dns, z)
	startKamailio(t, s, settings{})
	waitDHCP(t, startDnsmasq(t, s.dhcp, []string{
		"port=0", "log-dhcp", "dhcp-authoritative", "no-ping", "dhcp-leasefile=" + t.TempDir() + "/leases",
		"dhcp-range=10.0.0.100,10.0.0.199,255.255.255.0,1h", "dhcp-option=option:router," + bridgeAddr,
		"dhcp-option=option:ntp-server," + dhcpAddr + "," + dnsAddr,
	}))
	startChrony(t, s.dhcp)
	startDhclient(t, s.device)
	r := newDevice(t, s).check(t)
	want := fmt.Sprintf("; DHCP option 42 names %s (within 1s), %s (does not answer); _ntp._udp.contoso.com names time.contoso.com (within 1s), gone.contoso.com (does not answer)", dhcpAddr, dnsAddr)
	for _, c := range r.Checks {
		if c.ID == "clock" {
			if c.Result != "ok" || !strings.HasSuffix(c.Detail, want) {
				t.Errorf("the clock is %s: %s\nwant …%s", c.Result, c.Detail, want)
			}
			return
		}
	}
	t.Errorf("no check of the clock in %+v", r.Checks)
}
