package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

// Our choices.
const (
	maxMessage     = 64 << 10 // bytes of a packet: what a device publishes has 2 KiB at most
	followBuffer   = 64 << 10
	followAlive    = 300 // seconds; the answer to a PINGREQ comes behind all that is retained
	followAckLimit = 5 * time.Minute
	received       = 64                     // messages between two goroutines of the client
	again          = 100 * time.Millisecond // between two looks for more
)

// Message is one of a device.
type Message struct {
	Name
	Kind     string // PresenceTopic, StateTopic, EventTopic
	Text     []byte // of JSON; empty: it was taken back
	Retained bool   // it was there before the subscription
}

// Follow subscribes to kinds of messages of a site ("": of all), and calls receive with each until ctx ends or the connection is
// lost. complete is called when everything that was retained has been received. The name of the device in the settings is that of
// the reader here.
func Follow(ctx context.Context, conf Settings, site string, kinds []string, complete func(), receive func(Message)) error {
	expiry, some := uint32(0), uint16(received)
	packet := &paho.Connect{
		ClientID: conf.Device, KeepAlive: followAlive, CleanStart: true,
		Properties: &paho.ConnectProperties{SessionExpiryInterval: &expiry, ReceiveMaximum: &some},
	}
	var handled atomic.Uint64
	l, err := conf.connect(ctx, packet, followAckLimit, maxMessage, followBuffer, func(p *paho.Publish) {
		if name, kind, ok := ParseTopic(p.Topic); ok {
			receive(Message{name, kind, p.Payload, p.Retain})
		}
		handled.Add(1)
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
	if err == nil {
		err = l.awaitRetained(ctx, &handled)
	}
	if err != nil {
		return fmt.Errorf("subscribe: %w", l.reason(err))
	}
	complete()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.client.Done():
		return l.reason(errors.New("the connection to the broker is lost"))
	}
}

// awaitRetained returns when everything that was retained has been handled. MQTT has no sign for it; but a broker answers in order.
// So it is asked something, to which the answer comes behind what is on its way already, until nothing has come between two
// answers, some brokers being slow to begin.
func (l *link) awaitRetained(ctx context.Context, handled *atomic.Uint64) error {
	for before := uint64(0); ; {
		if _, err := l.client.Unsubscribe(ctx, &paho.Unsubscribe{Topics: []string{Root + "/nothing"}}); err != nil {
			return err
		}
		came := l.in.publishes.Load()
		if came == before && handled.Load() >= came {
			return nil
		}
		before = came
		select {
		case <-time.After(again):
		case <-l.client.Done():
			return errors.New("the connection to the broker is lost")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
