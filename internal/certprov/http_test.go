package certprov

import (
	"errors"
	"net/http"
	"testing"
	"time"
)

// A server that is busy says for how long to leave it alone, in seconds or by its own clock. Whoever is not busy says nothing by it.
func TestRetryAfter(t *testing.T) {
	const date = "Sat, 28 Nov 2026 08:00:00 GMT"
	for _, test := range []struct {
		status int
		after  string
		date   string
		kind   Kind
		want   time.Duration
	}{
		{503, "600", "", Unavailable, 10 * time.Minute},
		{429, "5", "", Unavailable, 5 * time.Second},
		{500, "4000000000", "", Unavailable, time.Hour},
		{503, "5000000000", "", Unavailable, 0},
		{503, "-5", "", Unavailable, 0},
		{503, "", "", Unavailable, 0},
		{503, "Sat, 28 Nov 2026 08:10:00 GMT", date, Unavailable, 10 * time.Minute},
		{503, "Sat, 28 Nov 2026 07:10:00 GMT", date, Unavailable, 0},
		{503, "Mon, 28 Nov 2050 08:10:00 GMT", date, Unavailable, time.Hour},
		{503, "Sat, 28 Nov 2026 08:10:00 GMT", "", Unavailable, 0},
		{404, "600", "", NotFound, 0},
	} {
		_, err := answer{status: test.status, header: http.Header{"Retry-After": {test.after}, "Date": {test.date}}}.judged()
		var e *Error
		if !errors.As(err, &e) || e.Kind != test.kind || e.RetryAfter != test.want {
			t.Errorf("%d %q: %v, want kind %d and %v", test.status, test.after, err, test.kind, test.want)
		}
	}
}
