package wire

import "homeward/dhcpopts"

// Route is an entry of the routing table of this device.
type Route = dhcpopts.Route
