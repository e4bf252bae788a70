package inquiry

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"jtel.de/presencebridge/events"
)

func (s *Service) coverage(ctx context.Context, body []byte) (answer, error) {
	r, err := read[events.CoverageRequest](body)
	if err != nil {
		return answer{}, err
	}
	var said []events.CoverageEvent
	for e, err := range s.Coverage(ctx) {
		switch {
		case errors.Is(err, events.ErrMalformed):
		case err != nil:
			s.Log.Warn("coverage could not be read for a request", "error", err)
			return answer{}, err
		case r.Tenant == "" || strings.EqualFold(r.Tenant, e.Data.TenantID) || strings.EqualFold(r.Tenant, e.Data.Tenant):
			said = append(said, e)
		}
	}
	slices.SortFunc(said, func(a, b events.CoverageEvent) int {
		return strings.Compare(a.Data.Tenant+" "+a.Data.Account, b.Data.Tenant+" "+b.Data.Account)
	})
	out := struct {
		Coverage []jsontext.Value `json:"coverage"`
	}{Coverage: make([]jsontext.Value, 0, len(said))}
	for _, e := range said {
		b, err := events.Encode(e)
		if err != nil {
			return answer{}, err
		}
		out.Coverage = append(out.Coverage, b)
	}
	return jsonAnswer(out)
}
