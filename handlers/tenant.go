package handlers

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// Tenant is one that the configuration names.
type Tenant struct{ Name, ID string }

// tenantAsked reads the parameter tenant, a name or an id, and gives the id.
// Empty: every tenant is meant.
func tenantAsked(c echo.Context, tenants []Tenant) (string, error) {
	asked := c.QueryParam("tenant")
	if asked == "" {
		return "", nil
	}
	var names []string
	for _, t := range tenants {
		if asked == t.Name || strings.EqualFold(asked, t.ID) {
			return t.ID, nil
		}
		names = append(names, t.Name)
	}
	return "", echo.NewHTTPError(http.StatusBadRequest,
		fmt.Sprintf("tenant must be the name or the id of one of: %s", strings.Join(names, ", ")))
}
