package check

import (
	"context"
	"time"
)

// limit is how long a tech waits for the worst of sites; another 2 s may pass to take the binding back. (Our choice.)
const limit = 12 * time.Second

// Run looks and judges. It ends within 15 s, and with ctx.
func Run(ctx context.Context, o Options) Report {
	started := time.Now()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	facts := look(ctx, o)
	r := judge(facts)
	if facts.SignIn != nil {
		r.CertificateService = facts.SignIn.CertificateService
	}
	r.TookMS = time.Since(started).Milliseconds()
	return r
}
