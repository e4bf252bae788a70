package graphsim

import (
	"errors"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// durations prints and reads them as "1.5s".
var durations = json.JoinOptions(
	json.WithMarshalers(json.MarshalFunc(func(d time.Duration) ([]byte, error) { return []byte(strconv.Quote(d.String())), nil })),
	json.WithUnmarshalers(json.UnmarshalFunc(func(b []byte, d *time.Duration) (err error) {
		text, err := strconv.Unquote(string(b))
		if err == nil {
			*d, err = time.ParseDuration(text)
		}
		return err
	})),
	json.MatchCaseInsensitiveNames(true),
	json.RejectUnknownMembers(true),
)

var errNotFound = errors.New("not found")

// control is a handler of the control side: its value is the JSON answer, nil means 204.
type control func(*http.Request) (any, error)

// controlHandler serves the control side. It has no authentication, so it insists
// on the loopback interface and on JSON, which no foreign web page can send.
func (s *Simulator) controlHandler() http.Handler {
	mux := http.NewServeMux()
	for pattern, do := range s.controls() {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { serveControl(w, r, do) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if host, _, err := net.SplitHostPort(r.Host); err != nil || host != "localhost" && !net.ParseIP(host).IsLoopback() {
			http.Error(w, "the control side answers on the loopback interface only", http.StatusForbidden)
			return
		}
		if r.ContentLength != 0 {
			if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t != "application/json" {
				http.Error(w, "a body must be application/json", http.StatusUnsupportedMediaType)
				return
			}
		}
		r.Body = http.MaxBytesReader(w, r.Body, 4<<20)
		mux.ServeHTTP(w, r)
	})
}

func serveControl(w http.ResponseWriter, r *http.Request, do control) {
	answer, err := do(r)
	switch {
	case errors.Is(err, errNotFound):
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	case answer == nil:
		w.WriteHeader(http.StatusNoContent)
		return
	}
	b, err := json.Marshal(answer, durations)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Write(b)
}

func found(ok bool) (any, error) {
	if !ok {
		return nil, errNotFound
	}
	return nil, nil
}

func read[T any](r *http.Request) (v T, err error) {
	err = json.UnmarshalRead(r.Body, &v, durations)
	return v, err
}

// controls are the routes; docs/simulator.md describes them.
func (s *Simulator) controls() map[string]control {
	return map[string]control{
		"GET /status": func(*http.Request) (any, error) {
			return object{
				"seed": strconv.FormatUint(s.seed, 10), "speed": s.speed, "graph": s.GraphURL(), "authority": s.AuthorityURL(),
				"ca": string(s.CA()), "pending": s.Pending(), "subscriptions": len(s.Subscriptions()),
			}, nil
		},
		"GET /tenant":                     func(*http.Request) (any, error) { return s.tenantBody(), nil },
		"GET /presences":                  s.controlPresences,
		"PUT /presences/{id}":             s.controlSetPresence,
		"PUT /users/{id}":                 s.controlPutUser,
		"DELETE /users/{id}":              func(r *http.Request) (any, error) { return found(s.RemoveUser(r.PathValue("id"))) },
		"GET /subscriptions":              func(*http.Request) (any, error) { return object{"value": s.Subscriptions()}, nil },
		"DELETE /subscriptions/{id}":      func(r *http.Request) (any, error) { return found(s.Remove(r.PathValue("id"))) },
		"POST /subscriptions/{id}/expire": func(r *http.Request) (any, error) { return found(s.Expire(r.PathValue("id"))) },
		"POST /subscriptions/{id}/lifecycle": func(r *http.Request) (any, error) {
			q, err := read[struct{ Event string }](r)
			if err != nil {
				return nil, err
			}
			return found(s.Lifecycle(r.PathValue("id"), q.Event))
		},
		"GET /history": s.controlHistory,
		"GET /faults":  func(*http.Request) (any, error) { return s.Faults(), nil },
		"PUT /faults": func(r *http.Request) (any, error) {
			f, err := read[Faults](r)
			if err == nil {
				s.SetFaults(f)
			}
			return nil, err
		},
		"PATCH /faults": func(r *http.Request) (any, error) { // what is not named stays
			f := s.Faults()
			err := json.UnmarshalRead(r.Body, &f, durations)
			if err == nil {
				s.SetFaults(f)
			}
			return nil, err
		},
		"POST /keys/roll": func(*http.Request) (any, error) { s.RollKeys(); return nil, nil },
		"PUT /secret":     s.controlSecret,
		"PUT /deliveries": func(r *http.Request) (any, error) {
			q, err := read[struct{ Paused bool }](r)
			if err == nil {
				s.Pause(q.Paused)
			}
			return nil, err
		},
		"POST /accounts/{upn}/revoke": func(r *http.Request) (any, error) {
			s.Revoke(r.PathValue("upn"))
			return nil, nil
		},
		"GET /devices": s.controlDevices,
		"POST /devices/{code}/approve": func(r *http.Request) (any, error) {
			q, err := read[struct{ Username string }](r)
			if err != nil {
				return nil, err
			}
			return found(s.ApproveDevice(r.PathValue("code"), q.Username))
		},
		"POST /devices/{code}/decline": func(r *http.Request) (any, error) { return found(s.DeclineDevice(r.PathValue("code"))) },
		"GET /forgeries":               func(*http.Request) (any, error) { return object{"value": ForgeKinds()}, nil },
		"POST /forgeries":              s.controlForge,
	}
}

// tenantBody leaves the certificate out, which JSON cannot show.
func (s *Simulator) tenantBody() Tenant {
	t := s.Tenant()
	t.App.Certificate, t.App.Certificates = nil, nil
	return t
}

func (s *Simulator) controlPresences(*http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []object{}
	for _, u := range s.tenant.Users {
		if p, ok := s.presences[u.ID]; ok {
			list = append(list, object{"id": u.ID, "userPrincipalName": u.UserPrincipalName, "availability": p.availability, "activity": p.activity})
		}
	}
	return object{"value": list}, nil
}

func (s *Simulator) controlSetPresence(r *http.Request) (any, error) {
	q, err := read[struct{ Availability, Activity string }](r)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	if availability, _ := s.Presence(id); availability == "" {
		return nil, errNotFound
	}
	return object{"changed": s.SetPresence(id, q.Availability, q.Activity)}, nil
}

func (s *Simulator) controlPutUser(r *http.Request) (any, error) {
	u, err := read[User](r)
	if err != nil {
		return nil, err
	}
	if u.ID = r.PathValue("id"); !isGUID.MatchString(u.ID) {
		return nil, errors.New("the id of a user is a GUID")
	}
	s.PutUser(u)
	return nil, nil
}

// controlHistory filters by ?kind= and ?path= and shows the last ?limit= lines (1,000).
func (s *Simulator) controlHistory(r *http.Request) (any, error) {
	q := r.URL.Query()
	list := slices.DeleteFunc(s.History(), func(l Request) bool {
		return q.Get("kind") != "" && l.Kind != q.Get("kind") || q.Get("path") != "" && l.Path != q.Get("path")
	})
	limit := 1000
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, errors.New("limit is a positive number")
		}
		limit = n
	}
	return object{"value": list[max(0, len(list)-limit):]}, nil
}

func (s *Simulator) controlSecret(r *http.Request) (any, error) {
	q, err := read[struct {
		Secret  *string // nil keeps it
		Expired bool
	}](r)
	if err != nil {
		return nil, err
	}
	s.SetApp(func(a *App) {
		a.SecretExpired = q.Expired
		if q.Secret != nil {
			a.Secret = *q.Secret
		}
	})
	return nil, nil
}

func (s *Simulator) controlDevices(*http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []object{}
	for _, d := range s.devices {
		list = append(list, object{"userCode": d.userCode, "expires": d.ends, "user": d.user, "declined": d.declined})
	}
	return object{"value": list}, nil
}

func (s *Simulator) controlForge(r *http.Request) (any, error) {
	q, err := read[struct {
		Kind    string
		UserIDs []string
	}](r)
	if err != nil {
		return nil, err
	}
	body, err := s.Forge(q.Kind, q.UserIDs...)
	if err != nil {
		return nil, err
	}
	status, err := s.Post(r.Context(), body)
	return object{"status": status}, err
}
