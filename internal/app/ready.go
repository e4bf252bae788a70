package app

import "jtel.de/presencebridge/internal/config"

// standing is what readiness is about.
type standing struct {
	stopping    bool
	bus         bool            // an event would be stored now
	pushes      bool            // Graph calls at all
	signingKeys bool            // what Graph sends can be judged
	known       map[string]bool // tenant, of those that push if any does -> its people have been read
}

// notReady says why Graph should not call us, by part; nothing means ready.
// That is when every notification would be answered 503. One tenant whose people
// cannot be read is no reason: what is sent about the others would be lost. Nor is
// a crowd, which passes before anybody has acted on it.
func (st standing) notReady() map[string]string {
	reasons := map[string]string{}
	if st.stopping {
		reasons["service"] = "stopping"
	}
	if !st.bus {
		reasons["nats"] = "away or not set up yet; notifications are answered 503"
	}
	if st.pushes && !st.signingKeys {
		reasons["signing keys"] = "not fetched from Microsoft yet; notifications are answered 503"
	}
	for _, known := range st.known {
		if known {
			return reasons
		}
	}
	for tenant := range st.known {
		reasons["people of "+tenant] = "not read yet; notifications about them are answered 503"
	}
	return reasons
}

// notReady is that of now.
func (s *service) notReady() map[string]string {
	st := standing{
		stopping: s.stopping.Load(), bus: s.bus.Available(), pushes: s.Config.Pushes(), signingKeys: s.tokens.Ready(),
		known: map[string]bool{},
	}
	for _, t := range s.tenants {
		if !st.pushes || t.config.Load().Mode != config.ModePoll {
			st.known[t.name] = t.known()
		}
	}
	return st.notReady()
}

// behind says what is not as it should be, although notifications are taken.
func (s *service) behind() map[string]string {
	notes := map[string]string{}
	if wrong := s.clock.trouble(); wrong != "" {
		notes["clock"] = wrong
	}
	if s.acme != nil {
		// No reason to be not ready: a load balancer that sends nobody here would
		// keep the authority out, too.
		if why := s.acme.Missing(); why != "" {
			notes["certificate"] = why
		}
	}
	if s.forwarding != nil {
		if text := s.forwarding.Status().String(); text != "" {
			notes["nats.forward"] = text
		}
	}
	return notes
}
