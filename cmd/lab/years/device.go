package years

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"homeward/cache"
	"homeward/internal/boot"
	"homeward/internal/fleet"
	"homeward/internal/identity"
	"homeward/internal/sitetest"
	"homeward/provisioning"
	"homeward/provisioning/agent"
	"homeward/provisioning/wire"
	"homeward/service"
)

// device is one device in its world, for a year. The driver alone uses it, but for what says otherwise.
type device struct {
	*rand.Rand
	judge
	t        *testing.T
	wire     sitetest.Wire
	policy   provisioning.Policy
	enrols   bool
	stateDir string
	spareDir string // to look at images
	trace    trace
	boots    int       // of the machine, so far
	bootedAt time.Time // the zero time: it is off
}

// coin says yes once in n times. What it decides depends on the device: it is never asked for what happens to it.
func (d *device) coin(n int) bool { return d.IntN(n) == 0 }

// powerCut cuts the power, if the device is on.
func (d *device) powerCut() {
	if d.life != nil {
		d.count.Cuts++
		d.cut()
	}
}

// boot switches the device on, if it is off.
func (d *device) boot() {
	if d.life == nil {
		d.start()
	}
}

func (d *device) restart() {
	if d.life != nil {
		d.shutdown()
	}
	d.start()
}

// spoil damages the disk while the device is off.
func (d *device) spoil(r *rand.Rand) {
	if d.life != nil {
		return
	}
	d.alone("damaged: %s", damage(r, d.disk))
	d.cutAt = time.Time{}
	d.acked = min(d.acked, d.store(d.disk).Generation) // what is left is what counts
	if err := d.disk.write(d.stateDir); err != nil {
		d.t.Fatal(err)
	}
}

// remember puts the registration of the record into the future: the clock is behind by that.
func (d *device) remember(ahead time.Duration) {
	if d.life != nil {
		return
	}
	db := cache.Open(d.stateDir)
	if record, ok := db.Load(); ok {
		record.RegisteredAt = time.Now().Add(ahead)
		if _, err := db.Commit(record); err != nil {
			d.t.Fatal(err)
		}
	}
	after, _ := db.Load()
	d.acked, d.cutAt = after.Generation, time.Time{}
	if err := db.Close(); err != nil {
		d.t.Fatal(err)
	}
	d.look()
}

// newPassword gives the account another password.
func (d *device) newPassword(password string) {
	for _, s := range d.world.servers {
		words := strings.Fields(s.manner)
		for i, w := range words {
			if strings.HasPrefix(w, "password=") {
				words[i] = "password=" + password
			}
		}
		s.manner = strings.Join(words, " ")
	}
	d.world.refresh()
}

// look takes an image of the disk.
func (d *device) look() {
	var err error
	if d.disk, err = read(d.stateDir); err != nil {
		d.t.Fatal(err)
	}
}

