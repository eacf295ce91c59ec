package archive

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// decode parses a document of the archive into v. It fails with [ErrMalformed],
// or with [ErrTooLarge] where a [capped] list is too long.
func decode(raw []byte, v any) error {
	err := json.Unmarshal(raw, v)
	if err == nil || errors.Is(err, ErrTooLarge) {
		return err
	}
	return fmt.Errorf("%w: %v", ErrMalformed, err)
}

// capped is a list of at most [MaxDescriptors] values. It stops at the first one
// too many, since three bytes of JSON can make hundreds of bytes of a slice.
type capped[T any] []T

func (c *capped[T]) UnmarshalJSON(raw []byte) error {
	*c = nil
	decoder := json.NewDecoder(bytes.NewReader(raw))
	opening, err := decoder.Token()
	if err != nil || opening == nil {
		return err // null is an empty list
	}
	if opening != json.Delim('[') {
		return fmt.Errorf("%.20s is no list", raw)
	}
	for decoder.More() {
		if len(*c) == MaxDescriptors {
			return fmt.Errorf("entries of one list: %w of %d", ErrTooLarge, MaxDescriptors)
		}
		var value T
		if err := decoder.Decode(&value); err != nil {
			return err
		}
		*c = append(*c, value)
	}
	return nil
}
