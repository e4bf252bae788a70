package check

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"time"
)

// soon is how long before its end a certificate is warned about: later than those
// who renew by themselves do it, a third before the end of a short one.
func soon(cert *x509.Certificate) time.Duration {
	return min(14*24*time.Hour, cert.NotAfter.Sub(cert.NotBefore)/3)
}

// certificateFile looks at what tls.cert_file will present.
func (c *checker) certificateFile(host string) outcome {
	pair, err := tls.LoadX509KeyPair(c.Config.TLS.CertFile, c.Config.TLS.KeyFile)
	if err != nil {
		return fail("public.pair").saying(err.Error())
	}
	var chain []*x509.Certificate
	for _, der := range pair.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return fail("public.pair").saying(err.Error())
		}
		chain = append(chain, cert)
	}
	return c.chain(chain, host)
}

// chain judges certificates as Graph does, which fetches no missing ones.
func (c *checker) chain(chain []*x509.Certificate, host string) outcome {
	if len(chain) == 0 {
		return fail("public.tls-failed", host)
	}
	leaf, between := chain[0], x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	now := c.now()
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: c.publicRoots, Intermediates: between, CurrentTime: now})
	day := leaf.NotAfter.UTC().Format(time.DateOnly)
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	_, wrongName := errors.AsType[x509.HostnameError](err)
	switch {
	case now.Before(leaf.NotBefore):
		return fail("public.tls-early", leaf.NotBefore.UTC().Format(time.DateOnly))
	case isInvalid && invalid.Reason == x509.Expired:
		return fail("public.tls-expired", day).saying(err.Error())
	case wrongName:
		return fail("public.tls-name", host, strings.Join(leaf.DNSNames, ", ")).saying(err.Error())
	case err != nil && leaf.CheckSignatureFrom(leaf) == nil || err != nil && leaf.Issuer.String() == leaf.Subject.String():
		return fail("public.tls-self-signed").saying(err.Error())
	case err != nil && len(chain) == 1:
		return fail("public.tls-chain", leaf.Issuer.String()).saying(err.Error())
	case err != nil:
		return fail("public.tls-private", chain[len(chain)-1].Issuer.String()).saying(err.Error())
	case leaf.NotAfter.Sub(now) < soon(leaf):
		return warn("public.tls-ends", day, int(leaf.NotAfter.Sub(now).Hours()/24)).at("afterwards")
	}
	o := fine()
	o.note = c.text("public.until", day)
	return o
}
