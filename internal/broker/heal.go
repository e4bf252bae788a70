package broker

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
)

// Sick says why the server does not store any more: after a failed write, as on
// a full disk, it refuses that stream or consumer for good, also when there is
// room again. For a consumer it tells that to its log only.
func (b *Broker) Sick() error {
	if err := b.logger.wounded(); err != nil {
		return err
	}
	if !b.server.JetStreamEnabled() {
		return errors.New("the server has given up its store")
	}
	return nil
}

// Heal takes the store up again from disk. It is an error while that has no room.
func (b *Broker) Heal() error {
	if err := checkDir(b.dir); err != nil {
		return fmt.Errorf("take up the store again: %w", err)
	}
	b.logger.healed()
	err := b.server.ShutdownJetStream()
	if err == nil {
		err = b.server.EnableJetStream(&server.JetStreamConfig{StoreDir: b.dir, MaxMemory: maxMemory})
	}
	if err == nil {
		err = b.checkStore(b.dir)
	}
	if err != nil {
		return fmt.Errorf("take up the store again: %w", err)
	}
	return nil
}
