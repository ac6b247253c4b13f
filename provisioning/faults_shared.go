package provisioning

// shared are the texts that many faults have in common, by the byte that stands for each in their templates: so they are in the binary
// once. The constant with the name of a text is that byte. (For the size of the binary: what is added to a constant is there each time.)
var shared = [...]string{
	1:  "the certificate of {at}[ ({address})][ depends on that of the authority {authority}, which]",                                                                           // whose
	2:  "[; it sends {sent}]",                                                                                                                                                   // sends
	3:  `|[ask the site, not over this network, for the fingerprint of {last}; if it is {anchor}, set trust_bootstrap = "pin" and {pin}, or run homeward trust accept with it]`, // orPin
	4:  "if {root} is not an authority of this site, a firewall or proxy on the way opens TLS: exempt port {port} from TLS inspection",                                          // opened
	5:  "choose the certificate that contains {host} on the server, or issue one",                                                                                               // rightCertificate
	6:  "[look for {large} that are lost on the way: a tunnel or VPN with an MTU that is too small, or a firewall that drops the ICMP message \"fragmentation needed\"]",        // tooLarge
	7:  "look for a firewall[ {there}] that opens connections to port {port} and then drops what is sent on them: application control, TLS inspection, intrusion prevention",    // dropping
	8:  "look for a firewall[ {there}] that cuts running connections to port {port} (application control, intrusion prevention)",                                                // cuttingLater
	9:  "look for a firewall[ {there}] that cuts connections to port {port}",                                                                                                    // cutting
	10: "the service behind this port does not work, or a firewall[ {there}] cuts the connection",                                                                               // notServing
	// itsWords
	11: "[allow the User-Agent {of-agent} on {host}, or on a proxy in front of it; or change the setting user_agent]|" +
		"[allow the address {of-address} on {host}, or on a proxy in front of it]|" +
		"[{-of-transport}see over which transport (TLS or TCP) {host} lets devices sign in, and have DNS or DHCP name that]|" +
		"[{-of-domain}check the domain of sip_address, and that {host} serves it]|",
	12: "look for a router or DNS proxy that removes private addresses from answers (DNS rebind protection), and exempt {domain} there (dnsmasq: rebind-domain-ok, Unbound: private-domain)", // exempt
}

// spelled puts the shared texts into a template.
func spelled(template string) string {
	for i := range len(template) {
		if c := int(template[i]); c < len(shared) {
			return template[:i] + shared[c] + spelled(template[i+1:])
		}
	}
	return template
}
