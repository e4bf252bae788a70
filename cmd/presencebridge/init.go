package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"jtel.de/presencebridge/internal/config"
	"jtel.de/presencebridge/internal/setup"
)

// initFlags are what init takes besides the facts.
type initFlags struct {
	factsFlags
	accounts, passwordFiles []string
	secretFile              string
	deviceCode, force       bool

	ask     *asker
	secrets map[string]string // file → secret that was entered
}

func initCommand() *cobra.Command {
	f := &initFlags{secrets: map[string]string{}}
	cmd := &cobra.Command{
		Use:   "init --config FILE",
		Short: "Write a configuration from the facts that the administrator gathered",
		Long: "Write a configuration from the table of facts of the set-up guide. On a terminal it asks for what\n" +
			"the flags leave open, for secrets without showing them. Secrets are no flags: they are entered, or\n" +
			"come from a file, or line by line from standard input (a file named -), first the client secret,\n" +
			"then the passwords in the order of the service users. What is entered goes into files of mode 0600\n" +
			"beside the configuration.",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.checkTLS(); err != nil {
				return err
			}
			if len(f.passwordFiles) > 0 && (f.deviceCode || len(f.passwordFiles) != len(f.accounts)) {
				return usageError{errors.New("give --password-file once for each --account, in the same order, and not with --device-code")}
			}
			f.ask = newAsker(cmd.InOrStdin(), cmd.ErrOrStderr())
			if setup.Exists(f.file) && !f.force {
				return fmt.Errorf("%s exists: --force overwrites it", f.file)
			}
			return f.run(cmd.OutOrStdout())
		},
	}
	f.register(cmd)
	s := cmd.Flags()
	s.StringVar(&f.secretFile, "client-secret-file", "", "`FILE` with the client secret's value; - reads a line from standard input")
	s.StringVar(&f.facts.CertificateFile, "client-certificate-file", "", "`FILE` with the app's certificate and key, instead of a secret")
	s.StringArrayVar(&f.accounts, "account", nil, "user principal name (`UPN`) of a service user; may be repeated")
	s.StringArrayVar(&f.passwordFiles, "password-file", nil, "`FILE` with the password of a service user, in the order of --account; - reads a line from standard input")
	s.BoolVar(&f.deviceCode, "device-code", false, "the service users sign in by device code (see: presencebridge login): no password is stored")
	s.BoolVar(&f.force, "force", false, "overwrite a configuration and secrets that exist")
	return cmd
}

func (f *initFlags) run(out io.Writer) error {
	if err := f.gather(); err != nil {
		return err
	}
	former, err := f.writeSecrets()
	if err == nil {
		err = f.writeConfig()
	}
	if err != nil {
		for file, secret := range former { // a half that nobody knows of is no help
			if secret != nil {
				err = errors.Join(err, setup.Write(file, secret))
			} else {
				err = errors.Join(err, os.Remove(file))
			}
		}
		return err
	}
	return printFacts(out, f.facts, f.file)
}

// gather takes the facts from the flags and asks for the rest.
func (f *initFlags) gather() error {
	if f.ask.terminal {
		if err := f.askFacts(); err != nil {
			return err
		}
	}
	list := f.missing()
	for name, value := range map[string]string{"--tenant": f.facts.Tenant, "--tenant-id": f.facts.TenantID, "--client-id": f.facts.ClientID} {
		if value == "" {
			list = append(list, name)
		}
	}
	if f.facts.CertificateFile == "" && f.secretFile == "" && !f.ask.terminal {
		list = append(list, "--client-secret-file or --client-certificate-file")
	}
	if len(f.accounts) == 0 && !f.facts.Poll {
		list = append(list, "--account")
	}
	if len(f.accounts) > 0 && len(f.passwordFiles) == 0 && !f.deviceCode && !f.ask.terminal {
		list = append(list, "--password-file or --device-code")
	}
	if len(list) > 0 {
		return missingFlags("init", list)
	}
	return f.gatherSecrets()
}

