package years

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"homeward/cache"
	"homeward/internal/sitetest"
	"homeward/provisioning"
	"homeward/service"
)

// judge holds the promises against what happens. The driver alone uses it, but for broken.
type judge struct {
	world  *world
	began  time.Time // the year
	runDir string    // of the device
	broker *broker   // of the fleet; nil: there is none
	life   *life     // nil: it is off
	disk   image     // as of the last look

	cutAt       time.Time // when the power was cut before this life; the zero time: it began otherwise, or from a disk that was damaged
	acked       uint64    // the generation of the record that was acknowledged
	ackedBefore uint64    // before the latest commit
	facts       facts
	verdict     verdict
	count       Count
}

// broken takes note of a promise that was not kept. It may be called from any goroutine.
func (j *judge) broken(promise, format string, args ...any) {
	j.verdict.mu.Lock()
	defer j.verdict.mu.Unlock()
	if len(j.verdict.said) < 5 {
		j.verdict.said = append(j.verdict.said, promise+": "+fmt.Sprintf(format, args...))
	}
}

// booted is the beginning of a life: the disk has kept what was acknowledged.
func (j *judge) booted() {
	f := &j.facts
	f.certified, f.granted = nil, map[string]grant{}
	f.wrong = slices.DeleteFunc(f.wrong, func(at time.Time) bool { // so are passwords refused
		return j.cutAt.IsZero() || at.After(j.cutAt.Add(-written))
	})
	clear(f.connects)
	clear(f.registers)
	before, _ := j.life.store.Load()
	for _, s := range j.world.servers { // what was asked is kept over a power cut, if there was time to write it down
		if j.cutAt.IsZero() || before.RegisteredAt.After(time.Now()) || s.asked.at.After(j.cutAt.Add(-written)) {
			s.asked = retry{}
		}
	}
	j.count.Lives++
	record, ok := j.life.store.Load()
	if record.Generation < j.acked {
		j.broken("disk", "a record of generation %d was acknowledged, and after the start there is generation %d (%v)", j.acked, record.Generation, j.life.store.Notes())
	}
	if ok && record.Registrar.Host == "" {
		j.broken("disk", "a record without a Registrar")
	}
	j.acked, f.floor = record.Generation, ok && record.TLSFloor
	j.facts.cycleAt = time.Now()
}

// judgeEntry looks at what a server has seen.
func (j *judge) judgeEntry(e sitetest.Entry) {
	w, f, at := j.world, &j.facts, j.began.Add(e.After)
	s := w.at(e.Server)
	if s == nil {
		return
	}
	if e.Auth != "" && s.host == "" {
		j.broken("credentials", "%s over plain TCP at %s", e.Auth, e.Server)
	}
	if e.Auth != "" && !s.badAt.IsZero() && at.After(s.badAt) {
		j.broken("credentials", "%s at %s, whose certificate is not to be believed: %s", e.Auth, e.Server, s.now)
	}
	if strings.HasPrefix(e.Proof, "wrong password") {
		if f.wrong = append(since(f.wrong, lockout), at); len(f.wrong) > maxWrong {
			j.broken("lock-out", "%d passwords refused within %v", len(f.wrong), lockout)
		}
	}
	switch {
	case e.What == "bind":
		j.broken("phone", "a binding is asked for at %s, where the phone has the only one", e.Server)
	case e.What == "connect":
		if f.connects[e.Server] = append(since(f.connects[e.Server], time.Minute), at); len(f.connects[e.Server]) > maxConnects {
			j.broken("restraint", "%d connections to %s within a minute", len(f.connects[e.Server]), e.Server)
		}
	case e.What == "REGISTER":
		j.judgeRegister(s, e, at)
	case e.Proof == "certificate" && e.Code == 200:
		j.count.Certificates++
		if f.certified = append(since(f.certified, nextCertificate), at); len(f.certified) > 1 {
			j.broken("restraint", "%d certificates within %v", len(f.certified), nextCertificate)
		}
	}
}

