package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"time"

	"pail/store"
	"pail/store/fault"
	"pail/store/iam"
	"pail/store/web"
	"pail/store/web/certs"
	"pail/store/web/control"
	"pail/store/web/iamapi"
	"pail/store/web/kmsapi"
	"pail/store/web/metrics"
	"pail/store/web/query"
	"pail/store/web/s3api"
	"pail/store/web/s3control"
	"pail/store/web/sigv4"
	"pail/store/web/stsapi"
	"pail/store/web/website"
)

// A door is what one control.ServeRequest has opened: listeners that answer S3, that show
// websites, and that tell of the program. It is closed as a whole.
type door struct {
	service control.Service // without what is told only once
	s3      *web.Server     // nil: there is none
	sites   *web.Server     // likewise
	metrics *web.Server     // likewise
	leading *web.Server     // to HTTPS; likewise
}

// doorPatience is how long requests may take to end when their door is closed.
const doorPatience = 30 * time.Second

// A doorman opens doors to one store.
type doorman struct {
	st      *store.Store
	log     *slog.Logger
	metrics *metrics.Metrics
	settle  func(context.Context)                         // returns when the mounts show what was changed
	closes  func(ctx context.Context, bucket, key string) // returns when what was closed on the mounts is published
}

// open opens a door. What is told only once is in what it returns and not in the door. The
// kinds of failure: InvalidArgument, Busy (an address), AccessDenied.
func (dm *doorman) open(ctx context.Context, req control.ServeRequest, early *web.Server) (_ *door, told control.Service, err error) {
	d := &door{metrics: early, service: control.Service{Region: dm.st.Status().Region}}
	if req.Region != "" && req.Region != d.service.Region {
		return nil, told, fault.New(fault.InvalidArgument, "the region of this store is %s, and not %s; a store keeps the region that it was made with", d.service.Region, req.Region)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close(ctx, dm.log))
		}
	}()
	if d.metrics == nil {
		if d.metrics, err = openMetrics(dm.metrics, req, dm.log); err != nil {
			return nil, told, err
		}
	}
	c, err := dm.certificates(req)
	if err != nil {
		return nil, told, err
	}
	if err := errors.Join(dm.listen(d, req, c.config), dm.showSites(d, req, c.config)); err != nil {
		return nil, told, err
	}
	if err := dm.redirect(d, req, c.acme); err != nil {
		return nil, told, err
	}
	d.describe(req, c.self)
	told = d.service
	if c.self != nil && c.self.Made() {
		told.NewCA = c.self.CAFile()
	}
	if d.s3 != nil {
		if err := dm.rootKey(ctx, req, &told); err != nil {
			return nil, told, err
		}
	}
	return d, told, nil
}

// openMetrics opens the addresses that tell of the program; nil if there are none.
func openMetrics(m *metrics.Metrics, req control.ServeRequest, log *slog.Logger) (*web.Server, error) {
	if len(req.Metrics) == 0 {
		return nil, nil
	}
	addresses, err := addressesOf(req.Metrics, false)
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		if a.TLS {
			return nil, fault.New(fault.InvalidArgument, "metrics are not told over HTTPS; give %s without https://", a)
		}
	}
	return web.ListenPlain(web.Options{Addresses: addresses, Log: log}, m.Handler())
}

func addressesOf(texts []string, secure bool) (out []web.Address, err error) {
	for _, text := range texts {
		a, err := web.ParseAddress(text, secure)
		if err != nil {
			return nil, fault.New(fault.InvalidArgument, "%v", err)
		}
		out = append(out, a)
	}
	return out, nil
}

// s3Addresses are where a door is to answer S3: secure, if nothing else is said.
func s3Addresses(req control.ServeRequest, secure bool) ([]web.Address, error) {
	out, err := addressesOf(req.Addresses, secure)
	if err != nil {
		return nil, err
	}
	for _, text := range req.Endpoints {
		a, err := web.ParseEndpoint(text, secure)
		if err != nil {
			return nil, fault.New(fault.InvalidArgument, "%v", err)
		}
		out = append(out, a)
	}
	return out, nil
}

// tlsDir is where a store keeps its certificate authority.
func tlsDir(st *store.Store) string { return filepath.Join(st.Dir(), "tls") }

// certificates are what listeners with TLS need.
type certificates struct {
	config *tls.Config       // nil: there are to be none
	self   *certs.SelfSigned // nil: they are not of an authority of the store's own
	acme   *certs.ACME       // nil: nor of a public one
}

