package control

import (
	"context"
	"net/http/httptest"
	"testing"
)

// ask asks the server as somebody else would.
func (s *Server) ask(t *testing.T, method, path string, who caller) (int, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(context.WithValue(t.Context(), callerKey{}, who), method, path, nil)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}
