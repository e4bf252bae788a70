package graphsim

import "strings"

// getAssignedTo lists who is assigned to the app.
func (s *Simulator) getAssignedTo(c *call) (object, error) {
	q, err := s.readQuery(c, "$top")
	if err != nil {
		return nil, err
	}
	list, err := s.assigned(c.arg[0])
	if err != nil {
		return nil, err
	}
	return s.page(c, q, list, "servicePrincipals('"+c.arg[0]+"')/appRoleAssignedTo")
}

func (s *Simulator) assigned(app string) ([]object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.EqualFold(app, s.tenant.App.ID) {
		return nil, notFound(app)
	}
	list := []object{}
	for _, name := range s.tenant.App.Assigned {
		list = append(list, object{
			"id": s.ids.guid(), "appRoleId": "00000000-0000-0000-0000-000000000000", "principalDisplayName": name, "principalId": s.ids.guid(),
			"principalType": "ServicePrincipal", "resourceDisplayName": s.tenant.App.DisplayName, "resourceId": s.tenant.App.ObjectID,
		})
	}
	return list, nil
}
