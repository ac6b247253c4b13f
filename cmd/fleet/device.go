package main

import (
	"encoding/json"
	"slices"
	"time"

	"homeward/internal/fleet"
)

// The standings besides the states of a device.
const (
	degraded = "degraded" // registered through last good
	offline  = "offline"  // not connected to the broker
	silent   = "silent"   // connected, as the broker says; but it has not published what it publishes each day
	unknown  = "unknown"  // connected, and has not published how it stands
)

// standings are all there are, the good ones first.
var standings = []string{"registered", degraded, "recalling", "discovering", "resting", "outage", unknown, silent, offline}

// states are those that a device can say it is in.
var states = []string{"registered", "recalling", "discovering", "resting", "outage"}

// Our choices. A device publishes everything once in 18 to 30 hours. No clock is right that shows a time before clockFloor.
const tooLong = 32 * time.Hour

var clockFloor = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// device is what the broker has of one.
type device struct {
	fleet.Name
	presence *fleet.Presence // nil: nothing
	state    *fleet.State    // nil: nothing
	seen     int             // the session in which it was there last
}

// take takes a message over. What cannot be read is as good as nothing; whoever can write it is a device, and not trusted.
func (d *device) take(kind string, text []byte) {
	switch kind {
	case fleet.PresenceTopic:
		d.presence = read[fleet.Presence](text)
	case fleet.StateTopic:
		d.state = read[fleet.State](text)
	}
}

// read reads a message; nil: it cannot be read.
func read[T any](text []byte) *T {
	into := new(T)
	if len(text) == 0 || json.Unmarshal(text, into) != nil {
		return nil
	}
	return into
}

// gone says whether there is nothing left of it: an operator has removed it.
func (d *device) gone() bool { return d.presence == nil && d.state == nil }

// partial says whether the broker has given out only one of its two messages.
func (d *device) partial() bool { return (d.presence == nil) != (d.state == nil) }

// at is when it published last, by its own clock; the zero time: never, or its clock is wrong.
func (d *device) at() time.Time {
	var at time.Time
	if d.presence != nil {
		at = d.presence.At
	}
	if d.state != nil && d.state.At.After(at) {
		at = d.state.At
	}
	if at.Before(clockFloor) {
		return time.Time{}
	}
	return at
}

// standing is how it stands, in one word.
func (d *device) standing(now time.Time) string {
	at := d.at()
	switch {
	case d.presence == nil || !d.presence.Online:
		return offline
	case !at.IsZero() && now.Sub(at) > tooLong:
		return silent
	case d.state == nil:
		return unknown
	case d.state.Degraded && d.state.State == "registered":
		return degraded
	}
	if !slices.Contains(states, d.state.State) {
		return unknown
	}
	return d.state.State
}

// known is the state, or one in which nothing is known.
func (d *device) known() *fleet.State {
	if d.state == nil {
		return &fleet.State{}
	}
	return d.state
}

// registrar is the host of the one in use, or "".
func (d *device) registrar() string {
	if s := d.known(); s.Registrar != nil {
		return s.Registrar.Host
	}
	return ""
}

// reason is why it is not registered, or degraded; "" if all is well, or nothing is known.
func (d *device) reason() string { return d.known().Reason }
