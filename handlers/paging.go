package handlers

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"
)

const usualRows = 100

// page is what a client asked for.
type page struct {
	limit int
	after string // the place of the last row of the page before; empty: the beginning
}

// pageAsked reads limit, at most the given one, and cursor.
func pageAsked(c echo.Context, most int) (page, error) {
	p := page{limit: usualRows}
	if text := c.QueryParam("limit"); text != "" {
		var err error
		if p.limit, err = strconv.Atoi(text); err != nil || p.limit < 1 || p.limit > most {
			return page{}, echo.NewHTTPError(http.StatusBadRequest, fmt.Sprintf("limit must be a number from 1 to %d", most))
		}
	}
	after, err := base64.RawURLEncoding.DecodeString(c.QueryParam("cursor"))
	if err != nil {
		return page{}, echo.NewHTTPError(http.StatusBadRequest, "cursor must be the nextCursor of another page")
	}
	p.after = string(after)
	return p, nil
}

// pageOf cuts the page out of a list that is sorted by place. The cursor names
// the last row, so that rows that come or go shift nothing.
func pageOf[T any](list []T, p page, place func(T) string) (rows []T, nextCursor string) {
	begin := 0
	if p.after != "" {
		begin = slices.IndexFunc(list, func(row T) bool { return place(row) > p.after })
		if begin < 0 {
			return nil, ""
		}
	}
	end := min(begin+p.limit, len(list))
	if end < len(list) {
		nextCursor = base64.RawURLEncoding.EncodeToString([]byte(place(list[end-1])))
	}
	return list[begin:end], nextCursor
}
