// Command fleet shows how the devices of an operator stand: what homeward publishes to an MQTT broker (docs/fleet.md). It runs where
// the operator is, not on devices, only reads, and keeps nothing: the retained messages of the broker are the data base.
//
//	fleet list --broker mqtts://broker.contoso.com --cert reader.pem --key reader.key --roots root.pem
//
// Read device.go first, then roster.go, follow.go, summary.go, text.go, env.go, options.go, list.go, show.go, watch.go, web.go,
// export.go, serve.go, main.go.
package main
