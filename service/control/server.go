package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"homeward/provisioning"
)

// Our choices: a caller that does nothing, or too much, costs the daemon little and not for long.
const (
	idleLimit   = 5 * time.Second
	writeLimit  = 2 * time.Second
	headerLimit = 1    // net/http adds 4096 bytes to whatever is set here
	bodyLimit   = 4096 // no verb has a body

	// Followers leave room for questions.
	maxFollowers  = maxClients / 2
	keptFollowers = keptClients / 2
)

// Source is where the answers come from. All of its functions may be called from any goroutine.
type Source struct {
	Status  func() provisioning.Status
	Record  func() (record any, ok bool) // the last good record, as JSON shows it; false: none
	Forget  func() error                 // drops the last good record
	Enrol   func()                       // asks for a certificate for sign-in; an event tells what comes of it
	Report  func() provisioning.Report   // the phone's own registration has failed; it may be called at any rate
	History func(failures bool) []Entry  // oldest first
	Log     func() []byte                // the last lines of the log, oldest first
	// Next waits for something that happened after the entry numbered after, and returns it with the number
	// to go on from; after 0 is before everything. An error means that ctx has ended, and nothing is left to
	// tell.
	Next func(ctx context.Context, after uint64) ([]Entry, uint64, error)
}

// Server answers on the control socket.
type Server struct {
	listener  net.Listener
	source    Source
	log       *slog.Logger
	followers places
}

// NewServer returns a server that has not started; l comes from Listen. log is told who was refused.
func NewServer(l net.Listener, source Source, log *slog.Logger) *Server {
	return &Server{listener: l, source: source, log: log, followers: newPlaces(maxFollowers, keptFollowers)}
}

// verbs are what the server answers to; an unknown path is told all of them.
var verbs = []struct {
	path   string
	answer func(*Server, http.ResponseWriter, *http.Request)
}{
	{"GET /v1/status", (*Server).status},
	{"GET /v1/cache", (*Server).cache},
	{"GET /v1/history", (*Server).history},
	{"GET /v1/log", (*Server).logTail},
	{"POST /v1/forget", (*Server).forget},
	{"POST /v1/enrol", (*Server).enrol},
	{"POST /v1/report", (*Server).report},
}

// Run serves until ctx ends, and closes the socket when the followers have been told everything.
func (s *Server) Run(ctx context.Context) error {
	server := &http.Server{
		Handler:           http.MaxBytesHandler(s, bodyLimit),
		ReadHeaderTimeout: idleLimit,
		ReadTimeout:       idleLimit,
		IdleTimeout:       idleLimit,
		WriteTimeout:      idleLimit + writeLimit, // counted from the first byte of the request
		MaxHeaderBytes:    headerLimit,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       withCaller,
	}
	server.SetKeepAlivesEnabled(false) // one question a connection: nobody holds a place for nothing
	stop := context.AfterFunc(ctx, func() {
		s.dismiss()
		server.Close()
	})
	defer stop()
	err := server.Serve(s.listener)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// dismiss waits until the followers are gone. ctx has ended for them too: each gets what happened last, within
// writeLimit. No new one is let in.
func (s *Server) dismiss() {
	tooLong := time.NewTimer(writeLimit)
	defer tooLong.Stop()
	for range maxFollowers + keptFollowers {
		select {
		case s.followers.everybody <- struct{}{}:
		case s.followers.kept <- struct{}{}:
		case <-tooLong.C:
			return
		}
	}
}

// ServeHTTP answers one question.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var paths []string
	for _, verb := range verbs {
		if verb.path == r.Method+" "+r.URL.Path {
			verb.answer(s, w, r)
			return
		}
		paths = append(paths, verb.path)
	}
	answer(w, http.StatusNotFound, problem{Error: "unknown path", Paths: paths})
}

type callerKey struct{}

func withCaller(ctx context.Context, conn net.Conn) context.Context {
	if limited, ok := conn.(*limitConn); ok {
		return context.WithValue(ctx, callerKey{}, limited.from)
	}
	return ctx
}

// callerOf returns who asks. Of whom nothing is known, nothing is trusted.
func callerOf(r *http.Request) caller {
	from, ok := r.Context().Value(callerKey{}).(caller)
	if !ok {
		from.err = errors.New("nobody has asked who is calling")
	}
	return from
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.source.Status())
}

