package notification

import (
	"errors"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// tolerant decodes the next value into v. When a member has a wrong type the
// decoder stands behind the whole value all the same, so that the caller may go
// on with the next one; see [wrongType]. It passes over the text twice.
func tolerant(dec *jsontext.Decoder, v any) error {
	text, err := dec.ReadValue()
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// wrongType reports whether err is about the meaning of well-formed JSON.
func wrongType(err error) bool {
	if _, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return false
	}
	_, ok := errors.AsType[*json.SemanticError](err)
	return ok
}

// optional holds a fact that we can do without: of a wrong type it counts as
// not told.
type optional[T any] struct{ Value T }

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (o *optional[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	err := tolerant(dec, &o.Value)
	if wrongType(err) {
		var zero T
		o.Value = zero
		return nil
	}
	return err
}
