package agent

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"homeward/cache"
	"homeward/internal/sip"
	"homeward/provisioning"
	"homeward/provisioning/discover"
	"homeward/provisioning/signin"
)

// keeper has the registration that the device uses: it shows and commits what a Registrar has accepted, renewed or told.
// The goroutine of Run alone uses it.
type keeper struct {
	basis   basis
	board   *board
	signer  *signin.Signer
	current *signin.Registration // nil: the device is not registered
	anewAt  time.Time            // when to sign in anew where the binding was given back
	cut     bool                 // the one before was lost as its connection ended, or passed nothing any more, and nobody has said why

	returned func(*signin.Registration) // is told, at the end of the run, whose Registrar has taken its binding back
}

// accept makes a registration the current one.
func (k *keeper) accept(reg *signin.Registration) {
	k.current = reg
	k.anewAt = anewWithin(signin.Lesson{})
	k.signer.Accept(reg, k.basis.memory())
	if !k.basis.linkLost(time.Now(), time.Time{}).None() { // what took long is no sign of how it is now
		reg.Way = provisioning.Trouble{}
	}
	k.board.registered(reg, k.basis.byLastGood)
	k.compareClocks()
}

// commit keeps what the registration has proven: one transaction that drops whatever it does not confirm. A degraded
// registration proves nothing new, and erases nothing.
func (k *keeper) commit() {
	if k.current.Degraded {
		return
	}
	record := k.current.Record()
	network := discover.Network(&k.basis.policy, &k.basis.wire)
	network.Step, record.Network = record.Network.Step, network
	changed, err := k.basis.store.Commit(record)
	switch {
	case err != nil:
		note := cache.Note{Code: string(provisioning.CacheWrite), Text: err.Error()}
		_ = errors.As(err, &note) // else it is another error
		k.board.tell(noteEvent(&note))
	case changed:
		k.board.tell(k.current.Event(provisioning.Committed, "", ""))
	}
	if err == nil { // one of the two copies may have failed all the same
		storeNotes(k.board, k.basis.store.Notes())
	}
}

func (k *keeper) renew(granted sip.Binding) {
	k.signer.Renew(k.current, granted, k.basis.memory())
	k.board.renewed(k.current)
	k.compareClocks()
	k.commit() // what could not be written before, or was told to forget
}

// absorb takes in what was told in band: it is shown, and kept with the Registrar.
func (k *keeper) absorb(l signin.Lesson) {
	k.signer.Believe(k.current, l, k.basis.memory())
	learned{k.board}.told(k.current)
	k.anewAt = anewWithin(l)
	k.commit()
}

// anewWithin draws the moment at which what was learnt is learnt anew, before it is worth nothing: devices of a site do not do so
// in step.
func anewWithin(l signin.Lesson) time.Time {
	life := l.Again()
	return time.Now().Add(life/2 + rand.N(life*2/5)) // as a binding is renewed: between 50 and 90 %
}

// lose says why the registration is gone.
func (k *keeper) lose(err error) {
	reg := k.current
	k.current = nil
	err = signin.Cut(err, k.basis.linkLost(time.Now(), reg.Since).With(provisioning.Facts{"ended": true}))
	event := reg.Failed(provisioning.Lost, err)
	event.Trouble = provisioning.SignedIn(provisioning.Past{Moment: provisioning.Moment{At: time.Now(), Lost: true}, Scheme: reg.Binding.Scheme}, true, event.Trouble)
	life := time.Since(reg.Since)
	k.signer.Restraint().Lost(&reg.Candidate, reg.Addr, err, life)
	signin.Heed(k.signer, &reg.Candidate, err)
	idle, survived := reg.Session.Pauses()
	k.cut = provisioning.EndsConnection(event.Reason)
	k.board.lost(event, provisioning.Loss{Life: life, Idle: idle, Survived: survived})
	k.board.paced(plugArea, k.basis.linkLostOften())
}

// unregister ends the registration with the agent.
func (k *keeper) unregister(ctx context.Context) {
	reg := k.current
	k.current = nil
	k.board.unregistering()
	event := reg.Event(provisioning.Unregistered, "", "")
	switch err := reg.TakeBack(ctx); {
	case err != nil:
		event = reg.Failed(provisioning.Unregistered, err)
	case !k.basis.policy.Release: // else nothing was to be taken back
		k.returned(reg)
	}
	k.board.tell(event)
}

// visits are how a Registrar is watched that keeps no connection of a device without a binding. All are nil while it does.
type visits struct {
	due  <-chan time.Time // the next one
	anew <-chan time.Time // when to sign in anew, as what was learnt is old
	over <-chan struct{}  // the end of the watch
}

// watch is what the tasks of one registration have to say. Each channel holds the latest.
type watch struct {
	reg     *signin.Registration
	renewed chan sip.Binding
	lessons chan signin.Lesson
	doubted chan error // a refresh was refused by who knows whom
	unread  chan error // a document that cannot be read
	lost    chan error
	given   chan error // the binding was given back; an error: in vain
	told    chan sip.Provisioning
	visits  visits
	keeping context.Context // of the tasks
	stop    context.CancelFunc
	held    context.Context // ends with the registration, at the latest with the tasks
	tasks   sync.WaitGroup
}

