package check

import (
	"errors"
	"strings"

	"jtel.de/presencebridge/internal/config"
)

// sections are where the guide explains a key of the configuration, by what its
// path ends with or holds; the first one counts.
var sections = []struct{ key, anchor string }{
	{"client_secret", "client-secret"}, {"client_certificate", "certificate"},
	{"tenant_id", "app-registration"}, {"client_id", "app-registration"},
	{"accounts", "service-users"}, {"people", "people"},
	{"public_url", "public-endpoint"}, {"tls.", "public-endpoint"}, {"listen.", "public-endpoint"},
	{"nats", "machine"}, {"data_dir", "machine"}, {"seal_key", "machine"}, {"events", "machine"},
}

// Mistakes are the findings for a configuration that could not be loaded: what is
// wrong comes as the loader says it.
func Mistakes(l Language, file string, err error) []Finding {
	s := speaker{l}
	list := []config.Mistake{{Wrong: err.Error()}}
	if m, ok := errors.AsType[*config.Mistakes](err); ok {
		list = m.List
	}
	var found []Finding
	for _, m := range list {
		name, anchor := m.Key, "facts"
		if name == "" {
			name = s.text("config.whole")
		}
		for _, section := range sections {
			if strings.Contains(m.Key, section.key) {
				anchor = section.anchor
				break
			}
		}
		found = append(found, Finding{
			Step: "config.mistake", Group: s.text("group.config", file), State: Failed,
			Title: s.text("config.mistake", name), Tried: s.text("config.mistake.tried"),
			Said: m.String(), Meaning: s.text("config.mistake-found"), Advice: m.Right, Guide: s.guide(anchor),
		})
	}
	return found
}
