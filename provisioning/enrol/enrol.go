package enrol

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"homeward/internal/certprov"
	"homeward/internal/identity"
	"homeward/internal/sip"
	"homeward/provisioning"
)

// Our choices.
const (
	wholeLimit = 2 * time.Minute // eight answers of 15 s
	leastLife  = time.Hour       // of a certificate that is worth having: Microsoft's clients use none with less
	tolerated  = 5 * time.Minute // between the clock of the issuer and ours
	maxAddrs   = 4               // of a web service that are tried
)

// Enroller gets certificates. It may be used from any goroutine, by one at a time.
type Enroller struct {
	Policy provisioning.Policy
	Store  identity.Store
	Owner  identity.Owner
	Agent  string           // what web servers are told of this program
	Now    func() time.Time // a time that is known not to be too early

	Resolve func(ctx context.Context, hosts []string) []provisioning.Name
	// Connect opens the way to one address of a Candidate, over TLS with the name proven.
	Connect func(ctx context.Context, c provisioning.Candidate, addr netip.Addr) (net.Conn, error)
	// Rest is how long the password is not to be used, since it was refused. Nil: it may be used.
	Rest func() time.Duration
}

// Service is where certificates can be got.
type Service struct {
	URL    string
	Anchor string // that the proof of the Registrar which has named it rests on; "": the roots
}

// Once asks for a certificate at a service, and keeps it.
func (e *Enroller) Once(ctx context.Context, service Service) (identity.Pair, provisioning.Trouble) {
	ctx, cancel := context.WithTimeout(ctx, wholeLimit)
	defer cancel()
	pair, err := e.once(ctx, service.URL, service.Anchor)
	return pair, Judge(err, e.login().PIN)
}

func (e *Enroller) once(ctx context.Context, url, anchor string) (identity.Pair, error) {
	dial := func(ctx context.Context, host string, port uint16) (net.Conn, error) {
		return e.dial(ctx, host, port, anchor)
	}
	asking := certprov.Enrolment{Dial: dial, UserAgent: e.Agent}
	defer asking.Close()
	service, err := asking.Discover(ctx, url)
	if err != nil {
		return identity.Pair{}, err
	}
	var pair identity.Pair
	if own, bad := e.Store.Load(e.Owner, e.Now()); bad == nil && Renewable(&own) && service.Renews() {
		pair, err = e.get(ctx, &asking, &service, url, &own)
	} else {
		err = &certprov.Error{Kind: certprov.NoMethod, At: service.At(), Offered: service.Offered}
	}
	switch {
	case !refuses(err):
	case e.mayUseSecret():
		pair, err = e.get(ctx, &asking, &service, url, nil)
	default:
		err = notRenewed(err)
	}
	if err != nil {
		return identity.Pair{}, err
	}
	if err := e.Store.Save(pair); err != nil {
		return identity.Pair{}, troubled{provisioning.FaultEnrolStore.Met(provisioning.Facts{"problem": err.Error()})}
	}
	return pair, nil
}

// refuses says whether a service was asked, and refuses in the way it was asked: another way may do.
func refuses(err error) bool {
	var e *certprov.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Kind {
	case certprov.CredentialsRefused, certprov.Faulted, certprov.Rejected, certprov.BadAnswer, certprov.NotFound, certprov.NoMethod:
		return true
	default:
		return false
	}
}

