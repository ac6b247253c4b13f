package fleet

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

// Specification constants: flags of PUBLISH (MQTT 5 section 3.3.1).
const (
	qosBits   = 0x06
	retainBit = 0x01
)

// Our choices.
const (
	maxMessage     = 64 << 10 // bytes of a packet: what a device publishes has 2 KiB at most
	followBuffer   = 64 << 10
	followAlive    = 300 // seconds; the answer to a PINGREQ comes behind all that is retained
	followAckLimit = 5 * time.Minute
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
	expiry, one := uint32(0), uint16(1)
	packet := &paho.Connect{
		ClientID: conf.Device, KeepAlive: followAlive, CleanStart: true,
		Properties: &paho.ConnectProperties{SessionExpiryInterval: &expiry, ReceiveMaximum: &one},
	}
	l, err := conf.reading().connect(ctx, packet, followAckLimit, intake{maxMessage, followBuffer, func(first byte, body []byte) error {
		topic, text, ok := parsePublish(body)
		if !ok || first&qosBits != 0 {
			return errors.New("the broker sends a message that it was not asked for, or that is none")
		}
		if name, kind, ok := ParseTopic(topic); ok {
			receive(Message{name, kind, text, first&retainBit != 0})
		}
		return nil
	}})
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
		err = l.awaitRetained(ctx)
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

// parsePublish takes the body of a PUBLISH at QoS 0 apart (MQTT 5 section 3.3.2): the topic, and what stands behind the properties.
func parsePublish(body []byte) (topic string, text []byte, ok bool) {
	if len(body) < 2 {
		return "", nil, false
	}
	end := 2 + int(binary.BigEndian.Uint16(body))
	if end > len(body) {
		return "", nil, false
	}
	size, digits := binary.Uvarint(body[end:]) // as a variable byte integer is (section 1.5.5)
	begin := end + digits
	if digits < 1 || digits > 4 || size > uint64(len(body)-begin) {
		return "", nil, false
	}
	return string(body[2:end]), body[begin+int(size):], true
}

// reading are the settings for one who reads much.
func (s Settings) reading() Settings {
	dial := s.dial
	s.Dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return &buffered{conn, bufio.NewReaderSize(conn, followBuffer)}, nil
	}
	return s
}

// buffered reads much at once: TLS reads a record at a time, and Mosquitto puts each message into one of its own.
type buffered struct {
	net.Conn
	in *bufio.Reader
}

func (b *buffered) Read(to []byte) (int, error) { return b.in.Read(to) }

// awaitRetained returns when everything that was retained has been taken. MQTT has no sign for it; but a broker answers in order.
// So it is asked something, to which the answer comes behind what is on its way already, until nothing has come between two
// answers, some brokers being slow to begin.
func (l *link) awaitRetained(ctx context.Context) error {
	for before := uint64(0); ; {
		if _, err := l.client.Unsubscribe(ctx, &paho.Unsubscribe{Topics: []string{Root + "/nothing"}}); err != nil {
			return err
		}
		came := l.in.taken.Load() // whoever reads the answer has taken all before it
		if came == before {
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
