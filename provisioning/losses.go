package provisioning

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Our choices.
const (
	maxLossPlaces = 4                // Registrars whose losses are counted; of more, those are forgotten that were lost longest ago
	lossesTimed   = 8                // of each the last ones, in which a pattern may be seen
	oftenLost     = 3                // in an hour
	minutesADay   = 24 * 60          // what is counted, by the minute
	leastPattern  = 3 * time.Second  // what ends sooner has no pattern worth telling
	atOnce        = 10 * time.Second // a new registration within this time after a loss needed no second try
	leastStable   = 2 * time.Minute  // what has held for less may be about to be lost, however fast the losses came
)

// Loss is the end of one registration that nobody has asked for.
type Loss struct {
	Endpoint
	At       time.Time
	Reason   Reason
	Life     time.Duration // since it began
	Idle     time.Duration // the time without traffic before it ended
	Survived time.Duration // the longest time without traffic that it has survived
}

// Losses is how often registrations at one Registrar were lost lately, in the form of `homeward status --json`.
type Losses struct {
	Endpoint
	LastHour   int       `json:"last_hour"`             // losses in the last hour
	LastDay    int       `json:"last_day"`              // losses in the last day
	LastAt     time.Time `json:"last_at"`               // when the last one was lost
	LastReason Reason    `json:"last_reason,omitempty"` // why the last one was lost
	// OtherReasons are those of the ones before it, of the last ones in this hour, where they differ; the latest first.
	OtherReasons []Reason `json:"other_reasons,omitempty"`
	IdleMS       int64    `json:"idle_ms,omitempty"` // each of the last ones was lost after so long without traffic
	LifeMS       int64    `json:"life_ms,omitempty"` // each of the last ones was lost so long after it began
	// Silences are how many of the last ones were lost as the connection passed no data any more, without a reset or a close, where
	// a new connection worked at once; then life_ms is about these.
	Silences int `json:"silences,omitempty"`
	// StableSince is when the registration there began, where it has held for longer than between any two of the last losses of this hour.
	StableSince time.Time     `json:"stable_since,omitzero"`
	apart       time.Duration // so long
}

// Past says of registrations that were lost often that this is over, as far as can be seen; "": they were not, or it is not.
func (l *Losses) Past() string {
	if l.LastHour < oftenLost || l.StableSince.IsZero() {
		return ""
	}
	return fmt.Sprintf("the registration at %s was lost %d times in the last hour, the last time at %s, and has held since %s, longer than between any two of the last losses",
		l.HostPort(), l.LastHour, l.LastAt.UTC().Format(clock), l.StableSince.UTC().Format(clock))
}

// clock is how sentences have a time of today.
const clock = "15:04:05 UTC"

// Trouble is what is wrong where registrations are lost often.
func (l *Losses) Trouble() Trouble {
	facts := Facts{"at": l.HostPort(), "host": l.Host, "count": fmt.Sprintf("%d times", l.LastHour)}
	switch {
	case l.LastHour < oftenLost || !l.StableSince.IsZero():
		return Trouble{}
	case l.IdleMS > 0:
		facts["idle"] = span(l.IdleMS)
		return FaultIdleClosed.Met(facts)
	case l.Silences >= oftenLost:
		return l.silent(facts)
	case l.LifeMS > 0:
		facts["life"] = span(l.LifeMS)
		return FaultLifeLimited.Met(facts)
	case len(l.OtherReasons) > 0:
		return l.various(facts)
	default:
		return FaultLostOften.Because(l.LastReason.Met(""), facts).On(sideOfLoss(l.LastReason))
	}
}

// silent is what is wrong where connections stop passing data.
func (l *Losses) silent(facts Facts) Trouble {
	facts["times"] = "each time"
	if l.Silences < l.LastHour {
		facts["times"] = fmt.Sprintf("the last %d times", l.Silences)
	}
	if l.LifeMS > 0 {
		facts["life"] = span(l.LifeMS)
	}
	return FaultGoesSilent.Met(facts)
}

// sideOfLoss is whose side it is on that a registration was lost. Where the connection has ended, or nothing came on it any more, that
// is not known: it has worked until then.
func sideOfLoss(r Reason) Side {
	if side := r.Met("").OnSide(); side != "" && !EndsConnection(r) {
		return side
	}
	return SideOpen
}

