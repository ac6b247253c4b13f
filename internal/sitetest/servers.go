package sitetest

// servers are all that answer.
type servers struct {
	names      *nameServers
	dhcp       *dhcpServers
	relays     *mediaRelays
	registrars *registrars
}
