package sdk

import (
	"context"
	"fmt"
	"strings"

	"github.com/microsoftgraph/msgraph-sdk-go/communications"

	"jtel.de/presencebridge/internal/graph"
)

// presence is Graph's form. It is read by ourselves: the SDK's model drops
// location types that it does not know, fails a whole read of 650 people for one
// malformed time, and takes ten times as long. Source: Graph, "presence resource type".
type presence struct {
	ID             string `json:"id"`
	Availability   string `json:"availability"`
	Activity       string `json:"activity"`
	SequenceNumber string `json:"sequenceNumber"`
	OutOfOffice    struct {
		Is *bool `json:"isOutOfOffice"`
	} `json:"outOfOfficeSettings"`
	StatusMessage struct {
		Message struct {
			Content *string `json:"content"`
		} `json:"message"`
	} `json:"statusMessage"`
	WorkLocation struct {
		Type *string `json:"workLocationType"`
	} `json:"workLocation"`
}

func (p presence) ours() graph.Presence {
	return graph.Presence{
		UserID:         strings.ToLower(p.ID),
		Availability:   p.Availability,
		Activity:       p.Activity,
		SequenceNumber: p.SequenceNumber,
		OutOfOffice:    p.OutOfOffice.Is,
		StatusMessage:  p.StatusMessage.Message.Content,
		WorkLocation:   p.WorkLocation.Type,
	}
}

// Presences reads at most graph.MaxPeople people in one call. Somebody whom
// Graph does not know may be missing or come with PresenceUnknown.
func (c *Client) Presences(ctx context.Context, userIDs []string) ([]graph.Presence, error) {
	if len(userIDs) == 0 {
		return nil, nil
	}
	if len(userIDs) > graph.MaxPeople {
		return nil, fmt.Errorf("read presences: %d people asked for, at most %d are allowed", len(userIDs), graph.MaxPeople)
	}
	answer, err := c.presences(ctx, userIDs)
	if err == nil && answer.Value == nil {
		err = errNothing
	}
	if err != nil {
		return nil, fmt.Errorf("read presences: %w", err)
	}
	found := make([]graph.Presence, 0, len(answer.Value))
	for _, p := range answer.Value {
		if p.ID != "" {
			found = append(found, p.ours())
		}
	}
	return found, nil
}

func (c *Client) presences(ctx context.Context, userIDs []string) (answer page[presence], err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	body := communications.NewGetPresencesByUserIdPostRequestBody()
	body.SetIds(userIDs)
	request, err := communications.NewGetPresencesByUserIdRequestBuilderInternal(map[string]string{}, c.adapter).
		ToPostRequestInformation(ctx, body, nil)
	if err != nil {
		return answer, err
	}
	return answer, c.send(ctx, request, &answer)
}
