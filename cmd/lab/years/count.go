package years

import (
	"fmt"
	"time"
)

// Plan is how years are lived.
type Plan struct {
	First    uint64 // seed of the first year
	N        int
	Episodes int           // of trouble in a year
	Lived    time.Duration // simulated time of a year
	Trace    bool          // prints what happens as it happens
}

// Count is what a year was made of.
type Count struct {
	Seed          uint64
	Lived         time.Duration // simulated time in which the daemon ran or could have
	Incidents     map[string]int
	Events        int // of the device, after each of which the promises were checked
	Checks        int
	Lives, Cuts   int
	Registrations int
	Commits       int
	Degraded      int
	Certificates  int
	Took          time.Duration // of real time
	SlowestHome   time.Duration
	Homes         time.Duration // all together
	WaysHome      int
	Broken        []string
	Trace         string `json:",omitempty"`
}

// String is what a year has come to.
func (c Count) String() string {
	return fmt.Sprintf("seed %d: %d incidents, %d lives, %d power cuts, %d registrations (%d through last good), %d certificates, slowest way home %v",
		c.Seed, c.incidents(), c.Lives, c.Cuts, c.Registrations, c.Degraded, c.Certificates, c.SlowestHome.Round(time.Second))
}

func (c Count) incidents() (n int) {
	for _, k := range c.Incidents {
		n += k
	}
	return n
}
