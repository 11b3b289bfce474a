package main

import (
	"github.com/spf13/cobra"
)

// serveCommandOptions are the flags of pail serve.
type serveCommandOptions struct {
	serveOptions
	background bool
	log        string
	debug      bool
	verify     bool
	scrubEvery string
}

func newServeCommand(g *globals) *cobra.Command {
	opts := &serveCommandOptions{}
	cmd := &cobra.Command{
		Use:   "serve [ADDRESS]...",
		Short: "Answer S3 without a mount, for a store that is made if there is none",
		Long: `Answer S3 at some addresses, until a SIGTERM or SIGINT comes or pail stop: then requests
that have begun are finished and the program ends. An ADDRESS is HOST:PORT, :PORT for
all addresses of the machine, [IPV6]:PORT or unix:PATH; without any it is 127.0.0.1:9000.
If the store has a daemon already, as of a mount, that one answers at these addresses too.

The first start makes a root access key and shows it, this once; ` + rootAccessKeyEnv + ` and
` + rootSecretKeyEnv + ` choose it instead. See pail key for more of them.

With --tls-cert and --tls-key, or --tls-self-signed, S3 is HTTPS. An address with http://
or https:// before it is what it says, so that both can be served side by side.

With --listen an address is an endpoint of a network, as those of a VPC on AWS, so that a
bucket's policy can let in what comes through it (aws:SourceVpce, aws:SourceVpc).

With --domain NAME buckets are also names of hosts, BUCKET.NAME, as on AWS.`,
		Example: `  pail serve
  pail serve --background :9000 --tls-self-signed
  pail serve http://127.0.0.1:9000 https://:9443 --tls-cert s3.pem --tls-key s3.key --domain s3.example.com
  pail serve :9000 --listen name=vpce-backup,vpc=vpc-lab,addr=10.0.0.5:9000 --rate-per-address 200
  pail serve https://:443 --tls-cert s3.pem --tls-key s3.key --http-redirect :80`,
		Args: takes(0, -1),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := opts.plan(g, args)
			if err != nil {
				return err
			}
			return runPlan(cmd, g, plan, opts.background)
		},
	}
	opts.addFlags(cmd)
	return cmd
}

func (o *serveCommandOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	o.serveOptions.addFlags(cmd)
	f.BoolVar(&o.background, "background", false, "return once it answers; the daemon goes on in the background")
	textVar(f, &o.log, "log", "`file` to which a daemon in the background logs (default daemon.log in the store)")
	f.BoolVar(&o.verify, "verify-reads", false, "compare checksums whenever a content is read")
	textVar(f, &o.scrubEvery, "scrub-every", "read all contents and compare their checksums so long after the last `time`, such as 7d")
	f.BoolVar(&o.debug, "debug", false, "log every request")
	flagSuggests(cmd, "log", flagFiles)
	flagSuggests(cmd, "scrub-every", cobra.NoFileCompletions)
}

// defaultAddress is where S3 is answered if nobody says where.
const defaultAddress = "127.0.0.1:9000"

// plan is what the command line amounts to.
func (o *serveCommandOptions) plan(g *globals, args []string) (*mountPlan, error) {
	p := &mountPlan{anyFS: g.allowAnyFS}
	o.s3 = args
	if len(args)+len(o.endpoints) == 0 {
		o.s3 = []string{defaultAddress}
	}
	m := mountOptions{serveOptions: o.serveOptions, log: o.log, verify: o.verify, scrubEvery: o.scrubEvery, debug: o.debug}
	if err := p.options(m.asOptions(), func(string) bool { return true }); err != nil {
		return nil, err
	}
	var err error
	if p.store, err = g.storeDir(); err != nil {
		return nil, err
	}
	return p, p.checkServe()
}
