package main

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/spf13/cobra"

	"jtel.de/presencebridge/internal/config"
)

// askFlags are those of commands that ask a running service and print. The
// configuration says where it is; from another machine its address does.
type askFlags struct {
	commonFlags
	admin, tokenFile string
}

func (f *askFlags) register(cmd *cobra.Command) {
	f.commonFlags.register(cmd)
	cmd.Flags().StringVar(&f.admin, "admin", "", "`HOST:PORT` of the service's listen.admin, instead of --config")
	cmd.Flags().StringVar(&f.tokenFile, "token-file", "", "`FILE` with the token that it asks for, with --admin")
}

// open checks the flags and asks nobody yet.
func (f *askFlags) open(cmd *cobra.Command) (*operators, error) {
	const otherwise = "is the service running, and is this its listen.admin?"
	switch {
	case f.output != outputText && f.output != outputJSON:
		return nil, usageError{fmt.Errorf("--output %q: text or json", f.output)}
	case f.admin != "" && f.file != "":
		return nil, usageError{errors.New("--config says where the service is, and so does --admin: give one of them")}
	case f.tokenFile != "" && f.admin == "":
		return nil, usageError{errors.New("--token-file goes with --admin; a configuration names the file itself")}
	case f.admin == "" && f.file == "":
		return nil, usageError{fmt.Errorf("%s needs --config FILE, or --admin HOST:PORT of a running service", cmd.CommandPath())}
	case f.admin == "":
		c, err := config.Load(f.file, os.Environ())
		if err != nil {
			return nil, err
		}
		return newOperators(c.Listen, "start it: presencebridge serve --config "+f.file)
	}
	if _, _, err := net.SplitHostPort(f.admin); err != nil {
		return nil, usageError{fmt.Errorf("--admin %q: want host:port", f.admin)}
	}
	l := config.Listen{Admin: f.admin}
	if f.tokenFile != "" {
		l.AdminToken = config.SecretFile(f.tokenFile)
		if _, err := l.AdminToken.Read(); err != nil {
			return nil, fmt.Errorf("read --token-file: %w", err)
		}
	}
	return newOperators(l, otherwise)
}
