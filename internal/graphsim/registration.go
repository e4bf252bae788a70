package graphsim

import (
	"maps"
	"slices"
	"strings"
)

// getDomain tells the password policy.
func (s *Simulator) getDomain(c *call) (object, error) {
	q, err := s.readQuery(c, "$select")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.EqualFold(c.arg[0], s.tenant.Domain) {
		return nil, notFound(c.arg[0])
	}
	all := s.tenant.domain()
	o, err := pick(all, q.selected(slices.Sorted(maps.Keys(all))))
	if err == nil {
		o["@odata.context"] = "https://graph.microsoft.com/v1.0/$metadata#domains/$entity"
	}
	return o, err
}

// domain is the tenant's only one. A period that is not set is null.
func (t Tenant) domain() object {
	o := object{
		"id": t.Domain, "authenticationType": "Managed", "isAdminManaged": true, "isDefault": true, "isInitial": true, "isRoot": true, "isVerified": true,
		"passwordValidityPeriodInDays": t.PasswordValidityDays, "passwordNotificationWindowInDays": 14, "supportedServices": []string{},
	}
	if t.PasswordValidityDays < 0 {
		o["passwordValidityPeriodInDays"], o["passwordNotificationWindowInDays"] = nil, nil
	}
	return o
}