// watch keeps the binding, learns what the Registrar tells in band, and does whatever else is to end with it.
func (k *keeper) watch(ctx context.Context, besides func(context.Context)) *watch {
	w := &watch{
		reg: k.current, renewed: make(chan sip.Binding, 1), lessons: make(chan signin.Lesson, 1),
		doubted: make(chan error, 1), unread: make(chan error, 1), lost: make(chan error, 1), given: make(chan error, 1),
		told: make(chan sip.Provisioning, 1),
	}
	session := w.reg.Session
	w.keeping, w.stop = context.WithCancel(ctx)
	held, lose := context.WithCancel(w.keeping)
	w.held = held
	w.tasks.Go(func() {
		err := session.Keep(w.keeping, sip.Watch{Refreshed: latest(w.renewed), Doubted: latest(w.doubted), Provisioned: latest(w.told), Unread: latest(w.unread), Pinged: k.basis.wire.Awake})
		lose() // a loss is not to wait for the end of a look-out
		w.lost <- err
	})
	k.begin(w)
	w.tasks.Go(func() { besides(w.keeping) })
	if k.cut || knownTwice(k.board) {
		w.tasks.Go(func() { k.basis.watchTwice(w.keeping, k.board, w.reg.Addr) })
	}
	return w
}

// begin does what a new binding is good for: what the Registrar tells in band is learnt. With nothing to learn, it is given back, where
// none is to be held.
func (k *keeper) begin(w *watch) {
	granted := w.reg.Binding
	switch {
	case granted.Lync && w.reg.Candidate.Transport == provisioning.TLS:
		w.tasks.Go(func() { k.signer.Learn(w.keeping, w.reg.Session, granted, w.told, latest(w.lessons)) })
	case granted.Lync:
		latest(w.lessons)(signin.Unproven())
	case k.basis.policy.Release && !granted.Unbound:
		k.giveBack(w)
	}
}

// giveBack gives the binding back, where none is to be held.
func (k *keeper) giveBack(w *watch) {
	if !k.basis.policy.Release || w.reg.Binding.Unbound {
		return
	}
	then := k.anewAt
	w.tasks.Go(func() { latest(w.given)(w.reg.Session.GiveBack(w.keeping, then)) })
}

// refresh asks the Registrar again, now; what comes of it, the others say.
func (w *watch) refresh() {
	if w.visits.due != nil {
		w.visits.due = time.After(0)
		return
	}
	w.tasks.Go(func() { _ = w.reg.Session.Refresh(w.keeping) })
}

// end ends the tasks, and waits for them.
func (w *watch) end() {
	w.stop()
	w.tasks.Wait()
}

// release takes back a binding that another has replaced. A Lync Registrar knows a device by its endpoint id,
// whatever the connection, and has done so already; taking it back would take the new one.
func (w *watch) release(ctx context.Context) {
	w.end()
	if w.reg.Binding.Lync {
		return
	}
	_ = w.reg.TakeBack(ctx) // what is left expires
}

// close ends the tasks, and the connection.
func (w *watch) close() {
	w.end()
	w.reg.Session.Close()
}

// latest returns a function that never waits: a value that nobody has taken yet is replaced.
func latest[T any](ch chan T) func(T) {
	return func(v T) {
		select {
		case <-ch:
		default:
		}
		ch <- v
	}
}

// compareClocks shows how far the clock of the Registrar and ours are apart, and tells it once.
func (k *keeper) compareClocks() {
	reg := k.current
	t := clocksApart(k.basis.clockFloor(), reg).With(provisioning.Facts{"record": "_ntp._udp." + k.basis.policy.SIPAddress.Domain})
	for _, fresh := range k.board.flawed(clockArea, t) {
		event := reg.Event(provisioning.ClockSkew, fresh.Reason(), "")
		event.Trouble = fresh
		k.board.tell(event)
	}
}

// clocksApart is what is wrong with a clock, as far as it shows: floor has passed, and the clock of the Registrar, which counts for more
// where its certificate is valid by it, may be far from ours by what sign-in tolerates (5 min for Kerberos, 15 min for NTLM; MS-SIPAE).
func clocksApart(floor time.Time, reg *signin.Registration) provisioning.Trouble {
	const tolerated = 5 * time.Minute
	now, date := time.Now(), reg.Binding.Date
	skew := date.Sub(now).Round(time.Second)
	facts := provisioning.Facts{"host": reg.Candidate.Host, "span": provisioning.Apart(skew.Abs()), "now": now, "passed": floor}
	proven := len(reg.Ends) > 0
	if now.Before(floor) {
		return provisioning.FaultClockPassed.Met(facts)
	}
	facts = provisioning.BothTimes(facts, now, skew)
	switch {
	case date.IsZero() || skew.Abs() <= tolerated:
		return provisioning.Trouble{}
	case proven && (date.Before(reg.Ends[0].NotBefore) || date.After(reg.Ends[0].NotAfter)):
		facts["begins"], facts["ends"] = reg.Ends[0].NotBefore, reg.Ends[0].NotAfter
		return provisioning.FaultClockEither.Met(facts)
	case !proven:
		return provisioning.FaultClockEither.Met(facts)
	case skew > 0:
		return provisioning.FaultClockBehind.Met(facts)
	default:
		return provisioning.FaultClockAhead.Met(facts)
	}
}
