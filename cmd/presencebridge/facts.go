package main

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/setup"
)

// factsFlags are the facts that setup and init take as flags. A secret is never
// one of them.
type factsFlags struct {
	file  string
	facts setup.Facts
}

func (f *factsFlags) register(cmd *cobra.Command) {
	s := cmd.Flags()
	s.StringVarP(&f.file, "config", "c", "presencebridge.yaml", "configuration `FILE` to write; secrets go into the folder secrets beside it")
	s.StringVar(&f.facts.PublicURL, "public-url", "", "https `URL` under which Microsoft Graph reaches the callback side")
	s.StringVar(&f.facts.TLS.CertFile, "tls-cert", "", "`FILE` with the certificate chain of that URL (PEM)")
	s.StringVar(&f.facts.TLS.KeyFile, "tls-key", "", "`FILE` with its private key (PEM)")
	s.StringVar(&f.facts.TLS.ACMEEmail, "acme-email", "", "let a certificate be issued by ACME to this `ADDRESS`, accepting the terms of the certificate authority")
	s.BoolVar(&f.facts.TLS.Off, "behind-proxy", false, "a proxy in front terminates TLS")
	s.BoolVar(&f.facts.Poll, "poll", false, "nobody reaches us from outside: everybody is read every few seconds")
	s.StringVar(&f.facts.DataDir, "data-dir", "", "`FOLDER` for what the service keeps (default /var/lib/presencebridge)")
	s.StringVar(&f.facts.NATSURL, "nats-url", "", "`URL` of a NATS server (default: an embedded one)")
	s.StringVar(&f.facts.Tenant, "tenant", "", "a short `NAME` for the tenant, as contoso")
	s.StringVar(&f.facts.TenantID, "tenant-id", "", "directory (tenant) `ID`")
	s.StringVar(&f.facts.ClientID, "client-id", "", "application (client) `ID`")
	s.StringArrayVar(&f.facts.People.Groups, "group", nil, "watch the members of this `GROUP`, by object id or name; may be repeated")
	s.StringArrayVar(&f.facts.People.Users, "user", nil, "watch this `PERSON`, by object id, user name or e-mail; may be repeated")
	s.BoolVar(&f.facts.People.All, "all", false, "watch everybody in the tenant")
	s.StringArrayVar(&f.facts.People.Exclude, "exclude", nil, "but not this `PERSON`; may be repeated")
	s.StringVar(&f.facts.Graph, "graph-url", "", "root `URL` of Graph, for national clouds and the simulator")
	s.StringVar(&f.facts.Authority, "authority", "", "root `URL` of Entra ID's sign-in, likewise")
	s.StringVar(&f.facts.CAFile, "ca-file", "", "`FILE` with a trust root for both, for the simulator")
}

// named reports whether it is said who is watched.
func (f *factsFlags) named() bool {
	p := f.facts.People
	return p.All || len(p.Groups)+len(p.Users) > 0
}

// checkTLS finds contradictions before anything is done.
func (f *factsFlags) checkTLS() error {
	t, given := f.facts.TLS, 0
	for _, is := range []bool{t.CertFile+t.KeyFile != "", t.ACMEEmail != "", t.Off} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return usageError{errors.New("--tls-cert with --tls-key, --acme-email and --behind-proxy exclude each other")}
	case t.CertFile == "" && t.KeyFile != "" || t.CertFile != "" && t.KeyFile == "":
		return usageError{errors.New("--tls-cert and --tls-key belong together")}
	}
	return nil
}

// missing are the flags without which there is no configuration that works.
func (f *factsFlags) missing() []string {
	var list []string
	add := func(is bool, name string) {
		if is {
			list = append(list, name)
		}
	}
	t := f.facts.TLS
	add(f.facts.PublicURL == "" && !f.facts.Poll, "--public-url (or --poll)")
	add(t.CertFile == "" && t.ACMEEmail == "" && !t.Off && !f.facts.Poll, "--tls-cert and --tls-key (or --acme-email, or --behind-proxy)")
	add(!f.named(), "--group, --user or --all")
	return list
}

// acceptable finds what the service would not take before anything is made. Files
// may come later, and what is not known yet stands for itself.
func (f *factsFlags) acceptable(file string) error {
	facts := f.facts
	facts.Tenant, facts.TenantID = cmp.Or(facts.Tenant, "tenant"), "00000000-0000-0000-0000-000000000001"
	facts.ClientID = cmp.Or(facts.ClientID, "00000000-0000-0000-0000-000000000002")
	facts.SecretFile = file
	facts.Accounts = []setup.Account{{Username: "service@example.com"}}
	text, err := facts.Configuration(filepath.Dir(file))
	if err != nil {
		return err
	}
	_, err = config.Parse(file, text, nil)
	mistakes, ok := errors.AsType[*config.Mistakes](err)
	if !ok {
		return err
	}
	var list []string
	for _, m := range mistakes.List {
		if !strings.HasSuffix(m.Key, "_file") {
			list = append(list, fmt.Sprintf("%s: %s; %s", m.Key, m.Wrong, m.Right))
		}
	}
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	return usageError{fmt.Errorf("nothing was done, because the service would not take it:\n%s", strings.Join(list, "\n"))}
}

func missingFlags(command string, list []string) error {
	return usageError{fmt.Errorf("%s needs %s; try: presencebridge %s --help", command, strings.Join(list, ", "), command)}
}

// factRow is a line of the table of facts, as the guide has it.
type factRow struct {
	Fact  string `json:"fact"`
	Key   string `json:"key"`
	Value string `json:"value"`
}

func factRows(f setup.Facts) []factRow {
	rows := []factRow{
		{"Directory (tenant) ID", "tenant_id", f.TenantID},
		{"Application (client) ID", "client_id", f.ClientID},
	}
	if f.CertificateFile != "" {
		rows = append(rows, factRow{"Certificate and key of the app", "client_certificate_file", f.CertificateFile})
	} else {
		rows = append(rows, factRow{"Client secret, its value", "client_secret_file", f.SecretFile})
	}
	for i, a := range f.Accounts {
		rows = append(rows, factRow{"Service user", fmt.Sprintf("accounts[%d].username", i), a.Username})
		if a.PasswordFile != "" {
			rows = append(rows, factRow{"  its password", fmt.Sprintf("accounts[%d].password_file", i), a.PasswordFile})
		} else {
			rows = append(rows, factRow{"  signs in", fmt.Sprintf("accounts[%d].sign_in", i), "device_code"})
		}
	}
	var who []string
	if f.People.All {
		who = append(who, "everybody")
	}
	who = append(append(who, f.People.Groups...), f.People.Users...)
	rows = append(rows, factRow{"Who is watched", "people", strings.Join(who, ", ")})
	if f.PublicURL != "" {
		rows = append(rows, factRow{"Public address", "public_url", f.PublicURL})
	}
	return rows
}
