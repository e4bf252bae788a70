package expiry

import (
	"context"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWithin(t *testing.T) {
	for left, want := range map[time.Duration]int{
		31 * day: -1, 30 * day: 30, 15 * day: 30, 14 * day: 14, 4 * day: 14, 3 * day: 3, 25 * time.Hour: 3, day: 1, time.Second: 1, 0: 0, -day: 0,
	} {
		i := Item{State: Known, Ends: now.Add(left)}
		days, reached := i.Within(now)
		if reached != (want >= 0) || reached && days != want {
			t.Errorf("%s left: %d, %t", left, days, reached)
		}
		i.State = Unknown
		if _, reached := i.Within(now); reached {
			t.Error("warned of what nobody knows")
		}
	}
	key := Key(now)
	if _, reached := key.Within(now.Add(time.Hour)); reached {
		t.Error("warned of what is replaced by itself")
	}
	if _, reached := key.Within(now.Add(25 * time.Hour)); !reached {
		t.Error("not warned although it was not replaced")
	}
}

func TestACMECertificateThatWasNotRenewed(t *testing.T) {
	const why = "connection refused"
	if i := ACME(nil, why); i.State != Unknown || !strings.Contains(i.Note, why) || !i.passing {
		t.Errorf("%+v", i)
	}
	i := ACME(&x509.Certificate{NotBefore: now, NotAfter: now.Add(90 * day)}, "")
	if _, reached := i.Within(now.Add(60*day + time.Hour)); reached {
		t.Error("warned while it is being renewed")
	}
	if days, reached := i.Within(now.Add(61 * day)); !reached || days != 30 {
		t.Errorf("not renewed for a day: %d, %t", days, reached)
	}
	if days, reached := i.Within(now.Add(89 * day)); !reached || days != 1 {
		t.Errorf("a day before its end: %d, %t", days, reached)
	}
}

// text is a log that can be read while it is written.
type text struct {
	mu sync.Mutex
	b  strings.Builder
}

func (t *text) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.Write(p)
}

func (t *text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.b.String()
}

// Four warnings and the end, each once, and none after the replacement.
func TestEachStepIsWarnedOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log text
		var ends atomic.Value
		var changed atomic.Int32
		ends.Store(time.Now().Add(40 * day))
		w := New(Options{
			Read: func(context.Context) []Item {
				return []Item{
					{Kind: ClientSecret, TenantID: "t", Tenant: "contoso", State: Known, Ends: ends.Load().(time.Time), Advice: "replace it"},
					{Kind: Password, TenantID: "t", Tenant: "contoso", Account: "key", Username: "svc@contoso.com", State: Never},
				}
			},
			Changed: func() { changed.Add(1) },
			Log:     slog.New(slog.NewTextHandler(&log, nil)),
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		time.Sleep(9 * day)
		synctest.Wait()
		if log.String() != "" || len(w.Warnings("t", "key")) != 0 {
			t.Errorf("warned 31 days before: %s", log.String())
		}
		time.Sleep(33 * day)
		synctest.Wait()
		if lines := strings.Split(strings.TrimSpace(log.String()), "\n"); len(lines) != 5 ||
			!strings.Contains(lines[0], "within_days=30") || !strings.Contains(lines[1], "within_days=14") ||
			!strings.Contains(lines[2], "within_days=3") || !strings.Contains(lines[3], "within_days=1") || !strings.Contains(lines[4], "has ended") {
			t.Errorf("the log:\n%s", log.String())
		}
		if strings.Contains(log.String(), "svc@") || changed.Load() == 0 {
			t.Error("the log names a service user, or nobody was told")
		}
		if got := w.Warnings("t", "key"); len(got) != 1 || got[0].Kind != ClientSecret || len(w.Warnings("other", "key")) != 0 {
			t.Errorf("warnings %+v", got)
		}

		// A replacement counts within minutes, without a reload, and its own end later.
		told := log.String()
		ends.Store(time.Now().Add(35 * day))
		time.Sleep(judgeEvery)
		synctest.Wait()
		if len(w.Warnings("t", "key")) != 0 || log.String() != told {
			t.Errorf("after the replacement: %s", log.String())
		}
		time.Sleep(6 * day)
		synctest.Wait()
		if !strings.Contains(strings.TrimPrefix(log.String(), told), "within_days=30") {
			t.Errorf("the new end: %s", log.String())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A restart says nothing twice, but for what has ended.
func TestARestartDoesNotWarnAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "warned.json")
		ends := time.Now().Add(20 * day)
		run := func(life time.Duration) string {
			var log text
			ctx, cancel := context.WithTimeout(t.Context(), life)
			defer cancel()
			err := New(Options{
				Read: func(context.Context) []Item {
					return []Item{{Kind: Password, TenantID: "t", Account: "key", State: Known, Ends: ends}}
				},
				File: file, Log: slog.New(slog.NewTextHandler(&log, nil)),
			}).Run(ctx)
			if err != nil {
				t.Error(err)
			}
			return log.String()
		}
		for n, tt := range []struct {
			life time.Duration
			want string // the only line; empty: none
		}{
			{time.Hour, "within_days=30"}, {time.Hour, ""}, {6 * day, "within_days=14"}, {time.Hour, ""},
		} {
			if got := run(tt.life); tt.want == "" && got != "" || strings.Count(got, "\n") > 1 || !strings.Contains(got, tt.want) {
				t.Errorf("run %d: %s", n, got)
			}
		}
		ends = time.Now()
		for range 2 {
			if got := run(time.Hour); !strings.Contains(got, "has ended") {
				t.Errorf("at its end: %s", got)
			}
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v", err)
		}
		if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := run(time.Hour); !strings.Contains(got, "has ended") {
			t.Errorf("after damage: %s", got)
		}
	})
}

func TestWhatWasKnownStaysKnownDuringAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		known := Item{Kind: ClientSecret, TenantID: "t", State: Known, Ends: time.Now().Add(100 * day)}
		var read atomic.Value
		read.Store([]Item{known})
		w := New(Options{Read: func(context.Context) []Item { return slices.Clone(read.Load().([]Item)) }, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		synctest.Wait()
		read.Store([]Item{{Kind: ClientSecret, TenantID: "t", State: Unknown, Note: "could not be read", passing: true}})
		w.Refresh()
		synctest.Wait()
		if i := w.Items(); len(i) != 1 || i[0].State != Known || !i[0].Ends.Equal(known.Ends) {
			t.Errorf("during the outage: %+v", i)
		}
		// A permission that was taken away is no outage.
		read.Store([]Item{{Kind: ClientSecret, TenantID: "t", State: Unknown, Note: "permission missing: Application.Read.All"}})
		time.Sleep(judgeEvery)
		synctest.Wait()
		if i := w.Items(); i[0].State != Unknown {
			t.Errorf("without the permission: %+v", i)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestWhatEndsFirstIsInFront(t *testing.T) {
	items := []Item{{Kind: Password, State: Never}, {Kind: TLSCertificate, State: Unknown}, {Kind: ClientSecret, State: Known, Ends: in(9)}, {Kind: RefreshToken, State: Known, Ends: in(2)}}
	sortItems(items)
	for n, want := range []Kind{RefreshToken, ClientSecret, TLSCertificate, Password} {
		if items[n].Kind != want {
			t.Errorf("%d: %s, want %s", n, items[n].Kind, want)
		}
	}
}
