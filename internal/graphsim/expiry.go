package graphsim

import (
	"fmt"
	"time"
)

// The life that a presence subscription may ask for.
const (
	lifeFloor = 45 * time.Minute
	lifeMax   = 60 * time.Minute
)

// expiry turns the expiry that was asked for into the one that is granted: raised
// to the floor, refused or shortened above the maximum, divided by the speed.
func (s *Simulator) expiry(operation, asked string, hasLifecycle bool) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, asked)
	if err != nil {
		return time.Time{}, badRequest("BadRequest", "Cannot convert the literal '"+asked+"' to the expected type 'Edm.DateTimeOffset'.")
	}
	now := time.Now()
	life := at.Sub(now)
	clamp := s.Faults().ClampExpiry
	switch {
	case life > lifeMax && !clamp:
		return time.Time{}, badRequest("ExtensionError", fmt.Sprintf("Operation: %s; Exception: [Status Code: BadRequest; Reason: Expiration time '%s' ('%s' from now) is beyond allowed max '01:00:00'.]",
			operation, at.UTC().Format(time.RFC3339), span(life)))
	case life > lifeMax && !hasLifecycle:
		return time.Time{}, badRequest("InvalidRequest", "lifecycleNotificationUrl is a required property for subscription creation on this resource when the expirationDateTime value is set to greater than 1 hour")
	}
	end := now.Add(s.scaled(min(max(life, lifeFloor), lifeMax)))
	if s.speed == 1 {
		return end.Truncate(time.Second), nil
	}
	return end.Truncate(time.Millisecond), nil
}

// span prints a duration as .NET does: [d.]hh:mm:ss.
func span(d time.Duration) string {
	d = d.Truncate(time.Second)
	days := d / (24 * time.Hour)
	rest := d % (24 * time.Hour)
	text := fmt.Sprintf("%02d:%02d:%02d", rest/time.Hour, rest%time.Hour/time.Minute, rest%time.Minute/time.Second)
	if days > 0 {
		return fmt.Sprintf("%d.%s", days, text)
	}
	return text
}