func (dm *doorman) certificates(req control.ServeRequest) (c certificates, err error) {
	switch {
	case req.TLSCert != "":
		files, err := certs.Open(req.TLSCert, req.TLSKey, dm.log)
		if err != nil {
			return c, err
		}
		c.config = &tls.Config{GetCertificate: files.GetCertificate}
	case req.SelfSigned:
		if c.self, err = dm.selfSigned(req); err != nil {
			return c, err
		}
		c.config = &tls.Config{GetCertificate: c.self.GetCertificate}
	case req.ACME:
		c.acme, err = certs.OpenACME(certs.ACMEOptions{
			Dir: filepath.Join(tlsDir(dm.st), "acme"), Names: req.Domains,
			Email: req.ACMEEmail, Directory: req.ACMEDirectory, CA: req.ACMECA,
		}, dm.log)
		if err != nil {
			return c, err
		}
		c.config = &tls.Config{GetCertificate: c.acme.GetCertificate, NextProtos: []string{certs.ALPN}}
	}
	switch {
	case req.ClientCA == "":
		return c, nil
	case c.config == nil:
		return c, fault.New(fault.InvalidArgument, "the authorities %s are of clients that connect by TLS, and there is no certificate for that", req.ClientCA)
	}
	clients, err := certs.OpenAuthorities(req.ClientCA, dm.log)
	if err == nil {
		clients.Demand(c.config)
	}
	return c, err
}

func (dm *doorman) selfSigned(req control.ServeRequest) (*certs.SelfSigned, error) {
	addresses, err := s3Addresses(req, true)
	if err != nil {
		return nil, err
	}
	var hosts []string
	for _, a := range addresses {
		if a.Unix == "" {
			hosts = append(hosts, a.Host)
		}
	}
	return certs.OpenSelfSigned(tlsDir(dm.st), certs.NamesOf(hosts, req.Domains), dm.log)
}

// listen opens the addresses that answer S3.
func (dm *doorman) listen(d *door, req control.ServeRequest, config *tls.Config) error {
	addresses, err := s3Addresses(req, config != nil)
	if err != nil || len(addresses) == 0 {
		return err
	}
	proxies, err := proxiesOf(req)
	if err != nil {
		return err
	}
	objects := s3api.New(s3api.Options{Domains: req.Domains, Region: d.service.Region, Store: dm.st, Settle: dm.settle, AwaitCloses: dm.closes, PlainCustomerKeys: req.PlainCustomerKeys})
	managing := s3control.New(s3control.Options{Domains: req.Domains, Store: dm.st})
	identifier := &web.Identifier{Store: dm.st, Verifier: &sigv4.Verifier{
		Region: d.service.Region, NoV2: req.NoSigV2, Hosts: req.Domains, Lookup: web.LookupIn(dm.st), Temporary: web.TemporaryIn(dm.st),
		Bucket: objects.HostNames,
	}}
	identities := iamapi.New()
	identities.Settle = dm.settle
	services := &web.Services{
		S3:        web.Service{Identify: identifier.Identify, Protocol: objects},
		Control:   web.Service{Identify: identifier.Identify, Protocol: managing},
		IsControl: managing.Answers,
		Others: map[string]web.Service{
			"iam": {Identify: identifier.For("iam"), Protocol: identities},
			"sts": {Identify: identifier.For("sts"), Protocol: stsapi.New()},
			"kms": {Identify: identifier.For("kms"), Protocol: kmsapi.New()},
		},
		Unsigned: func(r *http.Request) string {
			switch {
			case objects.HostNames(r.Host) != "":
				return ""
			case kmsapi.Unsigned(r):
				return "kms"
			case query.Unsigned(r):
				return "sts"
			}
			return ""
		},
	}
	d.s3, err = web.Listen(web.Options{
		Addresses: addresses, TLS: config, Log: dm.log,
		Identify: services.Identify, Protocol: services,
		Observe: dm.metrics.Observe, Proxies: proxies,
		Limits: web.Limits{PerAddress: req.PerAddress, PerKey: req.PerKey},
	})
	return err
}

func proxiesOf(req control.ServeRequest) (p web.Proxies, err error) {
	for _, text := range req.Proxies {
		if err := p.Add(text); err != nil {
			return p, fault.New(fault.InvalidArgument, "%v", err)
		}
	}
	return p, nil
}

// redirect opens the addresses that lead to the first one with TLS.
func (dm *doorman) redirect(d *door, req control.ServeRequest, acme *certs.ACME) error {
	if len(req.Redirects) == 0 {
		return nil
	}
	addresses, err := addressesOf(req.Redirects, false)
	if err != nil {
		return err
	}
	for _, to := range slices.Concat(d.addresses(d.s3), d.addresses(d.sites)) {
		if to.TLS && to.Unix == "" {
			h := web.Redirect(to.Port)
			if acme != nil {
				h = acme.HTTPHandler(h)
			}
			d.leading, err = web.ListenPlain(web.Options{Addresses: addresses, Log: dm.log}, h)
			return err
		}
	}
	return fault.New(fault.InvalidArgument, "%s is to lead to HTTPS, and no address speaks it", addresses[0])
}