func (j *judge) judgeRegister(s *server, e sitetest.Entry, at time.Time) {
	f := &j.facts
	if s.host == "" && f.floor {
		j.broken("floor", "REGISTER over plain TCP at %s, after a registration over TLS", e.Server)
	}
	if at.Before(s.asked.until) {
		j.broken("restraint", "REGISTER at %s, which has asked to be left alone until %v later", e.Server, s.asked.until.Sub(at))
	}
	for word := range strings.FieldsSeq(s.now) {
		var seconds int
		if n, _ := fmt.Sscanf(word, "retry-after=%d", &seconds); n == 1 && e.Code >= 300 && e.Code != 401 && e.Code != 407 && s.host != "" {
			for _, same := range j.world.servers { // the device leaves the host alone, wherever it moves
				if same.host == s.host {
					same.left = at.Add(time.Duration(seconds) * time.Second)
				}
			}
			s.asked = retry{at, at.Add(time.Duration(seconds)*time.Second - written)} // it is kept in whole seconds
		}
	}
	switch {
	case e.Code == 200:
		expires := 10 * time.Minute
		for word := range strings.FieldsSeq(s.now) {
			var seconds int
			if n, _ := fmt.Sscanf(word, "expires=%d", &seconds); n == 1 {
				expires = time.Duration(seconds) * time.Second
			}
		}
		f.granted[e.Server] = grant{at, at.Add(expires)}
		f.registers[e.Server] = nil
	case e.Auth == "" || e.Proof == "begins" || e.Proof == "handshake": // a step of a sign-in
	default:
		if f.registers[e.Server] = append(since(f.registers[e.Server], time.Hour), at); len(f.registers[e.Server]) > maxRegisters {
			j.broken("restraint", "%d REGISTERs in vain at %s within an hour", len(f.registers[e.Server]), e.Server)
		}
	}
}

// isClean says whether DNS has answered right, on the network of now, since the device began to look for a Registrar.
func (j *judge) isClean() bool {
	w, from := j.world, j.facts.cycleAt.Add(-settled)
	return w.up && !w.dnsAt.IsZero() && !w.dnsAt.After(from) && !w.movedAt.After(from) && !j.facts.netAt.After(from)
}

// isDue says whether a server is well, and has been long enough for the device to have nothing against it.
func (j *judge) isDue(s *server) bool {
	from := j.facts.cycleAt.Add(-settled)
	return s != nil && j.world.reachable(s) && !s.left.After(from) && !s.wellAt.IsZero() && !s.wellAt.After(from) && (!s.wellAt.After(j.life.began.Add(-settled)) || time.Since(s.wellAt) > forgiven)
}

// judgeEvent looks at what the device has told.
func (j *judge) judgeEvent(l *life, e provisioning.Event) {
	f := &j.facts
	j.count.Events++
	if strings.Contains(e.String()+e.Detail, j.world.password) {
		j.broken("secret", "the password is in an event: %s", e)
	}
	switch e.Kind {
	case provisioning.StateChanged:
		f.standsAt = e.At
		if e.State == provisioning.Recalling || e.State == provisioning.Discovering && f.state != provisioning.Recalling {
			f.cycleAt, f.told = e.At, false
		}
		before := f.state
		if f.state = e.State; e.State == provisioning.Registered {
			j.count.Registrations++
			f.clean = before == provisioning.Discovering && j.isClean()
			if e.Degraded {
				j.count.Degraded++
			}
		}
	case provisioning.Attempted:
		j.judgeAttempt(e)
	case provisioning.Committed:
		record, _ := l.store.Load()
		j.ackedBefore, j.acked, f.floor = j.acked, record.Generation, record.TLSFloor
		j.count.Commits++
	default:
	}
}

