// Package docs carries the documents of the contract that the service itself
// hands out. Everything else in this folder is for reading.
package docs

import _ "embed" // of the schema

// RequestsSchema is the JSON Schema of the NATS service's requests and answers.
//
//go:embed requests.schema.json
var RequestsSchema []byte