// various is what is wrong where they are lost now for this reason, now for that. It is on a side if all reasons are on that one.
func (l *Losses) various(facts Facts) Trouble {
	var titles []string
	side := sideOfLoss(l.LastReason)
	for _, reason := range slices.Concat([]Reason{l.LastReason}, l.OtherReasons) {
		titles = append(titles, fmt.Sprintf("%s (%s)", reason.Title(), reason))
		if sideOfLoss(reason) != side {
			side = SideOpen
		}
	}
	facts["reasons"] = strings.Join(titles, "; ")
	return FaultLostVariously.Met(facts).On(side)
}

// span is a time as a sentence has it.
func span(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	if d >= 10*time.Minute {
		return fmt.Sprintf("%d minutes", int(d.Round(time.Minute).Minutes()))
	}
	return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
}

// linkWatched is how long the loss of a link is of interest. (Our choice.)
const linkWatched = 10 * time.Minute

// LinkLostOften is what is wrong where the link of this device was lost often lately; none: it was not, or it has held for longer since than between
// any two of those losses.
func LinkLostOften(iface string, at []time.Time, now time.Time) Trouble {
	stable, n := leastStable, 0
	for i, lost := range at {
		if now.Sub(lost) < linkWatched {
			if n++; n > 1 {
				stable = max(stable, lost.Sub(at[i-1]))
			}
		}
	}
	if n < oftenLost || now.Sub(at[len(at)-1]) > stable {
		return Trouble{}
	}
	return FaultLinkLost.Met(Facts{"interface": iface, "count": fmt.Sprintf("%d times", n), "last": at[len(at)-1].UTC().Format(clock)})
}

// LinkLostSince is that the link was lost after a moment, for the last time.
func LinkLostSince(iface string, at []time.Time, since time.Time) Trouble {
	if len(at) == 0 || !at[len(at)-1].After(since) {
		return Trouble{}
	}
	return FaultLinkLost.Met(Facts{"interface": iface, "when": at[len(at)-1].UTC().Format(clock)})
}

// LossLog counts losses. It holds no more than it did at the beginning, however many there are.
type LossLog struct {
	begun  time.Time
	places []lossPlace
}

// lossPlace is what is known of one Registrar.
type lossPlace struct {
	minutes [minutesADay]uint8 // how many there were, by the minute of the day
	minute  int                // the latest of them, since the log began
	last    []Loss
}

// Note counts one more.
func (l *LossLog) Note(loss Loss) {
	if l.begun.IsZero() {
		l.begun = loss.At
	}
	i := slices.IndexFunc(l.places, func(p lossPlace) bool { return p.last[0].Endpoint == loss.Endpoint })
	if i < 0 && len(l.places) == maxLossPlaces {
		i = 0
		for j, p := range l.places {
			if p.latest().At.Before(l.places[i].latest().At) {
				i = j
			}
		}
		l.places[i] = lossPlace{}
	} else if i < 0 {
		i, l.places = len(l.places), append(l.places, lossPlace{})
	}
	p := &l.places[i]
	p.pass(l.minuteOf(loss.At))
	if n := &p.minutes[p.minute%minutesADay]; *n < 255 {
		*n++
	}
	if len(p.last) == lossesTimed {
		p.last = p.last[1:]
	}
	p.last = append(p.last, loss)
}

// minuteOf is the minute of a time, counted by a clock that nobody sets.
func (l *LossLog) minuteOf(at time.Time) int { return max(0, int(at.Sub(l.begun)/time.Minute)) }

// Lately is how often each Registrar was lost, as of now; what is longer ago than a day is forgotten.
func (l *LossLog) Lately(now time.Time) (all []Losses) {
	for i := range l.places {
		p := &l.places[i]
		p.pass(l.minuteOf(now))
		latest := p.latest()
		one := Losses{Endpoint: latest.Endpoint, LastHour: p.within(60), LastDay: p.within(minutesADay), LastAt: latest.At.UTC().Truncate(time.Millisecond), LastReason: latest.Reason}
		if one.LastDay > 0 {
			one.IdleMS, one.LifeMS = p.pattern(now)
			one.OtherReasons, one.apart = p.others(now), p.apart(now)
			if n, life := p.silences(now); n >= oftenLost && one.IdleMS == 0 {
				one.Silences, one.LifeMS = n, life
			}
			all = append(all, one)
		}
	}
	return all
}

func (p *lossPlace) latest() Loss { return p.last[len(p.last)-1] }