// judgeAttempt: whose turn it was.
func (j *judge) judgeAttempt(e provisioning.Event) {
	if e.Reason == "" {
		j.facts.told = e.Step == provisioning.Redirect
	}
	switch {
	case e.Step == provisioning.LastGood && j.facts.state == provisioning.Outage && j.isClean():
		j.broken("last-good", "last good (%s) is tried, although DNS has answered since %v", e.Endpoint, time.Since(j.world.dnsAt))
	case e.Reason != "" || e.Step <= provisioning.InternalTLS || e.Step > provisioning.ExternalTCP || j.facts.state != provisioning.Discovering:
	case j.isClean() && j.firstIsDue():
		j.broken("order", "registered by %s at %s, although %s, which is well, comes first", e.Step, e.Endpoint, j.world.first(j.world.place)[0])
	}
}

// firstIsDue says whether the way through the first step is open to the device: its Registrar, and one of those it redirects to.
func (j *judge) firstIsDue() bool {
	w := j.world
	if w.place == outside || !j.isDue(w.of(w.first(w.place)[0]+"."+domain)) {
		return false
	}
	return !w.lync || slices.ContainsFunc(w.pair(w.place), func(host string) bool { return j.isDue(w.of(host + "." + domain)) })
}

// judgeLife looks at everything that can be seen of the device between two things that it does.
func (j *judge) judgeLife(l *life) {
	if network := fmt.Sprint(j.world.address, j.world.up); network != j.facts.network {
		j.facts.network, j.facts.netAt = network, time.Now()
	}
	if at := l.net.leaked(); at != "" {
		j.broken("secret", "the password goes to %s in clear text", at)
	}
	status := l.agent.Status()
	j.judgeStatus(l, status)
	j.judgeFile(status)
	j.judgeFleet(l, status)
	if status.State == provisioning.Registered && !status.Degraded {
		j.judgeRecord(l, status)
	}
	if n := runtime.NumGoroutine(); n > maxGoroutines {
		j.broken("bounded", "%d goroutines", n)
	}
}

// judgeStatus: what it says is so, as far as anybody can know.
func (j *judge) judgeStatus(l *life, s provisioning.Status) {
	registered := s.State == provisioning.Registered
	if registered != (s.Registrar != nil) || !registered && s.Degraded {
		j.broken("status", "%s", standing(s))
		return
	}
	if !registered {
		if wait := time.Until(s.NextAttempt); wait > longestRest {
			j.broken("status", "it rests for %v more", wait)
		}
		return
	}
	at := netip.AddrPortFrom(s.Registrar.Address, s.Registrar.Port).String()
	server, granted, limit := j.world.at(at), j.facts.granted[at], noticed
	if j.world.release {
		granted.until, limit = time.Now(), visited
	}
	if s.Watch != nil && s.Watch.Over == provisioning.OverVisits && time.Since(s.Watch.AnsweredAt) > visited {
		j.broken("status", "watched without a binding, and nothing was heard since %v", s.Watch.AnsweredAt)
	}
	switch {
	case server == nil:
		j.broken("status", "registered at %s, where nobody is", at)
	case granted.at.IsZero():
		j.broken("status", "registered at %s, which has accepted nothing in this life", at)
	case time.Now().After(granted.until):
		j.broken("status", "registered at %s, where the binding ended %v ago", at, time.Since(granted.until))
	case !server.deadAt.IsZero() && time.Since(server.deadAt) > limit && granted.at.Before(server.deadAt):
		j.broken("status", "registered at %s, which died %v ago", at, time.Since(server.deadAt))
	case !j.world.up && time.Since(j.facts.netAt) > noticed:
		j.broken("status", "registered at %s without a network for %v", at, time.Since(j.facts.netAt))
	}
}

// standing is a status in short.
func standing(s provisioning.Status) string {
	registrar := "no Registrar"
	if s.Registrar != nil {
		registrar = fmt.Sprintf("%s (%s, %s)", s.Registrar.Endpoint, s.Registrar.Address, s.Registrar.Role)
	}
	return fmt.Sprintf("%s, %s, degraded %v, reason %q, next attempt %v", s.State, registrar, s.Degraded, s.Reason, s.NextAttempt)
}

