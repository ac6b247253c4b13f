package agent

import (
	"time"

	"homeward/provisioning"
	"homeward/provisioning/signin"
)

// released is what others see of a device that is to hold no binding, and of the phone beside it.
type released struct{ board *board }

// gaveBack shows that the device holds no binding any more; err: the Registrar has not said so.
func (r released) gaveBack(reg *signin.Registration, err error) {
	r.board.change(func(s *provisioning.Status) {
		s.ExpiresAt = time.Time{}
		s.Watch = &provisioning.Watch{Binding: provisioning.BindingGivenBack, Over: provisioning.OverConnection, AnsweredAt: shownTime(time.Now())}
	})
	r.board.tell(reg.Failed(provisioning.GivenBack, err))
}

// visited shows that a Registrar is there that keeps no connection, and when it is visited next.
func (r released) visited(reg *signin.Registration, next time.Duration) {
	r.board.change(func(s *provisioning.Status) {
		w, now := *s.Watch, time.Now()
		w.Over, w.AnsweredAt, w.NextAt = provisioning.OverVisits, shownTime(now), shownTime(now.Add(next))
		s.Watch = &w
	})
	r.board.tell(reg.Event(provisioning.Visited, "", ""))
}

// refused shows that a Registrar which was watched does not take the device any more.
func (r released) refused(reg *signin.Registration, stopped bool) {
	event := reg.Event(provisioning.Lost, "", "")
	r.board.change(func(s *provisioning.Status) {
		why, trouble := s.Cycle.Blame(stopped)
		event.Reason, event.Detail, event.Trouble = why.Reason, why.Detail, trouble
	})
	r.board.lost(event, provisioning.Loss{Life: time.Since(reg.Since)})
}

// reported tells what the phone says, and what follows.
func (r released) reported(report provisioning.Report) {
	detail := "a Registrar is looked for already"
	switch {
	case report.Looks:
		detail = "the Registrar is asked now"
	case report.State == provisioning.Resting:
		detail = "Registrars are left alone for now"
	}
	r.board.tell(&provisioning.Event{Kind: provisioning.Reported, Detail: detail})
}
