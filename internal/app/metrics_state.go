package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"jtel.de/presencebridge/handlers"
	"jtel.de/presencebridge/internal/vault"
)

// states are the values of the label state of subscriptions.
var states = []handlers.SubscriptionState{
	handlers.SubscriptionHealthy, handlers.SubscriptionSilent, handlers.SubscriptionFailing, handlers.SubscriptionLost,
	handlers.SubscriptionStarting, handlers.SubscriptionIdle,
}

// stateMetrics tells how things are when it is asked: nothing is kept that could
// be older than the truth.
type stateMetrics struct {
	subscriptions func() []handlers.Subscription
	missing       func() map[string]int  // tenant -> how many accounts are missing
	held          func() map[string]bool // tenant -> whether this instance acts for it
	keys          func() []vault.EncryptionKey
	ready         func() bool
	available     func() bool // NATS would store an event
	connected     func() bool
	reconnects    func() uint64
	signingKeys   func() bool
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("presencebridge_"+name, help, labels, nil)
}

var (
	subscriptionState = describe("subscription_state",
		"1 for the state that the account's subscription is in, 0 for the others.", "tenant", "account", "state")
	subscriptionPeople = describe("subscription_people",
		"People whom the account's subscription names.", "tenant", "account")
	subscriptionAssigned = describe("subscription_assigned_people",
		"People whom the account is to carry.", "tenant", "account")
	subscriptionExpiry = describe("subscription_expiry_timestamp_seconds",
		"When the account's subscription ends unless it is renewed.", "tenant", "account")
	subscriptionRenewed = describe("subscription_renewed_timestamp_seconds",
		"When the account's subscription was last created or renewed by this process.", "tenant", "account")
	subscriptionDelivered = describe("subscription_last_delivery_timestamp_seconds",
		"When a notification last arrived through the account's subscription.", "tenant", "account")
	accountsMissing = describe("accounts_missing",
		"Service users that are missing to carry everybody.", "tenant")
	leaseHeld = describe("lease_held",
		"1 if this instance acts for the tenant, as a single one always does, else 0.", "tenant")
	keyCreated = describe("encryption_key_created_timestamp_seconds",
		"When the key was made that Graph encrypts with now.")
	keysHeld = describe("encryption_keys",
		"Encryption keys that are held, retired ones included.")
	readyNow = describe("ready",
		"1 while /readyz says that Graph may call, else 0.")
	natsAvailable = describe("nats_available",
		"1 while NATS would store an event, else 0.")
	natsConnected = describe("nats_connected",
		"1 while there is a connection to NATS, else 0.")
	natsReconnects = describe("nats_reconnects_total",
		"How often the connection to NATS was made again.")
	signingKeysReady = describe("signing_keys_ready",
		"1 once Microsoft's signing keys are there, without which nothing can be believed, else 0.")
)

var stateDescriptions = []*prometheus.Desc{
	subscriptionState, subscriptionPeople, subscriptionAssigned, subscriptionExpiry, subscriptionRenewed, subscriptionDelivered,
	accountsMissing, leaseHeld, keyCreated, keysHeld, readyNow, natsAvailable, natsConnected, natsReconnects, signingKeysReady,
}

// Describe implements [prometheus.Collector].
func (m stateMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range stateDescriptions {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (m stateMetrics) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, s := range m.subscriptions() {
		if s.State == handlers.SubscriptionPolled {
			continue // nobody's subscription: presencebridge_people counts them
		}
		for _, state := range states {
			gauge(subscriptionState, truth(s.State == state), s.Tenant, s.Account, string(state))
		}
		gauge(subscriptionPeople, float64(s.People), s.Tenant, s.Account)
		gauge(subscriptionAssigned, float64(s.Assigned), s.Tenant, s.Account)
		// What is not known has no sample: a zero would be 1970.
		if !s.ExpiresAt.IsZero() {
			gauge(subscriptionExpiry, seconds(s.ExpiresAt), s.Tenant, s.Account)
		}
		if !s.RenewedAt.IsZero() {
			gauge(subscriptionRenewed, seconds(s.RenewedAt), s.Tenant, s.Account)
		}
		if !s.LastDeliveryAt.IsZero() {
			gauge(subscriptionDelivered, seconds(s.LastDeliveryAt), s.Tenant, s.Account)
		}
	}
	for tenant, n := range m.missing() {
		gauge(accountsMissing, float64(n), tenant)
	}
	for tenant, held := range m.held() {
		gauge(leaseHeld, truth(held), tenant)
	}
	if keys := m.keys(); len(keys) > 0 {
		gauge(keyCreated, seconds(keys[0].Created))
		gauge(keysHeld, float64(len(keys)))
	}
	gauge(readyNow, truth(m.ready()))
	gauge(natsAvailable, truth(m.available()))
	gauge(natsConnected, truth(m.connected()))
	gauge(signingKeysReady, truth(m.signingKeys()))
	to <- prometheus.MustNewConstMetric(natsReconnects, prometheus.CounterValue, float64(m.reconnects()))
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// watchState adds what is to be asked for: call it once, after the build.
func (s *service) watchState() {
	d := newDesk(s, true)
	s.metrics.registry.MustRegister(stateMetrics{
		subscriptions: d.List,
		missing: func() map[string]int {
			missing := map[string]int{}
			for _, t := range s.tenants {
				if t.holds() {
					missing[t.name] = t.push().Coverage().Missing
				}
			}
			return missing
		},
		held: func() map[string]bool {
			held := map[string]bool{}
			for _, t := range s.tenants {
				held[t.name] = t.holds()
			}
			return held
		},
		keys:        s.vault.EncryptionKeys,
		ready:       func() bool { return len(s.notReady()) == 0 },
		available:   s.bus.Available,
		connected:   s.bus.conn.IsConnected,
		reconnects:  func() uint64 { return s.bus.conn.Stats().Reconnects },
		signingKeys: s.tokens.Ready,
	})
}
