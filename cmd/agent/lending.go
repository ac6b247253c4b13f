package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"os"

	"homeward/cache"
	"homeward/internal/config"
	certs "homeward/internal/identity"
	"homeward/provisioning"
	"homeward/provisioning/agent"
	"homeward/provisioning/check"
	"homeward/service/control"
)

// lending is how a check or a drill stands to the certificate of the device.
type lending struct {
	endpoint string               // to which it was issued; "": it is not used
	untried  provisioning.Trouble // why it is not used; none: it is, or there is none
	service  string               // the certificate service that it came from; "": not known
}

// lend gives the policy the certificate of this device. Whoever signs in with it does so as the endpoint of the daemon, and a Registrar
// keeps one binding for an endpoint: so nobody does unless it is certain that the daemon does not run. asked is how the daemon has
// answered.
func lend(conf *config.Config, record *cache.Record, status *provisioning.Status, asked error) lending {
	pair, trouble, err := agent.Own(certs.In(conf.StateDir), &conf.Policy, record)
	l := lending{service: pair.Details.URL}
	var kind *certs.Error
	absent := errors.As(err, &kind) && kind.Kind == certs.Absent
	unread := kind != nil && kind.Kind == certs.Unreadable
	switch notRunning := errors.Is(asked, control.ErrNotRunning); {
	case asked == nil && status.Certificate != nil && status.Certificate.Subject != "":
		l.untried = daemonsOwn(status)
	case absent, unread && !notRunning: // a daemon that has none says so, too
	case err != nil:
		l.untried = trouble
	case asked == nil:
		l.untried = daemonsOwn(status)
	case !notRunning:
		l.untried = provisioning.FaultDaemonUnknown.Met(provisioning.Facts{"problem": asked.Error()})
	default:
		l.endpoint = pair.Details.EndpointID
		conf.Policy.Identity = func() (*tls.Certificate, error) { return &pair.Certificate, nil }
	}
	return l
}

// daemonsOwn is about a certificate that only the daemon uses while it runs, and what it says of it.
func daemonsOwn(s *provisioning.Status) provisioning.Trouble {
	if s.State != provisioning.Resting {
		return provisioning.FaultOnlyDaemon.Met(nil)
	}
	return provisioning.FaultOnlyDaemon.Because(s.Reason.Met(""), provisioning.Facts{
		"until": s.NextAttempt.UTC().Format("15:04:05 UTC"), "problem": cmp.Or(s.What, s.Reason.Title()), "advice": s.Hint,
	})
}

// daemonStands is where the daemon stands that has answered so.
func daemonStands(conf *config.Config, status *provisioning.Status, err error) *check.Daemon {
	d := &check.Daemon{
		NotRunning: errors.Is(err, control.ErrNotRunning), Hangs: errors.Is(err, os.ErrDeadlineExceeded), State: status.State, SIPAddress: status.SIPAddress, Newer: newer(conf), Degraded: status.Degraded, Since: status.NotRegisteredSince,
		Reason: status.Reason, Fault: status.Fault, What: status.What, Hint: status.Hint, Side: status.Side, NextAttempt: status.NextAttempt, NextKnock: status.NextKnock, Cycle: status.Cycle, Metrics: status.Metrics,
	}
	if !triesSome(status.Cycle) {
		d.NextLookup = status.NextLookup
	}
	for i := range status.Pace {
		p := &status.Pace[i]
		switch provisioning.Fault(p.Fault) {
		case provisioning.FaultLinkLost:
			d.LinkLost = *p
		case provisioning.FaultAnswersLate:
			d.Late = *p
		}
	}
	d.Unknown = err != nil && !d.NotRunning && !d.Hangs
	if status.State == provisioning.Registered {
		d.Since, d.At = status.RegisteredAt, status
	}
	return d
}

// isAlone says whether it is certain that no daemon runs.
func isAlone(ctx context.Context, conf *config.Config) bool { return askAgain(ctx, conf).NotRunning }

// askAgain asks the daemon where it stands now.
func askAgain(ctx context.Context, conf *config.Config) *check.Daemon {
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), daemonLimit)
	defer cancel()
	status, err := daemon(conf).Status(asking)
	return daemonStands(conf, status, err)
}

// newer is a file of settings that is newer than the socket of the daemon, which it makes at its start; "": none is, or that cannot be seen.
func newer(conf *config.Config) string {
	socket, err := os.Stat(socketPath(conf))
	if err != nil {
		return ""
	}
	for _, path := range conf.Files {
		if file, err := os.Stat(path); err == nil && file.ModTime().After(socket.ModTime()) {
			return path
		}
	}
	return ""
}
