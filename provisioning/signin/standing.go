package signin

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"homeward/cache"
	"homeward/internal/sip"
	"homeward/provisioning"
)

// evidence is what a standing is made of besides the registration.
type evidence struct {
	policy     provisioning.Policy
	endpointID string
	vouched    map[string]bool
	memory     *provisioning.Memory
	at         time.Time
}

// record maps a registration to what is kept of it. What it did not learn (the home pair, the relays) is carried over from
// last good.
func (e *evidence) record(reg *Registration) cache.Record {
	previous, same := e.memory.Record()
	c := reg.Candidate
	registrar := c.Registrar(reg.Addr)
	record := cache.Record{
		SIPAddress: e.policy.SIPAddress.String(),
		// Verified TLS sets the floor; nothing that comes over the network lowers it.
		TLSFloor:     c.Transport == provisioning.TLS || e.memory.Floor() || reg.Lesson.closesTCP(),
		Scheme:       reg.Binding.Scheme,
		Issuer:       reg.Issuer,
		RegisteredAt: e.at.UTC(),
		EndpointID:   e.endpointID,
	}
	if date := reg.Binding.Date; !date.IsZero() && date.Before(record.RegisteredAt) {
		record.RegisteredAt = date // certificates are judged by it: a clock that is ahead must not close TLS later
	}
	if scheme := record.Scheme; scheme != "" && scheme != provisioning.ByCertificate {
		record.User, record.PasswordChanged = reg.Binding.User, e.policy.PasswordChanged
	}
	record.Network = &cache.Network{Step: cmp.Or(reg.By, c.Step.String())}
	if same && reg.By == "" && c.Step >= provisioning.Recall && previous.Network != nil { // discovery has led to who named it
		record.Network.Step = previous.Network.Step
	}
	if same && provisioning.LastInside(&record) == nil {
		record.Inside = provisioning.LastInside(&previous)
	}
	var home []provisioning.Registrar
	if same {
		home, record.MediaRelays = provisioning.PairOf(&previous), previous.MediaRelays
		// A registration elsewhere says that the pair is not the way any more; it stays for outages.
		record.Told = previous.Told && slices.IndexFunc(home, isAt(c.Endpoint)) >= 0
	}
	if len(reg.Home) > 0 {
		home, record.Told = nil, true
		for i := range reg.Home {
			h := &reg.Home[i]
			named := h.Registrar(netip.Addr{})
			named.Role = Roles[i]
			home = append(home, named)
		}
	}
	if pair := reg.Lesson.home(home, c.Endpoint, len(reg.Home) > 0); pair != nil {
		home, record.Told = pair, true
	}
	reg.Lesson.keepRelays(&record)
	for i := range home {
		if home[i].Endpoint == c.Endpoint {
			home[i].Addresses, registrar.Role = c.Addrs, home[i].Role
		}
		record.Home = append(record.Home, home[i].Kept())
	}
	record.Registrar = registrar.Kept()
	record.Vouched = e.policy.VouchedFor(record, e.vouched)
	return record
}

// registrarOf is the Registrar in use as status shows it.
func registrarOf(reg *Registration, home []provisioning.Registrar) provisioning.Registrar {
	c := reg.Candidate
	r := c.Registrar(reg.Addr)
	for i := range home {
		h := &home[i]
		if h.Endpoint == c.Endpoint {
			r.Role = h.Role
		}
	}
	if r.Role == "" && reg.Binding.OnBackup {
		r.Role = Roles[1]
	}
	return r
}

// standing is a pure function.
func (e *evidence) standing(reg *Registration) standing {
	record := e.record(reg)
	st := standing{record: record, home: provisioning.HomeOf(record), relays: reg.Lesson.relaysOr(record)}
	st.registrar = registrarOf(reg, st.home)
	return st
}

// Accept begins a registration as the one the device uses. m is last good so far.
func (s *Signer) Accept(reg *Registration, m *provisioning.Memory) {
	reg.Since = time.Now()
	s.stand(reg, m, reg.Since)
}

// Renew takes in what a Registrar has granted in answer to a refresh.
func (s *Signer) Renew(reg *Registration, granted sip.Binding, m *provisioning.Memory) {
	reg.Binding = granted
	s.stand(reg, m, time.Now())
}

// Believe makes a lesson that of a registration.
func (s *Signer) Believe(reg *Registration, l Lesson, m *provisioning.Memory) {
	switch pool := l.provisioning.PoolHost; {
	case pool == "":
	case s.policy.MayName(&reg.Candidate, pool):
		s.vouched.add(pool)
	default:
		l.provisioning.PoolHost = ""
	}
	l.update = updateOf(&s.policy, l)
	reg.Lesson = &l
	s.stand(reg, m, time.Now())
}

func (s *Signer) stand(reg *Registration, m *provisioning.Memory, at time.Time) {
	reg.standing = (&evidence{s.policy, s.EndpointID, s.Vouched(), m, at}).standing(reg)
}