// askFacts asks for what is open; an empty answer leaves it open.
func (f *initFlags) askFacts() error {
	a := f.ask
	a.text(&f.facts.Tenant, "Short name for the tenant, like contoso")
	a.text(&f.facts.TenantID, "Directory (tenant) ID")
	a.text(&f.facts.ClientID, "Application (client) ID")
	if !f.facts.Poll {
		a.text(&f.facts.PublicURL, "Public address, like https://presence.example.com")
		if t := &f.facts.TLS; t.CertFile == "" && t.ACMEEmail == "" && !t.Off {
			a.text(&t.CertFile, "File with the certificate chain of that address (PEM); proxy, if a proxy terminates TLS")
			if t.CertFile == "proxy" {
				t.CertFile, t.Off = "", true
			} else {
				a.text(&t.KeyFile, "File with its private key (PEM)")
			}
		}
		a.list(&f.accounts, "Service users (user principal names, with commas between)")
	}
	if !f.named() {
		a.list(&f.facts.People.Groups, "Groups to watch, with commas between; all, for everybody")
		if len(f.facts.People.Groups) == 1 && f.facts.People.Groups[0] == "all" {
			f.facts.People.Groups, f.facts.People.All = nil, true
		}
	}
	return a.err
}

// gatherSecrets says where each secret is, or asks for it.
func (f *initFlags) gatherSecrets() error {
	files := setup.Files{Config: f.file}
	take := func(from, question, name string) (file string) {
		if from != "" && from != "-" {
			return from
		}
		file = files.Secret(name)
		f.secrets[file] = f.ask.secret(from == "-", question)
		return file
	}
	if f.facts.CertificateFile == "" {
		f.facts.SecretFile = take(f.secretFile, "Client secret, the value (not shown)", f.facts.Tenant+"-client-secret")
	}
	for i, username := range f.accounts {
		account := setup.Account{Username: username}
		if !f.deviceCode {
			from := ""
			if i < len(f.passwordFiles) {
				from = f.passwordFiles[i]
			}
			name, _, _ := strings.Cut(username, "@")
			account.PasswordFile = take(from, "Password of "+username+" (not shown)", name)
		}
		f.facts.Accounts = append(f.facts.Accounts, account)
	}
	if f.facts.People.All {
		f.facts.People.Exclude = append(f.facts.People.Exclude, f.accounts...)
	}
	return f.ask.err
}

// writeSecrets gives what each file that it wrote held before; nil if it was not there.
func (f *initFlags) writeSecrets() (former map[string][]byte, err error) {
	for file := range f.secrets {
		if setup.Exists(file) && !f.force {
			return nil, fmt.Errorf("%s exists: --force overwrites it", file)
		}
	}
	former = map[string][]byte{}
	for file, secret := range f.secrets {
		before, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return former, err
		}
		if err := setup.Write(file, []byte(secret+"\n")); err != nil {
			return former, err
		}
		former[file] = before
	}
	return former, nil
}

// writeConfig writes what the service would take, and nothing else.
func (f *initFlags) writeConfig() error {
	text, err := f.facts.Configuration(filepath.Dir(f.file))
	if err != nil {
		return err
	}
	if _, err := config.Parse(f.file, text, nil); err != nil {
		return fmt.Errorf("nothing was written, because the service would not take it:\n%w", err)
	}
	_, err = setup.Files{Config: f.file}.WriteConfig(f.facts, f.force)
	return err
}

// asker asks on a terminal. Its first error ends all further questions.
type asker struct {
	lines    *bufio.Reader
	out      io.Writer
	terminal bool
	hidden   func() (string, error)
	err      error
}

func newAsker(in io.Reader, out io.Writer) *asker {
	a := &asker{lines: bufio.NewReader(in), out: out}
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		a.terminal = true
		a.hidden = func() (string, error) {
			secret, err := term.ReadPassword(int(f.Fd()))
			fmt.Fprintln(out)
			return string(secret), err
		}
	}
	return a
}

// text asks for a value that is not known yet.
func (a *asker) text(value *string, question string) {
	if *value != "" || a.err != nil {
		return
	}
	fmt.Fprintf(a.out, "%s: ", question)
	*value = strings.TrimSpace(a.line())
}

func (a *asker) list(values *[]string, question string) {
	if len(*values) > 0 {
		return
	}
	answer := ""
	a.text(&answer, question)
	for value := range strings.SplitSeq(answer, ",") {
		if value = strings.TrimSpace(value); value != "" {
			*values = append(*values, value)
		}
	}
}

// secret asks without showing the answer, or reads a line of standard input.
func (a *asker) secret(piped bool, question string) string {
	if a.err != nil {
		return ""
	}
	var secret string
	if piped {
		secret = strings.TrimRight(a.line(), "\r\n")
	} else {
		fmt.Fprintf(a.out, "%s: ", question)
		secret, a.err = a.hidden()
	}
	if a.err == nil && strings.TrimSpace(secret) == "" {
		a.err = fmt.Errorf("nothing was entered: %s", question)
	}
	return secret
}

func (a *asker) line() string {
	line, err := a.lines.ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || line == "") {
		a.err = fmt.Errorf("read the answer: %w", err)
	}
	return line
}
