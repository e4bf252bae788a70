package graphsim

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"time"
)

// device is a sign-in that waits for somebody to type its code elsewhere.
type device struct {
	userCode string
	app      string
	ends     time.Time
	user     string // who approved; empty while pending
	declined bool
}

const (
	deviceLife = 900 * time.Second
	devicesMax = 1000 // sign-ins that may wait at once
)

// deviceCode answers the device code endpoint.
func (s *Simulator) deviceCode(r *http.Request, tenant string) (int, object) {
	if err := r.ParseForm(); err != nil {
		return s.signInError(900144, signInSubject{})
	}
	id := r.PostForm.Get("client_id")
	who := signInSubject{tenant: tenant, app: id}
	if !s.knowsTenant(tenant) {
		return s.signInError(90002, who)
	}
	if _, _, ok := s.scopes(r.PostForm.Get("scope")); !ok {
		return s.signInError(70011, who)
	}
	life := s.scaled(deviceLife)
	d := &device{userCode: strings.ToUpper(randomHex(4)), app: id, ends: time.Now().Add(life)}
	code := randomHex(32)
	if refused := s.addDevice(code, d); refused != 0 {
		return s.signInError(refused, who)
	}
	uri := s.ControlURL() + "/devices"
	return http.StatusOK, object{
		"device_code": code, "user_code": d.userCode, "verification_uri": uri,
		"expires_in": max(1, int(life/time.Second)), "interval": max(1, int(s.scaled(5*time.Second)/time.Second)),
		"message": fmt.Sprintf("To sign in, use a web browser to open the page %s and enter the code %s to authenticate.", uri, d.userCode),
	}
}

// addDevice forgets those whose time has long passed.
func (s *Simulator) addDevice(code string, d *device) (refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.devices, func(_ string, old *device) bool { return time.Since(old.ends) > s.scaled(deviceLife) })
	_, known := s.clientOf(d.app)
	switch {
	case !known:
		return 700016
	case len(s.devices) >= devicesMax:
		return 90055
	}
	s.devices[code] = d
	return 0
}

// ApproveDevice signs an account in on the device that shows userCode. It reports
// whether such a sign-in waits and such an account exists.
func (s *Simulator) ApproveDevice(userCode, username string) bool {
	return s.decideDevice(userCode, func(d *device) bool {
		a := s.account(username)
		if a != nil {
			d.user = a.Username
		}
		return a != nil
	})
}

// DeclineDevice refuses it.
func (s *Simulator) DeclineDevice(userCode string) bool {
	return s.decideDevice(userCode, func(d *device) bool { d.declined = true; return true })
}

func (s *Simulator) decideDevice(userCode string, decide func(*device) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.devices {
		if strings.EqualFold(d.userCode, userCode) && time.Now().Before(d.ends) {
			return decide(d)
		}
	}
	return false
}

// deviceGrant answers a poll.
func (s *Simulator) deviceGrant(g grant) (o object, who string, code int) {
	s.mu.Lock()
	key := g.form.Get("device_code")
	d := s.devices[key]
	var a *Account
	switch {
	case d == nil || !strings.EqualFold(d.app, g.app.ID):
		code = 70018
	case time.Now().After(d.ends):
		code = 70020
	case d.declined:
		code = declined
	case d.user == "":
		code = 70016
	default:
		who, code = d.user, s.faultOf(d.user)
		if a = s.account(d.user); a == nil {
			code = 50034
		} else if code == 0 && a.Disabled {
			code = 50057
		}
	}
	if code != 0 {
		s.mu.Unlock()
		return nil, who, code
	}
	account := *a
	delete(s.devices, key)
	s.mu.Unlock()
	if g.form.Get("scope") == "" { // the poll need not repeat what was asked for
		g.form.Set("scope", "https://graph.microsoft.com/.default offline_access openid")
	}
	if g.app.ID == AdminClient {
		if code = s.consent(&g, account); code != 0 {
			return nil, who, code
		}
	}
	o, code = s.userAnswer(g, account)
	return o, who, code
}
