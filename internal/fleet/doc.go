// Package fleet is the state of many devices on an MQTT 5 broker: the topics and messages, what publishes those of one device,
// and what follows those of all.
//
//	p := fleet.NewPublisher(settings, presence, state, note)
//	go p.Run(ctx, 0)
//	p.Add(fleet.Event{Event: "lost", Reason: "connect-refused"})
//
// A publisher is never waited for: Add and Changed return at once, whatever the broker does, and what is kept for later has a
// bound. It subscribes to nothing. The messages are described by docs/fleet.schema.json.
//
// Read topic.go first, then message.go, outbox.go, pace.go, frame.go, link.go, publisher.go, follower.go.
package fleet