// judgeFile: registrar.json says what the status says.
func (j *judge) judgeFile(s provisioning.Status) {
	text, err := os.ReadFile(filepath.Join(j.runDir, "registrar.json"))
	var file service.RegistrarFile
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		j.broken("registrar.json", "%v", err)
		return
	}
	said, _ := json.Marshal([]any{file.State, file.Degraded, file.Registrar, file.Home})
	is, _ := json.Marshal([]any{s.State, s.Degraded, s.Registrar, s.Home})
	if !bytes.Equal(said, is) {
		j.broken("registrar.json", "it says %s, where %s is true", said, is)
	}
}

// judgeFleet: what the broker has kept is so, if the device has had time to say it.
func (j *judge) judgeFleet(l *life, s provisioning.Status) {
	if j.broker == nil {
		return
	}
	standing := fmt.Sprintf("%s, degraded %v", s.State, s.Degraded)
	kept, wellAt := j.broker.last()
	from := time.Now().Add(-published)
	if wellAt.IsZero() || wellAt.After(from) || l.began.After(from) || j.facts.netAt.After(from) || !j.world.up || time.Since(j.facts.standsAt) < noticed {
		return
	}
	if said := fmt.Sprintf("%s, degraded %v", kept.State, kept.Degraded); said != standing {
		j.broken("fleet", "the broker has kept %q, and %q is so since %v", said, standing, time.Since(j.facts.standsAt))
	}
}

// judgeRecord: nothing in last good is older than the registration that it is of.
func (j *judge) judgeRecord(l *life, s provisioning.Status) {
	record, ok := l.store.Load()
	if !ok || record.Registrar.Host != s.Registrar.Host || record.Registrar.Port != s.Registrar.Port {
		j.broken("stale", "registered at %s, and last good is %q", s.Registrar.Endpoint, record.Registrar.Host)
		return
	}
	if !j.facts.clean {
		return
	}
	from := j.facts.cycleAt.Add(-settled)
	confirmed := []cache.Registrar{record.Registrar}
	if j.facts.told {
		confirmed = append(confirmed, record.Home...)
	}
	for _, r := range confirmed {
		if j.site(r.Host) != j.site(s.Registrar.Host) {
			j.broken("stale", "%s is kept after a registration at %s", r.Host, s.Registrar.Host)
		}
		for _, addr := range r.Addresses {
			if !j.world.named(r.Host, addr, from) {
				j.broken("stale", "%s is kept as an address of %s, which it was no more when the device registered", addr, r.Host)
			}
		}
	}
	for _, r := range record.MediaRelays {
		for _, addr := range r.Addresses {
			if !j.world.named(r.Host, addr, from) {
				j.broken("stale", "%s is kept as an address of the media relay %s", addr, r.Host)
			}
		}
	}
}

// site is which of the sites a host belongs to: the names of one are told by Registrars of the same.
func (j *judge) site(host string) place {
	i := slices.IndexFunc(j.world.servers, func(s *server) bool { return s.host == host })
	if i < 0 {
		return mainSite
	}
	return j.world.servers[i].place
}

// judgeDisk: the files are few and small, and hold no password.
func (j *judge) judgeDisk() {
	size := 0
	for name, data := range j.disk {
		size += len(data)
		if bytes.Contains(data, []byte(j.world.password)) {
			j.broken("secret", "the password is in %s", name)
		}
	}
	if len(j.disk) > maxFiles || size > maxBytes {
		j.broken("bounded", "%d files of %d bytes in the state directory", len(j.disk), size)
	}
}

// isAlive asks as the watchdog does.
func (j *judge) isAlive() {
	if j.life == nil || j.life.hit() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), aliveLimit)
	defer cancel()
	if err := j.life.agent.Alive(ctx); err != nil && j.life.hit() == nil {
		j.broken("alive", "nothing was heard of the agent for %v", aliveLimit)
	}
}

// isHome says whether the device is where it belongs.
func (j *judge) isHome() bool {
	if j.life == nil {
		return false
	}
	s := j.life.agent.Status()
	if s.State != provisioning.Registered || s.Degraded {
		return false
	}
	server := j.world.at(netip.AddrPortFrom(s.Registrar.Address, s.Registrar.Port).String())
	return server != nil && server.now == server.manner && !server.backup
}