// showSites opens the addresses that show buckets as websites, to anybody: whoever may not
// read them gets a page that says so.
func (dm *doorman) showSites(d *door, req control.ServeRequest, config *tls.Config) error {
	if len(req.Websites) == 0 {
		return nil
	}
	addresses, err := addressesOf(req.Websites, config != nil)
	if err != nil {
		return err
	}
	proxies, err := proxiesOf(req)
	if err != nil {
		return err
	}
	domains := append(slices.Clone(req.Domains), "localhost") // browsers look for names below it at home
	d.sites, err = web.Listen(web.Options{
		Addresses: addresses, TLS: config, Log: dm.log, Identify: web.AnybodyIn(dm.st), Observe: dm.metrics.Observe,
		Proxies: proxies, Limits: web.Limits{PerAddress: req.PerAddress},
		Protocol: website.New(website.Options{
			Store: dm.st, Objects: s3api.New(s3api.Options{Region: d.service.Region, Store: dm.st}),
			Bucket: func(host string) (string, bool) { return s3api.BucketOfHost(host, domains) },
		}),
	})
	return err
}

// describe notes what a door is, for whoever asks.
func (d *door) describe(req control.ServeRequest, self *certs.SelfSigned) {
	now, ca := time.Now(), ""
	if self != nil {
		ca = self.CAFile()
	}
	for _, a := range d.addresses(d.s3) {
		l := control.Listener{Address: a.String(), Protocol: "s3", Endpoint: a.Endpoint(), VPCE: a.VPCE, Since: now}
		if a.TLS {
			l.CA = ca
		}
		if a.Unix == "" && len(req.Domains) > 0 {
			named := a
			named.Host = req.Domains[0]
			l.Endpoint = named.String()
		}
		d.service.Listeners = append(d.service.Listeners, l)
		if !a.TLS && !a.Loopback() {
			d.service.Notices = append(d.service.Notices, fmt.Sprintf(
				"%s is open beyond this machine and not encrypted: whoever is on the way can read and change what is sent; see --tls-cert and --tls-self-signed", a))
		}
	}
	for _, a := range d.addresses(d.sites) {
		d.service.Listeners = append(d.service.Listeners, control.Listener{Address: a.String(), Protocol: "website", Since: now})
	}
	for _, a := range d.addresses(d.leading) {
		d.service.Listeners = append(d.service.Listeners, control.Listener{Address: a.String(), Protocol: "redirect", Since: now})
	}
	for _, a := range d.addresses(d.metrics) {
		d.service.Listeners = append(d.service.Listeners, control.Listener{Address: a.String(), Protocol: "metrics", Since: now})
	}
}

func (d *door) addresses(s *web.Server) []web.Address {
	if s == nil {
		return nil
	}
	return s.Addresses()
}

// rootKey sees to it that somebody can sign.
func (dm *doorman) rootKey(ctx context.Context, req control.ServeRequest, told *control.Service) error {
	se := dm.st.As(store.Owner(), store.RequestContext{Door: store.DoorControl, Time: time.Now()})
	given := iam.Given{ID: req.RootAccessKey, Secret: req.RootSecretKey}
	if given == (iam.Given{}) && req.Unseen {
		all, err := se.AccessKeys(ctx)
		if err == nil && len(all) == 0 {
			told.Notices = append(told.Notices, fmt.Sprintf(
				"there is no access key yet, and none is shown in a journal that others may read; make one with: pail key create --store %s", shellWord(dm.st.Dir())))
		}
		return err
	}
	k, made, err := se.EnsureRootAccessKey(ctx, given)
	if err != nil || !made {
		return err
	}
	told.RootKey = &control.AccessKey{ID: k.ID, Secret: k.Secret, Account: k.Account, Principal: k.Principal, Created: k.Created, Active: true, Root: true}
	if given != (iam.Given{}) {
		told.RootKey.Secret = "" // whoever has chosen it knows it
	}
	return nil
}

// closeS3 takes no more requests for objects and pages, and finishes those that have begun.
func (d *door) closeS3(ctx context.Context, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), doorPatience)
	defer cancel()
	for _, srv := range []*web.Server{d.leading, d.sites, d.s3} {
		if srv == nil {
			continue
		}
		if err := srv.Shutdown(ctx); err != nil {
			log.Warn("the S3 door was closed", "err", err)
		}
	}
}

// closeMetrics ends telling of the program.
func (d *door) closeMetrics(ctx context.Context) {
	if d.metrics == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = d.metrics.Shutdown(ctx) // whoever asks again learns soon enough
}

// close closes all of it. It never fails, but may have to cut requests off.
func (d *door) close(ctx context.Context, log *slog.Logger) error {
	d.closeS3(ctx, log)
	d.closeMetrics(ctx)
	return nil
}
