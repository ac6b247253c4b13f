package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

// Our choices.
const (
	maxMessage     = 64 << 10 // bytes of a packet: what a device publishes has 2 KiB at most
	followBuffer   = 64 << 10
	followAlive    = 60 // seconds
	followAckLimit = 30 * time.Second
)

// Message is one of a device.
type Message struct {
	Name
	Kind     string // PresenceTopic, StateTopic, EventTopic
	Text     []byte // of JSON; empty: it was taken back
	Retained bool   // it was there before the subscription
}

// Follow subscribes to kinds of messages of a site ("": of all), and calls receive with each until ctx ends or the connection is
// lost. ready is called when the broker has accepted the subscription; retained messages may come before it and after it. The
// name of the device in the settings is that of the reader here.
func Follow(ctx context.Context, conf Settings, site string, kinds []string, ready func(), receive func(Message)) error {
	expiry := uint32(0)
	packet := &paho.Connect{ClientID: conf.Device, KeepAlive: followAlive, CleanStart: true, Properties: &paho.ConnectProperties{SessionExpiryInterval: &expiry}}
	l, err := conf.connect(ctx, packet, followAckLimit, maxMessage, followBuffer, func(p *paho.Publish) {
		if name, kind, ok := ParseTopic(p.Topic); ok {
			receive(Message{name, kind, p.Payload, p.Retain})
		}
	})
	if err != nil {
		return err
	}
	defer l.close()
	if site == "" {
		site = "+"
	}
	var topics []paho.SubscribeOptions
	for _, kind := range kinds {
		topics = append(topics, paho.SubscribeOptions{Topic: Root + "/" + site + "/+/" + kind, QoS: 0})
	}
	answer, err := l.client.Subscribe(ctx, &paho.Subscribe{Subscriptions: topics})
	if answer != nil {
		for i, code := range answer.Reasons {
			if code >= 0x80 {
				return &Refused{"the subscription to " + topics[i].Topic, code}
			}
		}
	}
	if err != nil {
		return fmt.Errorf("subscribe: %w", l.reason(err))
	}
	ready()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.client.Done():
		return l.reason(errors.New("the connection to the broker is lost"))
	}
}
