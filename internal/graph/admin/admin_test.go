package admin

import (
	"errors"
	"fmt"
	"testing"

	"jtel.de/presencebridge/internal/graph"
)

// The texts are those that Graph was seen to send.
func TestWhatAnErrorMeans(t *testing.T) {
	for _, tt := range []struct {
		err            error
		exists, notYet bool
	}{
		{nil, false, false},
		{errors.New("no route"), false, false},
		{&graph.Error{Status: 409, Code: "Request_MultipleObjectsWithSameKeyValue"}, true, false},
		{&graph.Error{Status: 400, Message: "Another object with the same value for property userPrincipalName already exists."}, true, false},
		{&graph.Error{Status: 400, Message: "Permission being assigned already exists on the object"}, true, false},
		{&graph.Error{Status: 400, Message: "One or more added object references already exist for the following modified properties: 'owners'."}, true, false},
		{&graph.Error{Status: 404, Code: "Request_ResourceNotFound"}, false, true},
		{&graph.Error{Status: 400, Message: "The appId 'x' of the service principal does not reference a valid application object."}, false, true},
		{&graph.Error{Status: 400, Message: "Not a valid reference update."}, false, true},
		{&graph.Error{Status: 400, Message: "A value is required for property 'displayName' of resource 'Application'."}, false, false},
		{&graph.Error{Status: 403, Code: "Authorization_RequestDenied"}, false, false},
		{&graph.Error{Status: 503}, false, false},
	} {
		err := tt.err
		if err != nil {
			err = fmt.Errorf("make something: %w", err)
		}
		if g, ok := asGraph(tt.err); TurnedAway(err) != (ok && g.Status == 503) {
			t.Errorf("%v: turned away %t", tt.err, TurnedAway(err))
		}
		if Exists(err) != tt.exists || NotYet(err) != tt.notYet {
			t.Errorf("%v: exists %t, not yet %t", tt.err, Exists(err), NotYet(err))
		}
	}
}

func TestServiceUsersBelongIntoAManagedDomain(t *testing.T) {
	type domain = struct {
		Name    string `json:"name"`
		Default bool   `json:"isDefault"`
		Initial bool   `json:"isInitial"`
		Type    string `json:"type"`
	}
	for want, domains := range map[string][]domain{
		"contoso.com":             {{"contoso.onmicrosoft.com", false, true, "Managed"}, {"contoso.com", true, false, "Managed"}},
		"contoso.onmicrosoft.com": {{"other.com", false, false, "Managed"}, {"contoso.onmicrosoft.com", false, true, "Managed"}, {"contoso.com", true, false, "Federated"}},
		"":                        {{"contoso.com", true, false, "Federated"}},
	} {
		if got := (Organization{Domains: domains}).ServiceDomain(); got != want {
			t.Errorf("%v: %q, want %q", domains, got, want)
		}
	}
}
