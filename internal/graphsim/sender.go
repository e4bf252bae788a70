package graphsim

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"time"
)

// sender posts to notification URLs: HTTP/1.1, no redirects, no proxy, and no
// newer TLS than the subscription allows.
type sender struct {
	modern, classic *http.Client
}

func newSender(roots *x509.CertPool) *sender {
	client := func(most uint16) *http.Client {
		return &http.Client{
			Transport: &http.Transport{
				TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, MaxVersion: most},
				MaxIdleConnsPerHost: courierWorkers, MaxConnsPerHost: 4 * courierWorkers, IdleConnTimeout: time.Minute,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return &sender{modern: client(tls.VersionTLS13), classic: client(tls.VersionTLS12)}
}

// client is the one for a latestSupportedTlsVersion. Versions before 1.2 are no
// longer spoken by anybody.
func (s *sender) client(version string) *http.Client {
	if version == "v1_3" {
		return s.modern
	}
	return s.classic
}

// post gives the status of the answer.
func (s *sender) post(ctx context.Context, target, tlsVersion string, body []byte) (int, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	res, err := s.client(tlsVersion).Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	// Read so that the connection can be used again; what it says is of no interest.
	if _, err := io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10)); err != nil {
		return 0, err
	}
	return res.StatusCode, nil
}

func (s *sender) close() {
	s.modern.CloseIdleConnections()
	s.classic.CloseIdleConnections()
}