// pass goes on to a minute; those of a day before are over.
func (p *lossPlace) pass(minute int) {
	for m := max(p.minute+1, minute-minutesADay+1); m <= minute; m++ {
		p.minutes[m%minutesADay] = 0
	}
	p.minute = max(p.minute, minute)
}

// within is how many there were in the last minutes.
func (p *lossPlace) within(minutes int) (n int) {
	for m := max(0, p.minute-minutes+1); m <= p.minute; m++ {
		n += int(p.minutes[m%minutesADay])
	}
	return n
}

// pattern is what the losses of the last hour have in common, in milliseconds: the time without traffic, else the time since
// the registration began; 0: it differs, or there are too few.
func (p *lossPlace) pattern(now time.Time) (idle, life int64) {
	var idles, lives []time.Duration
	for i := range p.last {
		loss := &p.last[i]
		if now.Sub(loss.At) >= time.Hour {
			continue
		}
		if !EndsConnection(loss.Reason) {
			return 0, 0
		}
		lives = append(lives, loss.Life)
		if loss.Survived < loss.Idle*9/10 { // else it is not being idle that ends it
			idles = append(idles, loss.Idle)
		}
	}
	if d := alike(idles); d > 0 && len(idles) == len(lives) {
		return d.Milliseconds(), 0
	}
	return 0, alike(lives).Milliseconds()
}

// others are the reasons besides that of the latest, of those in the last hour.
func (p *lossPlace) others(now time.Time) (others []Reason) {
	for i := len(p.last) - 1; i >= 0; i-- {
		loss := &p.last[i]
		if now.Sub(loss.At) < time.Hour && loss.Reason != p.latest().Reason && !slices.Contains(others, loss.Reason) {
			others = append(others, loss.Reason)
		}
	}
	return others
}

// apart is how long it was, at most, between two of the losses of the last hour.
func (p *lossPlace) apart(now time.Time) (longest time.Duration) {
	for i := 1; i < len(p.last); i++ {
		if before := p.last[i-1].At; now.Sub(before) < time.Hour {
			longest = max(longest, p.last[i].At.Sub(before))
		}
	}
	return longest
}

// silences are how many of the last losses were silences after each of which a new connection worked at once, and how long after it
// began each was lost, in milliseconds, where that is the same. If it is not, they are told only if all of the hour are such.
func (p *lossPlace) silences(now time.Time) (n int, life int64) {
	var lives []time.Duration // the latest first
	whole := true
	next := now
	for i := len(p.last) - 1; i >= 0; i-- {
		loss := &p.last[i]
		if now.Sub(loss.At) >= time.Hour {
			break
		}
		anew := i == len(p.last)-1 || next.Sub(loss.At) <= atOnce
		if whole = anew && (loss.Reason == ConnectTimeout || loss.Reason == SIPNoAnswer); !whole {
			break
		}
		lives, next = append(lives, loss.Life), loss.At.Add(-loss.Life)
	}
	for n := len(lives); n >= oftenLost; n-- {
		if d := alike(lives[:n]); d > 0 {
			return n, d.Milliseconds()
		}
	}
	if !whole {
		return 0, 0
	}
	return len(lives), 0
}

// EndsConnection says whether the connection is what ended, and nobody has said why.
func EndsConnection(r Reason) bool {
	return r == ConnectReset || r == ConnectTimeout || r == SIPNoAnswer
}

// JustLost are those of registrations that have ended with their connection at this moment.
func JustLost(lately []Losses, now time.Time) (lost []Losses) {
	for i := range lately {
		l := &lately[i]
		if EndsConnection(l.LastReason) && now.Sub(l.LastAt) < atOnce {
			lost = append(lost, *l)
		}
	}
	return lost
}

// droppedAsItEnds says whether a new connection was dropped where a registration had just been lost.
func droppedAsItEnds(lost []Losses, at Endpoint, r Reason, now time.Time) bool {
	return r == ConnectReset && slices.ContainsFunc(JustLost(lost, now), func(l Losses) bool { return l.Endpoint == at })
}

// alike is what times are that are the same, to the second or to a twentieth; 0: they are not, or too few or too short.
func alike(times []time.Duration) time.Duration {
	if len(times) < oftenLost {
		return 0
	}
	low, high := slices.Min(times), slices.Max(times)
	if low < leastPattern || high-low > max(time.Second, high/20) {
		return 0
	}
	return low
}
