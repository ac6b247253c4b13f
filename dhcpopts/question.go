package dhcpopts

import (
	"cmp"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"
)

// Specification constants.
const serverPort = 67 // RFC 2131 section 4.1

// maxMessage is what we say we accept (option 57): an Ethernet frame, so that answers are not fragmented. (Our choice.)
const maxMessage = 1500

// Question is what may differ from the question of a Lync phone, which is the zero value.
type Question struct {
	VendorClass string // option 60; "" is MS-UC-Client
	Besides     bool   // ask for the subnet mask, routers, routes, name servers, domains and NTP servers, too (options 1, 3, 6, 15, 33 and 42, RFC 2132; 119, 121 and 249)
}

// query is a question as it is asked.
type query struct {
	Question
	started time.Time

	addr netip.Addr
	hw   net.HardwareAddr
	xid  dhcpv4.TransactionID
}

// message is the question, which is broadcast.
func (q *query) message() (payload []byte, to net.Addr) {
	options := dhcpv4.OptionCodeList{dhcpv4.OptionSIPServers, dhcpv4.OptionVendorSpecificInformation}
	if q.Besides {
		options.Add(dhcpv4.OptionNTPServers, dhcpv4.OptionClasslessStaticRoute, dhcpv4.GenericOptionCode(optionMSRoutes), dhcpv4.OptionRouter, dhcpv4.OptionStaticRoutingTable, dhcpv4.OptionDomainNameServer, dhcpv4.OptionSubnetMask,
			dhcpv4.OptionDomainName, dhcpv4.OptionDNSDomainSearchList)
	}
	m := dhcpv4.DHCPv4{
		OpCode:        dhcpv4.OpcodeBootRequest,
		HWType:        iana.HWTypeEthernet,
		TransactionID: q.xid,
		NumSeconds:    uint16(time.Since(q.started) / time.Second),
		ClientIPAddr:  q.addr.AsSlice(),
		ClientHWAddr:  q.hw,
		Options: dhcpv4.OptionsFromList(
			dhcpv4.OptMessageType(dhcpv4.MessageTypeInform),
			dhcpv4.OptMaxMessageSize(maxMessage),
			dhcpv4.OptClassIdentifier(cmp.Or(q.VendorClass, VendorClass)),
			dhcpv4.OptParameterRequestList(options...),
		),
	}
	return m.ToBytes(), &net.UDPAddr{IP: net.IPv4bcast, Port: serverPort}
}
