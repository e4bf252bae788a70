// Package events is the contract between Presence Bridge and everybody who
// listens to it, and the transport of that contract: event types, subjects,
// message ids, the stream and its key-value bucket, a publisher, and three ways
// to consume. Adapters import this package and nothing else of the module.
//
// It is not the bridge: it knows neither Microsoft Graph nor HTTP, decides
// nothing about a person, and never starts anything by itself.
//
// To consume, take the first of these that fits:
//
//	WatchUsers  the last state of everybody, then every change; keeps no position
//	Consume     every event once processed, in order, across restarts; with a
//	            Snapshot everybody's last state comes first
//	Snapshot    the last state of everybody, once
//
// Events are structured CloudEvents 1.0 in JSON, at least once and in order for
// each person. A repeat has the same id. docs/events.md is the page to start with.
package events