func (s *Server) cache(w http.ResponseWriter, _ *http.Request) {
	record, ok := s.source.Record()
	if !ok {
		answer(w, http.StatusNotFound, problem{Error: "there is no last good record"})
		return
	}
	answer(w, http.StatusOK, record)
}

func (s *Server) history(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/jsonl")
	wanted, err := wantedBy(r.URL.Query())
	if err != nil {
		answer(w, http.StatusBadRequest, problem{Error: err.Error()})
		return
	}
	if !wanted.Follow {
		_ = writeLines(w, wanted.Of(s.source.History(wanted.Failures))) // a caller that has hung up is no concern of ours
		return
	}
	leave, ok := s.followers.take(callerOf(r))
	if !ok {
		answer(w, http.StatusServiceUnavailable, problem{Error: "too many followers"})
		return
	}
	defer leave()
	s.follow(w, r, wanted)
}

// follow writes what has happened, and what happens, as it happens, until the caller or the daemon is gone. A caller that
// does not read is gone after writeLimit.
func (s *Server) follow(w http.ResponseWriter, r *http.Request, wanted Excerpt) {
	control := http.NewResponseController(w)
	if control.SetReadDeadline(time.Time{}) != nil { // net/http notices a caller that hangs up by reading on
		return
	}
	var after uint64
	for {
		entries, next, err := s.source.Next(r.Context(), after)
		if err != nil {
			return
		}
		if after == 0 {
			entries = wanted.Of(entries)
		}
		var told []Entry
		for i := range entries {
			if wanted.tells(entries[i]) {
				told = append(told, entries[i])
			}
		}
		after = next
		if control.SetWriteDeadline(time.Now().Add(writeLimit)) != nil || writeLines(w, told) != nil || control.Flush() != nil {
			return
		}
	}
}

func (s *Server) logTail(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write(s.source.Log()) // a caller that has hung up is no concern of ours
}

func writeLines(w io.Writer, entries []Entry) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	for i := range entries {
		e := &entries[i]
		if err := lines.Encode(*e); err != nil {
			return err
		}
	}
	return nil
}

// allowed says whether only root or the daemon's own user asks for something, and answers whoever else does.
func (s *Server) allowed(w http.ResponseWriter, r *http.Request, what, only string) bool {
	who := callerOf(r)
	switch {
	case who.err != nil:
		s.log.Warn(what+" refused", "err", who.err)
		answer(w, http.StatusForbidden, problem{Error: what + " is refused: " + who.err.Error(), Hint: "stop the daemon and run the command again"})
		return false
	case !who.trusted():
		s.log.Warn(what+" refused", "uid", who.uid)
		answer(w, http.StatusForbidden, problem{Error: "only root and the daemon's own user may " + only, Hint: "run the command as root"})
		return false
	}
	return true
}

// forget drops last good. It opens the TLS floor, so that only root and the daemon's own user may ask for it.
func (s *Server) forget(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(w, r, "forget", "forget the record") {
		return
	}
	if err := s.source.Forget(); err != nil {
		answer(w, http.StatusInternalServerError, problem{Error: err.Error()})
		return
	}
	s.log.Info("last good forgotten on request", "uid", callerOf(r).uid)
	answer(w, http.StatusOK, struct{}{})
}

// enrol asks for a certificate, which shows the password to the web services of the site.
func (s *Server) enrol(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(w, r, "enrol", "ask for a certificate") {
		return
	}
	s.log.Info("a certificate is asked for on request", "uid", callerOf(r).uid)
	s.source.Enrol()
	answer(w, http.StatusOK, struct{}{})
}

// report takes note that the phone's own registration has failed. Whoever may read may say so: the agent limits what follows.
func (s *Server) report(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, s.source.Report())
}

// problem is the answer when there is no answer.
type problem struct {
	Error string   `json:"error"`
	Hint  string   `json:"hint,omitempty"`
	Paths []string `json:"paths,omitempty"`
}

func answer(w http.ResponseWriter, code int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		code, text = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n')) // a caller that has hung up is no concern of ours
}
