package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/spf13/pflag"

	"github.com/fairlead-project/fairlead/engine/registry"
)

// registryServer is the registry beside the server.
type registryServer struct {
	dir, listen string
	pushFrom    []string
	cert, key   string
}

func (s *registryServer) add(fl *pflag.FlagSet) {
	fl.StringVar(&s.dir, "registry", "", "serve an image registry from this `FOLDER`")
	fl.StringVar(&s.listen, "registry-listen", "127.0.0.1:5000", "`ADDRESS` of the registry")
	fl.StringSliceVar(&s.pushFrom, "registry-push-from", nil, "`ADDRESSES` or networks that may push to the registry, besides this machine")
	fl.StringVar(&s.cert, "registry-cert", "", "`FILE` with the registry's certificate: it speaks TLS then")
	fl.StringVar(&s.key, "registry-key", "", "`FILE` with the key of that certificate")
}

// start serves the registry, when there is to be one, until stop is called.
func (s *registryServer) start(log *slog.Logger) (stop func() error, err error) {
	if s.dir == "" {
		return func() error { return nil }, nil
	}
	reg, err := registry.Open(registry.Options{Dir: expand(s.dir), PushFrom: s.pushFrom, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", s.listen)
	if err != nil {
		return nil, errors.Join(err, reg.Close())
	}
	srv := &http.Server{Handler: reg, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
	ended := make(chan error, 1)
	go func() {
		if s.cert != "" {
			ended <- srv.ServeTLS(l, expand(s.cert), expand(s.key))
			return
		}
		ended <- srv.Serve(l)
	}()
	log.Info("registry listening", "address", l.Addr().String(), "folder", s.dir)
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := srv.Shutdown(ctx)
		if e := <-ended; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return errors.Join(err, reg.Close())
	}, nil
}
