package fleet

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
)

// Settings say where the broker is, and who this is.
type Settings struct {
	Broker     string // host:port, over TLS; "": there is none
	Name              // of the device
	Identities bool   // the SIP address is published

	Roots       *x509.CertPool                  // who may sign the certificate of the broker; nil: the system's roots
	Certificate func() (tls.Certificate, error) // read for each connection, so that it can be renewed; nil: none is shown

	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: that of the system
}

// CertificateUntil is when the certificate that is shown to the broker expires; the zero time: none is shown, or it cannot be read.
func (s Settings) CertificateUntil() time.Time {
	if s.Certificate == nil {
		return time.Time{}
	}
	certificate, err := s.Certificate()
	if err != nil || certificate.Leaf == nil {
		return time.Time{}
	}
	return certificate.Leaf.NotAfter.UTC()
}

// Refused is the broker's word that it does not want something.
type Refused struct {
	What string // "the connection", or a topic
	Code byte   // MQTT 5 section 2.4
}

// words of the codes that an operator meets, in those of MQTT 5 section 2.4.
var words = map[byte]string{
	0x85: "client identifier not valid", 0x86: "bad user name or password", 0x87: "not authorized", 0x88: "server unavailable", 0x89: "server busy",
	0x8a: "banned", 0x8b: "server shutting down", 0x8e: "session taken over: another client has the same name", 0x90: "topic name invalid",
	0x93: "receive maximum exceeded", 0x95: "packet too large", 0x96: "message rate too high", 0x97: "quota exceeded", 0x98: "administrative action",
	0x99: "payload format invalid", 0x9a: "retain not supported", 0x9b: "QoS not supported", 0x9f: "connection rate exceeded",
}

func (r *Refused) Error() string {
	if text := words[r.Code]; text != "" {
		return fmt.Sprintf("the broker refuses %s: %s", r.What, text)
	}
	return fmt.Sprintf("the broker refuses %s: reason code 0x%02x", r.What, r.Code)
}

// Busy says that the broker wants to be left alone for a while.
func (r *Refused) Busy() bool {
	switch r.Code {
	case 0x88, 0x89, 0x97, 0x9f:
		return true
	default:
		return false
	}
}

// link is one connection to the broker, until it is lost.
type link struct {
	client *paho.Client
	conn   net.Conn
	in     *framed

	mu  sync.Mutex
	why error // it was lost for
}

// connect makes a connection, with the properties of one.
func (s Settings) connect(ctx context.Context, packet *paho.Connect, ackLimit time.Duration, in intake) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	conn, err := s.dialTLS(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{in: newFramed(conn, in)}
	l.conn = packets.NewThreadSafeConn(l.in)
	l.client = paho.NewClient(paho.ClientConfig{
		Conn: l.conn, PacketTimeout: ackLimit,
		OnClientError:      l.lost,
		OnServerDisconnect: func(d *paho.Disconnect) { l.lost(&Refused{"to go on", d.ReasonCode}) },
		OnPublishReceived:  []func(paho.PublishReceived) (bool, error){func(paho.PublishReceived) (bool, error) { return true, nil }},
	})
	defer context.AfterFunc(ctx, func() { conn.Close() })() // a broker that does not read holds nobody up
	switch answer, err := l.client.Connect(ctx, packet); {
	case answer != nil && answer.ReasonCode >= 0x80:
		return nil, &Refused{"the connection", answer.ReasonCode}
	case err != nil:
		conn.Close()
		return nil, fmt.Errorf("MQTT with %s: %w", s.Broker, err)
	}
	return l, nil
}

func (s Settings) dialTLS(ctx context.Context) (net.Conn, error) {
	host, _, err := net.SplitHostPort(s.Broker)
	if err != nil {
		return nil, err
	}
	conf := &tls.Config{RootCAs: s.Roots, ServerName: host, MinVersion: tls.VersionTLS12}
	if s.Certificate != nil {
		certificate, err := s.Certificate()
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{certificate}
	}
	plain, err := s.dial(ctx)
	if err != nil {
		return nil, err
	}
	conn := tls.Client(plain, conf)
	if err := conn.HandshakeContext(ctx); err != nil {
		plain.Close()
		return nil, fmt.Errorf("TLS with %s: %w", s.Broker, err)
	}
	return conn, nil
}

func (s Settings) dial(ctx context.Context) (net.Conn, error) {
	if s.Dial != nil {
		return s.Dial(ctx, "tcp", s.Broker)
	}
	return new(net.Dialer).DialContext(ctx, "tcp", s.Broker)
}

// publish publishes at QoS 1, and returns when the broker has it.
func (l *link) publish(ctx context.Context, topic string, retain bool, text []byte) error {
	answer, err := l.client.Publish(ctx, &paho.Publish{
		Topic: topic, QoS: 1, Retain: retain, Payload: text,
		Properties: &paho.PublishProperties{ContentType: "application/json"},
	})
	switch {
	case answer != nil && answer.ReasonCode >= 0x80:
		return &Refused{topic, answer.ReasonCode}
	case err != nil:
		return l.reason(err)
	}
	return nil
}

// lost ends the connection.
func (l *link) lost(why error) {
	l.mu.Lock()
	if l.why == nil {
		l.why = why
	}
	l.mu.Unlock()
	l.conn.Close()
}

// reason is why the connection was lost, or else err.
func (l *link) reason(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.why != nil {
		return l.why
	}
	return err
}

// close leaves the broker in order: it does not publish the will.
func (l *link) close() {
	defer time.AfterFunc(farewell, func() { l.conn.Close() }).Stop()
	_ = l.client.Disconnect(&paho.Disconnect{}) // a lost connection is closed by it all the same
	<-l.client.Done()
}
