package notification

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrMalformed means that a body is no notification collection at all.
var ErrMalformed = errors.New("not a notification collection")

// Bounds of a collection; a body beyond them is malformed. Graph states no
// bound; 4 MiB hold about 7,000 basic or 2,800 rich items.
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
	d, err := decode(body, func() {}, func(*Item) bool { return true })
	return d.Collection, err
}

// decode calls start, then keep for each item, and holds those only that keep
// wants: what a stranger sends must not take more memory than the body. It may
// have to do so a second time, from the start.
func decode(body []byte, start func(), keep func(*Item) bool) (decoding, error) {
	for _, oneByOne := range [...]bool{false, true} {
		start()
		d := decoding{size: len(body), keep: keep, oneByOne: oneByOne}
		err := json.Unmarshal(body, &d)
		if err == nil {
			return d, nil
		}
		if !wrongType(err) {
			break
		}
	}
	return decoding{}, ErrMalformed // without the cause, which may quote the body
}

// decoding reads a collection. It goes over the text once; only a body with an
// item of wrong types is read again, one by one, since the library's decoder
// cannot go on after such an error.
type decoding struct {
	Collection
	size     int // of the body
	count    int // of items, kept or not
	keep     func(*Item) bool
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
	d.count++
	if d.Items == nil {
		// A guess from the size of a usual item saves most of the growing.
		d.Items = make([]Item, 0, min(d.size/1024+1, 64))
	}
	d.Items = append(d.Items, Item{})
	i := &d.Items[len(d.Items)-1]
	var err error
	if d.oneByOne {
		if err = tolerant(dec, i); wrongType(err) {
			i.malformed, err = true, nil
		}
	} else {
		err = json.UnmarshalDecode(dec, i)
	}
	if err == nil && !d.keep(i) {
		d.Items = d.Items[:len(d.Items)-1]
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
