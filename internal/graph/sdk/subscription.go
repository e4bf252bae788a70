package sdk

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/subscriptions"

	"jtel.de/presencebridge/internal/graph"
)

// subscriptions starts a request. Builders are not kept: the SDK writes into
// their parameters with every call, so sharing one would be a race.
func (c *Client) subscriptions() *subscriptions.SubscriptionsRequestBuilder {
	return subscriptions.NewSubscriptionsRequestBuilderInternal(map[string]string{}, c.adapter)
}

func (c *Client) subscription(id string) (*subscriptions.SubscriptionItemRequestBuilder, error) {
	if id == "" {
		return nil, errors.New("the id is empty")
	}
	return c.subscriptions().BySubscriptionId(id), nil
}

// Subscriptions lists what exists for this app and this user, of any resource.
// Client states are always empty: Graph does not tell them.
func (c *Client) Subscriptions(ctx context.Context) ([]graph.Subscription, error) {
	var all []graph.Subscription
	for next, seen := "", 0; ; seen++ {
		page, err := c.subscriptionPage(ctx, next)
		if err != nil {
			return nil, fmt.Errorf("list subscriptions: %w", ours(err))
		}
		for _, m := range page.GetValue() {
			s := fromModel(m)
			if s.ID == "" || c.clientID != "" && s.ApplicationID != "" && !strings.EqualFold(s.ApplicationID, c.clientID) {
				continue
			}
			all = append(all, s)
		}
		if next, err = follow(next, value(page.GetOdataNextLink()), seen); err != nil {
			return nil, fmt.Errorf("list subscriptions: %w", err)
		}
		if next == "" {
			return all, nil
		}
	}
}

func (c *Client) subscriptionPage(ctx context.Context, next string) (models.SubscriptionCollectionResponseable, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	b := c.subscriptions()
	if next != "" {
		b = b.WithUrl(next)
	}
	page, err := b.Get(ctx, nil)
	if err == nil && (page == nil || page.GetValue() == nil) {
		err = errNothing
	}
	return page, err
}

// CreateSubscription makes a rich subscription for changes of presence. Graph
// validates the notification URLs before it answers, so the receiver must be up.
// The expiry in the result is Graph's, not the one asked for.
func (c *Client) CreateSubscription(ctx context.Context, s graph.Subscription) (graph.Subscription, error) {
	created, err := c.create(ctx, s)
	if err != nil {
		return graph.Subscription{}, fmt.Errorf("create subscription: %w", ours(err))
	}
	return created, nil
}

func (c *Client) create(ctx context.Context, s graph.Subscription) (graph.Subscription, error) {
	switch {
	case len(s.UserIDs) == 0 || len(s.UserIDs) > graph.MaxPeople:
		return graph.Subscription{}, fmt.Errorf("it names %d people, between 1 and %d are allowed", len(s.UserIDs), graph.MaxPeople)
	case s.Certificate.ID == "" || len(s.Certificate.DER) == 0:
		return graph.Subscription{}, errors.New("it has no encryption certificate")
	}
	m := models.NewSubscription()
	m.SetChangeType(pointer("updated"))
	m.SetResource(pointer(graph.PresenceResource(s.UserIDs)))
	m.SetNotificationUrl(&s.NotificationURL)
	if s.LifecycleURL != "" {
		m.SetLifecycleNotificationUrl(&s.LifecycleURL)
	}
	m.SetClientState(&s.ClientState)
	m.SetExpirationDateTime(pointer(s.ExpiresAt.UTC()))
	m.SetIncludeResourceData(pointer(true))
	m.SetLatestSupportedTlsVersion(pointer("v1_2"))
	encryptWith(m, s.Certificate)

	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	answer, err := c.subscriptions().Post(ctx, m, nil)
	if err != nil {
		return graph.Subscription{}, err
	}
	created, err := answered(answer)
	created.ClientState = s.ClientState
	return created, err
}

// RenewSubscription moves the end of a subscription and reauthorizes it. With a
// certificate, Graph encrypts with that one from now on.
func (c *Client) RenewSubscription(ctx context.Context, id string, expires time.Time, cert *graph.Certificate) (graph.Subscription, error) {
	ctx, cancel := context.WithTimeout(ctx, renewTime)
	defer cancel()
	m := models.NewSubscription() // only what is set goes out
	m.SetExpirationDateTime(pointer(expires.UTC()))
	if cert != nil {
		encryptWith(m, *cert)
	}
	b, err := c.subscription(id)
	var answer models.Subscriptionable
	if err == nil {
		answer, err = b.Patch(ctx, m, nil)
	}
	var renewed graph.Subscription
	if err == nil {
		renewed, err = answered(answer)
	}
	if err != nil {
		return graph.Subscription{}, fmt.Errorf("renew subscription %s: %w", id, ours(err))
	}
	return renewed, nil
}

// DeleteSubscription removes a subscription; one that is gone already is no error.
func (c *Client) DeleteSubscription(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	b, err := c.subscription(id)
	if err == nil {
		err = b.Delete(ctx, nil)
	}
	if err = ours(err); err == nil || gone(err) {
		return nil
	}
	return fmt.Errorf("delete subscription %s: %w", id, err)
}

// gone knows both forms: the status, and the text that Teams passes on under
// another one ("Exception: [Status Code: NotFound; Reason: Not Found]").
func gone(err error) bool {
	g, ok := errors.AsType[*graph.Error](err)
	return ok && (g.Class() == graph.NotFound || strings.Contains(g.Message, "Status Code: NotFound"))
}

func encryptWith(m models.Subscriptionable, c graph.Certificate) {
	m.SetEncryptionCertificate(pointer(base64.StdEncoding.EncodeToString(c.DER)))
	m.SetEncryptionCertificateId(pointer(c.ID))
}

var errNothing = errors.New("graph answered nothing")

// answered reads the subscription that a create or a renewal brought.
func answered(m models.Subscriptionable) (graph.Subscription, error) {
	if m == nil {
		return graph.Subscription{}, errNothing
	}
	s := fromModel(m)
	if s.ID == "" || s.ExpiresAt.IsZero() {
		return s, errors.New("graph answered without an id or an expiry")
	}
	return s, nil
}

func fromModel(m models.Subscriptionable) graph.Subscription {
	s := graph.Subscription{
		ID:              strings.ToLower(value(m.GetId())),
		NotificationURL: value(m.GetNotificationUrl()),
		LifecycleURL:    value(m.GetLifecycleNotificationUrl()),
		ClientState:     value(m.GetClientState()),
		ExpiresAt:       value(m.GetExpirationDateTime()).UTC(),
		ApplicationID:   strings.ToLower(value(m.GetApplicationId())),
		CreatorID:       strings.ToLower(value(m.GetCreatorId())),
		Certificate:     graph.Certificate{ID: value(m.GetEncryptionCertificateId())},
	}
	// Subscriptions to other resources are listed too; they name nobody.
	if ids, err := graph.PresenceUserIDs(value(m.GetResource())); err == nil {
		s.UserIDs = ids
	}
	return s
}
