package check

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/expiry"
	"jtel.de/presencebridge/internal/graph"
)

// ordinary is the role template that every member has. Source: Entra ID, "access
// token claims reference", wids.
const ordinary = "b79fbf4d-3ef9-4689-8143-76b194e85509"

// account walks one service user. watched are ids of people to try it with.
func (c *checker) account(ctx context.Context, t config.Tenant, a config.Account, reach Account, watched []string, items []expiry.Item, exists State) {
	s := c.subject("group.account", a.Username, t.Name)
	s.tenant, s.account = t.Name, a.Username
	s.states["tenant.exists"], s.titles["tenant.exists"] = exists, c.text("tenant.exists", t.ID)
	if c.listened != "" {
		s.states["public.listener"], s.titles["public.listener"] = c.listened, c.text("public.listener")
	}
	var held claims
	c.take(ctx, s, step{id: "user.sign-in", anchor: "service-users", needs: []string{"tenant.exists"}, do: func(ctx context.Context) outcome {
		if reach.Err != nil {
			return fail("user.unusable", reach.Again).saying(reach.Err.Error()).at("conditional-access")
		}
		token, err := reach.Credential.GetToken(ctx, c.question())
		if err != nil {
			return c.signInAgain(err, reach.Again)
		}
		held = readClaims(token.Token)
		return fine()
	}})
	signedIn := []string{"user.sign-in"}
	for _, p := range graph.Permissions() {
		if p.Delegated {
			c.take(ctx, s, step{
				id: "user.permission." + p.Name, texts: "user.permission", title: []any{p.Name}, anchor: "permissions", needs: signedIn,
				do: func(context.Context) outcome { return permission(p, held.scopes(), held.read) },
			})
		}
	}
	c.take(ctx, s, step{id: "user.least", anchor: "service-users", needs: signedIn, do: func(context.Context) outcome {
		if slices.ContainsFunc(held.Wids, func(role string) bool { return role != ordinary }) {
			return warn("user.administrator")
		}
		o := least(held, held.scopes(), true)
		o.anchor = "permissions"
		return o
	}})
	c.ends(ctx, s, signedIn, items, a.Username)
	may := []string{"user.sign-in", "user.permission.Presence.Read.All"}
	c.take(ctx, s, step{id: "user.presence", anchor: "permissions", needs: may, do: func(ctx context.Context) outcome {
		who := held.UserID // nobody is known: itself
		if len(watched) > 0 {
			who = watched[0]
		}
		if who == "" {
			return pass("user.nobody")
		}
		if _, err := reach.Graph.Presences(ctx, []string{who}); err != nil {
			return c.graphOutcome(err, fail("user.presence-denied"))
		}
		return fine()
	}})
	c.take(ctx, s, step{id: "user.subscription", tried: []any{c.Config.CallbackURL()}, anchor: "public-endpoint", within: trialTime, needs: append(may, "public.listener"), do: func(ctx context.Context) outcome {
		return c.trial(ctx, reach, watched)
	}})
}

// signInAgain adds the command that helps, where signin says that one does.
func (c *checker) signInAgain(err error, again string) outcome {
	o := c.graphOutcome(err, fail("graph.refused"))
	s, ok := errors.AsType[*graph.SignInError](err)
	if !ok || again == "" || !strings.Contains(s.Advice, "presencebridge login") {
		return o
	}
	switch {
	case errors.Is(s.Err, fs.ErrNotExist):
		return fail("user.never-signed-in", again).at("conditional-access")
	case o.code == "":
		return fail("user.unusable", again).saying(o.said).at("conditional-access")
	}
	o.advice = c.text("user.again", again)
	return o
}
