package sweep

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"jtel.de/presencebridge/internal/graph"
)

// maxTrials is how many more reads a round may spend on finding whom Graph
// cannot read: two for each halving, so that a few broken people of 650 are found.
const maxTrials = 60

// round reads everybody who is asked for. When nothing can be read or stored,
// whoever was not reached is asked for again. One broken person holds up nobody
// else: who cannot be read alone is left to the next interval.
func (s *Sweeper) round(ctx context.Context) error {
	asked := s.take()
	ids := make([]string, 0, len(asked))
	for id := range asked {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	pieces := slices.Collect(slices.Chunk(ids, graph.MaxPeople))
	var broken []string
	var cause error
	read, trials := false, 0
	for len(pieces) > 0 {
		piece := pieces[0]
		err := s.read(ctx, piece, asked)
		switch {
		case err == nil:
			read = true
			pieces = pieces[1:]
		case !personal(err):
			s.giveBack(asked, slices.Concat(broken, slices.Concat(pieces...)))
			return err
		case len(piece) > 1 && trials < maxTrials:
			trials += 2
			middle := len(piece) / 2
			pieces = slices.Concat([][]string{piece[:middle], piece[middle:]}, pieces[1:])
			cause = err
		default:
			broken, cause = append(broken, piece...), err
			pieces = pieces[1:]
		}
	}
	if !read && len(broken) > 0 { // so it is not about single people
		s.giveBack(asked, broken)
		return cause
	}
	s.leaveOut(broken, nil)
	s.tellBroken(len(broken), cause)
	return nil
}

// tellBroken logs how many people could not be read, once for each number. A
// round without any proves nothing: it may have been about others.
func (s *Sweeper) tellBroken(n int, cause error) {
	if n > 0 && n != s.broken {
		s.broken = n
		s.Log.Warn("some people cannot be read, the others can", "people", n, "error", cause)
	}
}

// personal reports whether an answer may be due to somebody in the list.
// Source: reports that one broken account makes a call fail for all.
func personal(err error) bool {
	g, ok := errors.AsType[*graph.Error](err)
	return ok && (g.Status == http.StatusBadRequest || g.Status == http.StatusNotFound || g.Status == http.StatusInternalServerError)
}
