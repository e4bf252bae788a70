package graphsim

import (
	"net/http"
	"strings"
)

// refusal is a switched-on answer by path.
func (s *Simulator) refusal(method, path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.faults.Refuse {
		r := &s.faults.Refuse[i]
		if r.Method != "" && !strings.EqualFold(r.Method, method) || !strings.Contains(path, r.Path) || r.Times < 0 {
			continue
		}
		if r.Times == 1 {
			r.Times = -1 // used up
		} else if r.Times > 1 {
			r.Times--
		}
		code, message := r.Code, r.Message
		if code == "" {
			code = codeOf(r.Status)
		}
		if message == "" {
			message = "The request was refused."
		}
		return &graphError{status: r.Status, code: code, message: message, header: s.retryHeader(r.Status)}
	}
	return nil
}

// hiccup is a random 429 or one of the 503s that were ordered.
func (s *Simulator) hiccup() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := 0
	switch {
	case s.faults.ClaimsChallenge > 0:
		s.faults.ClaimsChallenge--
		return &graphError{
			status: http.StatusUnauthorized, code: "InvalidAuthenticationToken", message: "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp",
			header: http.Header{"Www-Authenticate": {`Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZSwidmFsdWUiOiIxIn19fQ=="`}},
		}
	case s.faults.Unavailable > 0 && s.chance.chance(0.1):
		s.faults.Unavailable--
		status = http.StatusServiceUnavailable
	case s.chance.chance(s.faults.Throttle):
		status = http.StatusTooManyRequests
	default:
		return nil
	}
	return &graphError{status: status, code: codeOf(status), message: "The service asks you to come back later.", header: s.retryHeader(status)}
}

// retryHeader is empty for statuses that have none; the caller holds mu.
func (s *Simulator) retryHeader(status int) http.Header {
	if s.faults.NoRetryAfter || status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return nil
	}
	return http.Header{"Retry-After": {seconds(s.faults.retryAfter())}}
}

func codeOf(status int) string {
	switch status {
	case http.StatusTooManyRequests:
		return "TooManyRequests"
	case http.StatusServiceUnavailable:
		return "ServiceUnavailable"
	case http.StatusGatewayTimeout:
		return "GatewayTimeout"
	case http.StatusUnauthorized:
		return "InvalidAuthenticationToken"
	case http.StatusForbidden:
		return "Authorization_RequestDenied"
	case http.StatusNotFound:
		return "ResourceNotFound"
	}
	return "UnknownError"
}
