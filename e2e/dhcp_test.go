//go:build linux

package e2e

import (
	"cmp"
	"context"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv4/nclient4"
)

const vendorClass = "MS-UC-Client" // The vendor class of Lync devices, in options 60 and 43.

// options are what a DHCP server of the site tells; an empty field is an option it does not have.
type options struct {
	sipServer string // option 120: one name
	webServer string // option 43: sub-option 3

	routes   string // option 121, as dnsmasq has it in its configuration; not told by the others
	noRouter bool   // without option 3; dnsmasq and Kea only

	value120, value43 []byte // what the option holds in place of that; not told by dnsmasq
	class             string // the vendor class that the server knows; "" is vendorClass
	domain            string // option 15
	classOnly         bool   // option 120 too is for that vendor class only; ISC only
}

// option120 is the value of option 120: encoding 0, then the labels (RFC 3361, section 3.1).
func (o options) option120() []byte {
	if o.value120 != nil || o.sipServer == "" {
		return o.value120
	}
	value := []byte{0}
	for label := range strings.SplitSeq(o.sipServer, ".") {
		value = append(append(value, byte(len(label))), label...)
	}
	return append(value, 0)
}

// subOptions are the sub-options of option 43 for Lync devices.
func (o options) subOptions() map[uint8]string {
	if o.webServer == "" {
		return nil
	}
	return map[uint8]string{1: vendorClass, 2: "https", 3: o.webServer, 4: "443", 5: "/CertProv/CertProvisioningService.svc"}
}

// option43 is the value of option 43.
func (o options) option43() []byte {
	if o.value43 != nil {
		return o.value43
	}
	var value []byte
	sub := o.subOptions()
	for _, code := range slices.Sorted(maps.Keys(sub)) {
		value = append(append(value, code, byte(len(sub[code]))), sub[code]...)
	}
	return value
}

// vendor is the vendor class that the server compares with option 60.
func (o options) vendor() string { return cmp.Or(o.class, vendorClass) }

// inform sends one DHCPINFORM from the bridge, as a Lync device would, and returns the first acknowledgement.
func inform(ctx context.Context, class string) (*dhcpv4.DHCPv4, error) {
	c, err := nclient4.New("br0", nclient4.WithTimeout(200*time.Millisecond), nclient4.WithRetry(3))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Inform(ctx, net.ParseIP(bridgeAddr),
		dhcpv4.WithOption(dhcpv4.OptClassIdentifier(class)),
		dhcpv4.WithRequestedOptions(dhcpv4.GenericOptionCode(120), dhcpv4.OptionVendorSpecificInformation))
}

// waitDHCP waits until the server answers a DHCPINFORM.
func waitDHCP(t testing.TB, p *process) {
	t.Helper()
	eventually(t, p.name+" answers DHCPINFORM", func() error {
		if err := p.running(); err != nil {
			return err
		}
		_, err := inform(t.Context(), vendorClass)
		return err
	})
}
