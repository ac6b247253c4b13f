package check

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"homeward/dhcpopts"
	"homeward/internal/certprov"
	"homeward/internal/plain"
	"homeward/provisioning"
)

// webServiceLimit is how long a check waits for a certificate service, beside everything else. (Our choice.)
const webServiceLimit = 5 * time.Second

// WebService is a certificate service that option 43 names, by its host.
type WebService struct {
	provisioning.Name
	URL     string
	Offered []string             // the ways to a web ticket: the ports of the Web Ticket Service, by name
	Trouble provisioning.Trouble // why it is not known what it offers
	Outside bool                 // it was not asked: the name rule does not allow its host
	Unknown bool                 // likewise: DNS gives its host the address that it gives every name
	Took    time.Duration
}

// webServices are those whose URLs option 43 holds, each host once, with the addresses of their names.
func webServices(ctx context.Context, eye *eye, answers []dhcpopts.Answer) []WebService {
	var services []WebService
	for i := range answers {
		a := &answers[i]
		u, err := url.Parse(a.Vendor.URL)
		if err != nil || u.Hostname() == "" || slices.ContainsFunc(services, func(s WebService) bool { return s.Host == u.Hostname() }) {
			continue
		}
		services = append(services, WebService{Name: eye.LookUp(ctx, u.Hostname()), URL: a.Vendor.URL})
	}
	return services
}

// askServices asks each service what it offers: it tells everybody.
func (e *eye) askServices(ctx context.Context, services []WebService) {
	ctx, cancel := context.WithTimeout(ctx, webServiceLimit)
	defer cancel()
	var asking sync.WaitGroup
	for i := range services {
		s := &services[i]
		if s.Outside = provisioning.CheckName(s.Host, &e.policy) != nil; s.Outside || s.Unknown || len(s.Addrs) == 0 {
			continue
		}
		asking.Go(func() {
			started := time.Now()
			s.Offered, s.Trouble = e.offered(ctx, *s)
			s.Took = time.Since(started)
		})
	}
	asking.Wait()
}

// unopened is an error that a Trouble explains.
type unopened struct{ trouble provisioning.Trouble }

func (e *unopened) Error() string { return e.trouble.What() }

// offered are the ways to a web ticket. Nothing is fetched over plain HTTP, and no host is asked that the name rule does not allow.
func (e *eye) offered(ctx context.Context, s WebService) ([]string, provisioning.Trouble) {
	asked := certprov.Enrolment{UserAgent: e.signer.UserAgent(), Dial: func(ctx context.Context, host string, port uint16) (net.Conn, error) {
		addrs := s.Addrs
		if host != s.Host {
			addrs = e.LookUp(ctx, host).Addrs
		}
		c := provisioning.Candidate{Step: provisioning.HostName, Endpoint: provisioning.Endpoint{Host: host, Port: port, Transport: provisioning.TLS}}
		switch err := provisioning.CheckName(host, &e.policy); {
		case err != nil:
			return nil, err
		case len(addrs) == 0:
			return nil, &unopened{provisioning.FaultNoData.Met(provisioning.Facts{"host": host, "source": "the certificate service"})}
		}
		conn, _, trouble := e.signer.Open(ctx, &c, addrs[0])
		if !trouble.None() {
			return nil, &unopened{trouble}
		}
		return conn, nil
	}}
	defer asked.Close()
	service, err := asked.Discover(ctx, s.URL)
	var down *unopened
	switch {
	case err == nil:
		return service.Offered, provisioning.Trouble{}
	case errors.As(err, &down):
		return nil, provisioning.FaultWebServiceDown.Because(down.trouble, provisioning.Facts{"host": s.Host})
	default:
		return nil, provisioning.FaultWebServiceAnswer.Met(provisioning.Facts{"host": s.Host, "problem": plain.Words(err)})
	}
}
