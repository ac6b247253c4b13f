package years

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"homeward/internal/sitetest"
)

// episode is some trouble, the way home, and a quiet time.
func (d *device) episode(all []incident, quiet time.Duration) {
	began := time.Now()
	for _, i := range all {
		d.until(began.Add(i.after))
		if len(d.verdict.broken()) > 0 {
			return
		}
		d.alone("%s", i.what)
		i.do(d)
		d.isAlive()
	}
	d.settle()
	d.recover()
	well := time.Now()
	d.alone("all is well from now on")
	for !d.isHome() && time.Since(well) < homeLimit && len(d.verdict.broken()) == 0 {
		d.until(time.Now().Add(10 * time.Second))
	}
	if took := time.Since(well); len(d.verdict.broken()) == 0 {
		if !d.isHome() {
			d.broken("home", "all has been well for %v, and the device stands at %s", homeLimit, standing(d.life.agent.Status()))
		}
		d.count.WaysHome++
		d.count.Homes += took
		d.count.SlowestHome = max(d.count.SlowestHome, took)
	}
	d.until(time.Now().Add(quiet))
}

// recover brings back what no incident has brought back.
func (d *device) recover() {
	w := d.world
	for _, s := range w.servers {
		if !s.spare {
			s.override = ""
		}
	}
	w.refresh()
	if w.dns != "" {
		w.setDNS("")
	}
	if w.dhcp != "" {
		w.setDHCP("")
	}
	if d.broker != nil && d.broker.now() != "" {
		d.broker.is("")
	}
	if !w.up || w.place != mainSite {
		w.move(mainSite)
	}
	if d.life != nil && d.life.hit() != nil {
		d.powerCut()
	}
	d.boot()
}

// Year lives one year of one device, in a bubble of testing/synctest; base is an empty directory.
func Year(t *testing.T, base string, seed uint64, p Plan) (count Count) {
	r := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15))
	d := &device{Rand: rand.New(rand.NewPCG(seed, 1)), t: t, stateDir: filepath.Join(base, "state"), spareDir: filepath.Join(base, "spare")}
	d.judge = judge{world: newWorld(r), began: time.Now(), runDir: filepath.Join(base, "run"), facts: newFacts(), count: Count{Seed: seed, Incidents: map[string]int{}}}
	d.enrols = d.world.lync && r.IntN(2) == 0
	if r.IntN(3) == 0 {
		var err error
		if d.broker, err = newBroker(); err != nil {
			t.Fatal(err)
		}
		defer d.broker.close()
	}
	d.trace = trace{began: time.Now(), all: p.Trace}
	if err := errors.Join(os.MkdirAll(d.stateDir, 0o700), os.MkdirAll(d.runDir, 0o700), os.MkdirAll(d.spareDir, 0o700)); err != nil {
		t.Fatal(err)
	}
	site, err := sitetest.Parse("year", []byte(d.world.text()))
	if err != nil {
		t.Fatalf("%v\n%s", err, d.world.text())
	}
	if d.wire, err = site.Start(); err != nil {
		t.Fatal(err)
	}
	defer site.Close()
	d.world.site = site
	d.policy = d.newPolicy(site)
	d.world.begin()
	d.start()
	began := time.Now()
	for n := range p.Episodes {
		trouble := draw(r, d.world, d.count.Incidents)
		quiet := time.Duration(r.Int64N(max(1, int64(2*p.Lived)/int64(p.Episodes))))
		d.alone("episode %d", n+1)
		d.episode(trouble, max(0, quiet-trouble[len(trouble)-1].after))
		if len(d.verdict.broken()) > 0 {
			break
		}
	}
	d.finish()
	d.count.Lived = time.Since(began)
	if d.count.Broken = d.verdict.broken(); len(d.count.Broken) > 0 {
		d.count.Trace = d.world.text() + "\n" + d.trace.String()
	}
	return d.count
}

// finish ends the year.
func (d *device) finish() {
	if d.life == nil {
		return
	}
	if d.life.hit() != nil || len(d.verdict.broken()) > 0 {
		d.cut()
		return
	}
	d.shutdown()
}
