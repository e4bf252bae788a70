package check

import (
	"context"
	"time"

	"jtel.de/presencebridge/internal/expiry"
)

// endings are the texts about what ends, and where the guide explains it.
var endings = map[expiry.Kind]struct{ texts, anchor string }{
	expiry.ClientSecret:      {"ends.client_secret", "client-secret"},
	expiry.ClientCertificate: {"ends.client_certificate", "certificate"},
	expiry.Password:          {"ends.password", "service-users"},
	expiry.RefreshToken:      {"ends.refresh_token", "afterwards"},
}

// ends looks at when the proofs of the app end, or those of a service user.
func (c *checker) ends(ctx context.Context, s *subject, needs []string, items []expiry.Item, username string) {
	for _, i := range items {
		if i.Username != username {
			continue
		}
		kind, ours := endings[i.Kind]
		if !ours {
			continue
		}
		c.take(ctx, s, step{
			id: kind.texts, anchor: kind.anchor, needs: needs,
			do: func(context.Context) outcome { return c.ending(i) },
		})
	}
}

// ending never fails: whether a proof still counts the sign-in has shown.
func (c *checker) ending(i expiry.Item) outcome {
	now := c.now()
	o := fine()
	switch _, soon := i.Within(now); {
	case i.State == expiry.Never:
		o.note = c.text("ends.never")
		return o
	case i.State == expiry.Unknown && i.Permission != "":
		return open("permission.unknown", i.Permission).saying(i.Note)
	case i.State == expiry.Unknown:
		return open("ends.unknown").saying(i.Note)
	case i.Left(now) <= 0:
		o = warn("ends.over", date(i.Ends))
	case soon:
		o = warn("ends.soon", date(i.Ends), int(i.Left(now).Hours()/24))
	default:
		o.note = c.text("public.until", date(i.Ends))
		return o
	}
	o.advice = c.text(endings[i.Kind].texts + ".replace")
	return o
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