// get asks for a certificate with a web ticket: with the pair at hand, which needs no domain controller and shows no secret, or else
// with PIN or password.
func (e *Enroller) get(ctx context.Context, asking *certprov.Enrolment, service *certprov.Service, url string, own *identity.Pair) (identity.Pair, error) {
	user := e.Policy.SIPAddress.Bare()
	var proof certprov.Ticket
	var err error
	if own != nil {
		proof, err = asking.Renewal(ctx, *service, user, &own.Certificate)
	} else {
		proof, err = asking.Ticket(ctx, *service, user, e.login())
	}
	if err != nil {
		return identity.Pair{}, err
	}
	key, err := identity.Key()
	if err != nil {
		return identity.Pair{}, err
	}
	request, err := identity.Request(key, user)
	if err != nil {
		return identity.Pair{}, err
	}
	der, err := asking.Certificate(ctx, *service, proof, certprov.Request{User: user, Instance: sip.Instance(e.Owner.EndpointID), PKCS10: request})
	if err != nil {
		return identity.Pair{}, err
	}
	now := e.Now()
	pair, err := identity.Join(key, der, &identity.Details{
		SIPAddress: e.Owner.SIPAddress, EndpointID: e.Owner.EndpointID, EnrolledBy: proof.By, EnrolledAt: now.UTC().Truncate(time.Second), URL: url,
	})
	if err == nil {
		err = worthHaving(pair, now)
	}
	if err != nil {
		return identity.Pair{}, troubled{provisioning.FaultEnrolUnusable.Met(provisioning.Facts{"at": url, "problem": err.Error()})}
	}
	return pair, nil
}

// HasSecret says whether this device has a password or a PIN.
func (e *Enroller) HasSecret() bool { return e.Policy.Password != "" || e.ByPIN() }

// Resting is how long the password rests; 0: it does not. A PIN has limits of its own.
func (e *Enroller) Resting() time.Duration {
	if e.Rest == nil || e.ByPIN() {
		return 0
	}
	return max(0, e.Rest())
}

func (e *Enroller) mayUseSecret() bool { return e.HasSecret() && e.Resting() == 0 }

// Renewable says whether a pair may get the next one by itself.
func Renewable(p *identity.Pair) bool { return !p.None() && !p.Refused }

// ByPIN says whether certificates are asked for with a PIN. It has no other use, and needs no registration before.
func (e *Enroller) ByPIN() bool { return e.Policy.PIN != "" }

// login is who asks: by PIN where one is configured, by password else.
func (e *Enroller) login() certprov.Login {
	p := e.Policy
	if e.ByPIN() {
		return certprov.Login{User: p.Phone, Password: p.PIN.Reveal, PIN: true}
	}
	user := p.User
	if user == "" {
		user = p.SIPAddress.Bare()
	}
	return certprov.Login{User: user, Password: p.Password.Reveal, Workstation: p.Workstation}
}

// worthHaving says why a certificate is of no use.
func worthHaving(p identity.Pair, now time.Time) error {
	switch leaf := p.Certificate.Leaf; {
	case leaf.NotBefore.After(now.Add(tolerated)):
		return errors.New("it is not valid yet, by the clock of this device")
	case leaf.NotAfter.Before(now):
		return errors.New("it has expired, by the clock of this device")
	case leaf.NotAfter.Before(now.Add(leastLife)):
		return errors.New("it ends within the hour")
	}
	return nil
}

// dial connects to a web service. Its name was told by a Registrar that had proven its own, or by a service that had: the name
// rule guards it all the same, as a password follows.
func (e *Enroller) dial(ctx context.Context, host string, port uint16, anchor string) (net.Conn, error) {
	if !e.Policy.MayBeWeb(host) {
		return nil, troubled{provisioning.FaultEnrolName.Met(provisioning.Facts{"host": host, "domain": e.Policy.SIPAddress.Domain})}
	}
	name := e.Resolve(ctx, []string{host})[0]
	if len(name.Addrs) == 0 {
		return nil, troubled{provisioning.FaultEnrolNoAddress.Met(provisioning.Facts{"host": host, "problem": name.Detail})}
	}
	c := provisioning.Candidate{
		Step: provisioning.Redirect, Endpoint: provisioning.Endpoint{Host: host, Port: port, Transport: provisioning.TLS},
		Addrs: name.Addrs[:min(len(name.Addrs), maxAddrs)], Via: "certificate service", Anchor: anchor,
	}
	var first error
	for _, addr := range c.Addrs {
		conn, err := e.Connect(ctx, c, addr)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, unreachable(first, &c)
}
