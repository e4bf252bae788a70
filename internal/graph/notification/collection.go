package notification

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrMalformed means that a body is no notification collection at all.
var ErrMalformed = errors.New("not a notification collection")

// Bounds of a collection; a body beyond them is malformed. They keep a body of
// small useless items from taking a hundred times its size in memory. Graph
// states no bound; 4 MiB hold about 7,000 basic or 2,800 rich items.
const (
	maxItems  = 10_000
	maxTokens = 1_024
)

// Collection is a decoded body. It holds copies: the body may be reused.
type Collection struct {
	Items []Item
	// Tokens without nulls and empty strings.
	Tokens []string
}

// Decode reads a body. It is liberal where Graph varies and strict where an
// attacker would play: doubled names, invalid UTF-8, excessive depth and
// trailing data make the body malformed, whereas a member of a wrong type
// spoils its item only.
func Decode(body []byte) (Collection, error) {
	d := decoding{body: body}
	err := json.Unmarshal(body, &d)
	if wrongType(err) {
		d = decoding{body: body, oneByOne: true}
		err = json.Unmarshal(body, &d)
	}
	if err != nil {
		return Collection{}, ErrMalformed // without the cause, which may quote the body
	}
	return d.Collection, nil
}

// decoding reads a collection, remembering where each item stands. It goes over
// the text once; only a body with an item of wrong types is read again, one by
// one, since the library's decoder cannot go on after such an error.
type decoding struct {
	Collection
	body     []byte
	oneByOne bool
}

// UnmarshalJSONFrom implements [json.UnmarshalerFrom].
func (d *decoding) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != jsontext.KindBeginObject {
		return errors.New("not an object")
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	found := false
	for dec.PeekKind() == jsontext.KindString {
		name, err := dec.ReadToken()
		if err != nil {
			return err
		}
		switch name.String() {
		case "value":
			found = true
			err = elements(dec, maxItems, d.item)
		case "validationTokens":
			if dec.PeekKind() == jsontext.KindNull {
				err = dec.SkipValue()
				break
			}
			err = elements(dec, maxTokens, d.token)
		default:
			err = dec.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	if !found {
		return errors.New("no member value")
	}
	return nil
}

func (d *decoding) item(dec *jsontext.Decoder) error {
	if d.Items == nil {
		// A guess from the size of a usual item saves most of the growing.
		d.Items = make([]Item, 0, min(len(d.body)/1024+1, 256))
	}
	d.Items = append(d.Items, Item{})
	i := &d.Items[len(d.Items)-1]
	if !d.oneByOne {
		return json.UnmarshalDecode(dec, i)
	}
	err := tolerant(dec, i)
	if wrongType(err) {
		i.malformed, err = true, nil
	}
	return err
}

func (d *decoding) token(dec *jsontext.Decoder) error {
	t, err := dec.ReadToken()
	if err != nil {
		return err
	}
	switch {
	case t.Kind() == jsontext.KindNull:
	case t.Kind() != jsontext.KindString:
		return errors.New("a validation token is not a string")
	case t.String() != "":
		d.Tokens = append(d.Tokens, t.String())
	}
	return nil
}

// elements calls each for every element of an array of at most limit.
func elements(dec *jsontext.Decoder, limit int, each func(*jsontext.Decoder) error) error {
	if dec.PeekKind() != jsontext.KindBeginArray {
		return errors.New("not an array")
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	for n := 0; dec.PeekKind() != jsontext.KindEndArray; n++ {
		if n == limit {
			return fmt.Errorf("more than %d elements", limit)
		}
		if err := each(dec); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}