// until lets time pass. After each event the promises are checked.
func (d *device) until(end time.Time) {
	for {
		d.settle()
		if len(d.verdict.broken()) > 0 || !time.Now().Before(end) {
			return
		}
		var news chan struct{}
		if d.life != nil {
			news = d.life.news
		}
		timer := time.NewTimer(min(time.Until(end), time.Hour))
		select {
		case <-news:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// settle waits until nothing goes on any more at this instant, and judges what has happened.
func (d *device) settle() {
	synctest.Wait()
	l := d.life
	entries := d.world.site.Drain()
	var told []provisioning.Event
	if l != nil {
		told = l.take()
	}
	for at := 0; len(entries) > 0; entries = entries[1:] { // in the order of time
		for ; at < len(told) && told[at].At.Sub(d.trace.began) < entries[0].After; at++ {
			d.trace.tell(told[at])
		}
		d.trace.see(entries[0])
		d.judgeEntry(entries[0])
		if len(entries) == 1 {
			for ; at < len(told); at++ {
				d.trace.tell(told[at])
			}
		}
	}
	for _, e := range told {
		d.judgeEvent(l, e)
	}
	if l == nil {
		return
	}
	if l.hit() == nil {
		l.net.look()
		d.judgeLife(l)
		if slices.ContainsFunc(told, func(e provisioning.Event) bool {
			return e.Kind == provisioning.Committed || e.Kind == provisioning.Enrolled
		}) {
			d.look()
			d.judgeDisk()
		}
		d.count.Checks++
	}
}

// alone puts a line into the trace.
func (d *device) alone(format string, args ...any) { d.trace.add("# " + fmt.Sprintf(format, args...)) }

// policy is the configuration of a device, drawn.
func (d *device) newPolicy(site *sitetest.Site) provisioning.Policy {
	p := provisioning.Policy{
		SIPAddress: provisioning.SIPAddress{User: "phone1", Domain: domain}, Password: provisioning.Secret(d.world.password), Auth: []string{"tls-dsk", "ntlm", "digest"},
		AllowTCP: true, TLSFloor: true, AskDHCP: true, ReadLease: true, TLSMin: tls.VersionTLS12, Roots: x509.NewCertPool(), Version: "years", Enrol: d.enrols, Release: d.world.release, StormWindow: d.world.window,
	}
	if d.world.lync {
		p.User = `CONTOSO\phone1`
	}
	p.Roots.AppendCertsFromPEM(site.Roots())
	return p
}

// kernelUp is how long a machine has been up when the daemon starts.
const kernelUp = 20 * time.Second

// start begins a life with what the disk holds.
func (d *device) start() {
	l := &life{
		store: cache.Open(d.stateDir), began: time.Now(), done: make(chan struct{}), frozen: make(chan struct{}), news: make(chan struct{}, 1),
		net: &network{open: map[*conn]bool{}, secret: []byte(d.world.password), alive: d.arrives},
	}
	story := service.NewStory(slog.New(slog.DiscardHandler), filepath.Join(d.stateDir, "history.jsonl"))
	log := slog.New(slog.DiscardHandler)
	var conf fleet.Settings
	if d.broker != nil {
		conf = d.broker.settings(l.net.dial(func(context.Context, string, string) (net.Conn, error) { return d.toBroker() }))
	}
	tells := service.NewFleet(conf, "years", func() fleet.Cache { return fleet.Cache{} }, story, log)
	l.agent = agent.New(d.policy, l.net.wire(wire.Wire(d.wire)), l.store, func(e *provisioning.Event) { l.tell(*e); story.Tell(e); tells.Tell(e) })
	if d.enrols {
		l.agent.Identify(identity.In(d.stateDir))
	}
	if d.bootedAt.IsZero() {
		d.boots, d.bootedAt = d.boots+1, time.Now()
	}
	before := boot.Open(d.stateDir, boot.Machine{ID: fmt.Sprint("boot ", d.boots), Up: time.Since(d.bootedAt) + kernelUp})
	l.agent.Resume(before)
	tells.Wait = l.agent.Turn()
	atOnce := make(chan struct{})
	close(atOnce)
	restart := func(ctx context.Context) error {
		return before.Keep(ctx, atOnce, func(err error) { d.broken("disk", "restart.json: %v", err) })
	}
	file := service.NewStateFile(filepath.Join(d.runDir, "registrar.json"), l.agent.Status, story, nil, log)
	ctx, stop := context.WithCancelCause(d.t.Context())
	l.stop = stop
	go func() {
		defer close(l.done)
		err := service.Run(ctx, story.Life("years", service.Task{Name: "agent", Run: l.agent.Run}), service.Task{Name: "history", Run: story.Run}, service.Task{Name: "registrar.json", Run: file.Run}, tells.Task(l.agent.Status), service.Task{Name: "restart.json", Run: restart})
		if err != nil {
			d.broken("alive", "the daemon ends by itself: %v", err)
		}
		_, _ = before.End(), l.store.Close() // the disk is a good one, or this is in vain: the power is cut
	}()
	d.life = l
	d.alone("starts")
	d.booted()
}

// toBroker connects the device to the broker.
func (d *device) toBroker() (net.Conn, error) {
	if own := d.wire.Own(); len(own) > 0 {
		return d.broker.dial(own[0].String())
	}
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ENETUNREACH}
}

// arrives says whether what one end of a connection sends comes to the other.
func (d *device) arrives(local, far string) bool {
	s := d.world.at(far)
	host := local[:strings.LastIndex(local, ":")]
	return d.world.up && (host == d.world.address || strings.HasPrefix(local, "[")) && (s == nil || !strings.HasPrefix(s.now, "blackhole") && s.now != "unreachable")
}

// shutdown ends a life as a service manager does.
func (d *device) shutdown() {
	l := d.life
	if l.disarm(); l.hit() != nil { // the power was cut before
		d.powerCut()
		return
	}
	d.alone("is told to stop")
	began := time.Now()
	l.stop(errStopped)
	<-l.done
	d.settle()
	d.life, d.cutAt = nil, time.Time{}
	l.net.end()
	if took := time.Since(began); took > stopLimit {
		d.broken("alive", "the end took %v", took)
	}
	d.look()
	d.judgeDisk()
}

// cut ends a life as a power cut does: at this instant, wherever the agent is. The disk holds what it held.
func (d *device) cut() {
	l := d.life
	l.disarm()
	l.net.cut()
	d.settle()
	now, err := read(d.stateDir)
	if err != nil {
		d.t.Fatal(err)
	}
	struck, how := l.hit(), ""
	if struck != nil && struck.Kind == provisioning.Committed && d.coin(2) && d.store(now).Generation == d.store(d.disk).Generation+1 {
		now, how = torn(d.Rand, d.disk, now)
		d.acked = d.ackedBefore
	}
	if struck != nil {
		d.alone("the power is cut at %q %s", struck.String(), how)
		close(l.frozen)
	} else {
		d.alone("the power is cut")
	}
	l.stop(errStopped)
	<-l.done
	l.net.end()
	d.life, d.bootedAt = nil, time.Time{}
	d.cutAt = time.Now()
	d.world.site.Drain()
	d.disk = now
	if err := errors.Join(now.write(d.stateDir), image{}.write(d.runDir)); err != nil { // the runtime directory is in memory
		d.t.Fatal(err)
	}
}

// store is the record that an image of the state directory holds.
func (d *device) store(i image) cache.Record {
	if err := i.write(d.spareDir); err != nil {
		d.t.Fatal(err)
	}
	db := cache.Open(d.spareDir)
	defer db.Close()
	record, _ := db.Load()
	return record
}
