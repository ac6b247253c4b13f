package fleet

import (
	"context"
	"errors"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

// Our choices: the broker has little to say to one who subscribes to nothing.
const (
	maxAnswer    = 4 << 10 // bytes of a packet
	answerBuffer = 512
)

// Publisher publishes what one device tells. It reads nothing.
type Publisher struct {
	conf     Settings
	presence Presence
	state    func() State
	note     func(connected bool, err error)

	Pace   Pace // changed before Run, if at all
	outbox outbox
	news   chan struct{} // one place: something has changed
}

// NewPublisher returns a publisher that is not connected. presence is what is published of a device that is online, state is asked
// for the newest whenever one may be due, and note is told when a connection is there, or is not, or was lost.
func NewPublisher(conf Settings, presence Presence, state func() State, note func(connected bool, err error)) *Publisher {
	return &Publisher{conf: conf, presence: presence, state: state, note: note, Pace: usual, news: make(chan struct{}, 1)}
}

// Add adds an event. It does not wait.
func (p *Publisher) Add(e Event) {
	p.outbox.add(marshal(e))
	p.Changed()
}

// Changed says that the state may have changed. It does not wait.
func (p *Publisher) Changed() {
	select {
	case p.news <- struct{}{}:
	default:
	}
}

// Run keeps the connection until ctx ends, and says farewell to the broker then. It begins after wait.
func (p *Publisher) Run(ctx context.Context, wait time.Duration) error {
	failures := 0
	for {
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		began := time.Now()
		err := p.session(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p.note(false, err)
		if failures++; time.Since(began) >= p.Pace.heldFor+dialLimit {
			failures = 1
		}
		var refused *Refused
		wait = p.Pace.wait(failures, errors.As(err, &refused) && refused.Busy())
	}
}

// session is one connection, from CONNECT to its end.
func (p *Publisher) session(ctx context.Context) error {
	l, err := p.conf.connect(ctx, p.hello(), p.Pace.ackLimit, intake{limit: maxAnswer, buffer: answerBuffer})
	if err != nil {
		return err
	}
	err = p.serve(ctx, l)
	if ctx.Err() != nil {
		p.leave(l)
		return nil
	}
	l.lost(err)
	<-l.client.Done()
	return l.reason(err)
}

// hello is CONNECT. The session is kept beyond the delay of the will, and with it the will (MQTT 5 section 3.1.3.2.2); there is
// nothing else in it.
func (p *Publisher) hello() *paho.Connect {
	one, delay := uint16(1), uint32(p.Pace.WillDelay/time.Second)
	expiry := 2 * delay
	return &paho.Connect{
		ClientID: p.conf.Device, KeepAlive: uint16(p.Pace.KeepAlive / time.Second),
		Properties:     &paho.ConnectProperties{SessionExpiryInterval: &expiry, ReceiveMaximum: &one},
		WillMessage:    &paho.WillMessage{Topic: p.conf.topic(PresenceTopic), QoS: 1, Retain: true, Payload: marshal(Presence{})},
		WillProperties: &paho.WillProperties{WillDelayInterval: &delay, ContentType: "application/json"},
	}
}

// serve publishes what there is, until the connection is lost or ctx ends.
func (p *Publisher) serve(ctx context.Context, l *link) error {
	again := time.NewTimer(0)
	defer again.Stop()
	for noted := false; ; {
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil
		}
		if err := p.sayOnline(ctx, l, true); err != nil {
			return err
		}
		if !noted {
			noted = true
			p.note(true, nil)
		}
		again.Reset(aDay())
		if err := p.keepUp(ctx, l, again.C); err != nil || ctx.Err() != nil {
			return err
		}
		again.Reset(0)
	}
}

func (p *Publisher) sayOnline(ctx context.Context, l *link, online bool) error {
	presence := p.presence
	presence.Online, presence.At = online, time.Now().UTC().Truncate(time.Second)
	return l.publish(ctx, p.conf.topic(PresenceTopic), true, marshal(presence))
}

// keepUp publishes the state, and then states and events as they come, until all of it is due again.
func (p *Publisher) keepUp(ctx context.Context, l *link, again <-chan time.Time) error {
	var sent string // what was published, as far as it counts
	var at time.Time
	for {
		s := p.newest()
		change, wait := s.change(), time.Duration(0)
		if change != sent {
			if wait = p.Pace.coalesce - time.Since(at); wait <= 0 {
				if err := l.publish(ctx, p.conf.topic(StateTopic), true, s.text()); err != nil {
					return err
				}
				sent, at, wait = change, time.Now(), 0
			}
		}
		if err := p.sendEvents(ctx, l); err != nil {
			return err
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-p.news:
		case <-due:
		case <-again:
			return nil
		case <-ctx.Done():
			return nil
		case <-l.client.Done():
			return l.reason(errors.New("the connection to the broker is lost"))
		}
	}
}

func (p *Publisher) newest() State {
	s := p.state()
	s.Version, s.At = 1, time.Now().UTC().Truncate(time.Second)
	s.Counters.Dropped = p.outbox.lost()
	return s
}

// sendEvents empties the outbox.
func (p *Publisher) sendEvents(ctx context.Context, l *link) error {
	for {
		event, ticket, ok := p.outbox.next()
		if !ok {
			return nil
		}
		if err := l.publish(ctx, p.conf.topic(EventTopic), false, event); err != nil {
			return err
		}
		p.outbox.done(ticket)
	}
}

// leave says what there is to say at the end of the daemon, and that the device is gone by its own wish. It takes no longer than
// farewell.
func (p *Publisher) leave(l *link) {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	err := p.sendEvents(ctx, l)
	if err == nil {
		err = l.publish(ctx, p.conf.topic(StateTopic), true, p.newest().text())
	}
	if err == nil {
		err = p.sayOnline(ctx, l, false)
	}
	if err != nil { // the will says it
		l.lost(err)
		<-l.client.Done()
		return
	}
	l.close()
}
