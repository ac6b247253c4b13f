package years

// Mutation is a change of the product that breaks a promise.
type Mutation struct {
	Promise  string // that is to be found broken
	What     string
	File     string // below the module
	Old, New string // Old is there once
}

// Broken are promises that are broken on purpose, to see that each is found.
func Broken() []Mutation {
	return []Mutation{
		{
			"last-good", "last good is used although DNS has answered", "provisioning/agent/phases.go",
			"	if usable {\n		return a.rest\n	}\n	return a.outage\n", "	return a.outage\n",
		},
		{
			"stale", "addresses that a Registrar had before are kept", "provisioning/signin/standing.go",
			"	record.Registrar = registrar.Kept()\n",
			"	record.Registrar = registrar.Kept()\n	if previous.Registrar.Host == record.Registrar.Host {\n		record.Registrar.Addresses = append(record.Registrar.Addresses, previous.Registrar.Addresses...)\n	}\n",
		},
		{
			"credentials", "a certificate for another name is taken", "internal/trust/names.go",
			"		return checkHost(leaf, host)\n	case", "		return nil\n	case",
		},
		{
			"order", "DHCP comes before DNS", "provisioning/plan.go",
			"[]Step{InternalTLS, DHCPTLS, InternalTCP, DHCPTCP, ExternalTLS, ExternalTCP}", "[]Step{DHCPTLS, InternalTLS, InternalTCP, DHCPTCP, ExternalTLS, ExternalTCP}",
		},
		{
			"registrar.json", "it does not say that the device is degraded", "service/statefile.go",
			"State: s.State, Degraded: s.Degraded,", "State: s.State,",
		},
		{
			"status", "a registration that is lost is shown", "provisioning/agent/keep.go",
			"	k.board.lost(event, provisioning.Loss{Life: life, Idle: idle, Survived: survived})\n", "	_, _, _ = life, idle, survived\n	k.board.tell(event)\n",
		},
		{
			"lock-out", "the password is tried five times", "provisioning/signin/restraint.go",
			"refusalsAllowed    = 2 ", "refusalsAllowed    = 5 ",
		},
		{
			"restraint", "Retry-After is not heeded", "provisioning/signin/restraint.go",
			"	r.leaveAlone[e] = time.Now().Add(wait)\n", "	_, _ = e, wait\n",
		},
		{
			"floor", "plain TCP is used after a registration over TLS", "provisioning/agent/basis.go",
			"{ return b.memory().Floor() }", "{ return false }",
		},
		{
			"disk", "a commit is kept in memory alone", "cache/cache.go",
			"	return db.settle(&r, leftOut...)\n", "	return nil\n",
		},
		{
			"phone", "a binding is asked for although the phone has the only one", "provisioning/signin/signer.go",
			"Unbound: p.Release,", "Unbound: false,",
		},
		{
			"home", "the primary is never taken back", "provisioning/agent/lookout.go",
			"primaryAnswers  = 2 ", "primaryAnswers  = 1 << 30 ",
		},
	}
}
