package control

import "time"

// A ServeRequest asks for an S3 door: for listeners that answer S3, for websites and for
// metrics, or some of these.
// Paths are absolute.
type ServeRequest struct {
	Addresses []string `json:"addresses,omitempty"` // as web.ParseAddress reads them
	Metrics   []string `json:"metrics,omitempty"`   // likewise: where /metrics, /healthz and /readyz are
	Websites  []string `json:"websites,omitempty"`  // likewise: where buckets are shown as websites
	Domains   []string `json:"domains,omitempty"`   // names under which clients know the listeners
	Region    string   `json:"region,omitempty"`    // must be the store's; empty: whatever that is
	NoSigV2   bool     `json:"no_sigv2,omitempty"`  // refuse signatures of version 2
	// PlainCustomerKeys lets keys of customers (SSE-C) come without TLS.
	PlainCustomerKeys bool `json:"plain_customer_keys,omitempty"`
	// PublicByDefault makes new buckets without Block Public Access. It is the daemon's, for all
	// its doors, and InvalidArgument where it was not said when the daemon started.
	PublicByDefault bool `json:"public_by_default,omitempty"`
	// A certificate and its key, or one that the store makes; neither: no TLS.
	TLSCert    string `json:"tls_cert,omitempty"`
	TLSKey     string `json:"tls_key,omitempty"`
	SelfSigned bool   `json:"tls_self_signed,omitempty"`
	// ACME has a public authority give certificates for the Domains (certs.ACMEOptions).
	ACME          bool   `json:"tls_acme,omitempty"`
	ACMEEmail     string `json:"acme_email,omitempty"`
	ACMEDirectory string `json:"acme_directory,omitempty"`
	ACMECA        string `json:"acme_ca,omitempty"`
	// ClientCA is a file of authorities, one of which must have signed for whoever connects
	// with TLS; empty: anybody.
	ClientCA  string   `json:"tls_client_ca,omitempty"`
	Endpoints []string `json:"endpoints,omitempty"`       // as web.ParseEndpoint reads them: further addresses of S3
	Redirects []string `json:"http_redirects,omitempty"`  // where HTTP leads to HTTPS and no further
	Proxies   []string `json:"trusted_proxies,omitempty"` // as web.Proxies has them
	// Requests a second; 0: any number (web.Limits).
	PerAddress float64 `json:"rate_per_address,omitempty"`
	PerKey     float64 `json:"rate_per_key,omitempty"`
	// The root access key that was chosen; empty: the one that there is, or one that is
	// made up.
	RootAccessKey string `json:"root_access_key,omitempty"`
	RootSecretKey string `json:"root_secret_key,omitempty"`
	// Unseen says that nobody could be shown a secret: no access key is made up.
	Unseen bool `json:"unseen,omitempty"`
}

// A Listener is an address at which a daemon answers.
type Listener struct {
	Address  string `json:"address"`            // http://HOST:PORT, https://HOST:PORT or unix:PATH
	Protocol string `json:"protocol"`           // "s3", "website", "metrics" or "redirect"
	Endpoint string `json:"endpoint,omitempty"` // the URL for clients; empty for a socket in the filesystem
	VPCE     string `json:"vpce,omitempty"`     // name of the endpoint that it is
	CA       string `json:"ca,omitempty"`       // file of the authority that clients have to trust
	// Mountpoint is the mount with which it ends, empty if it stands for itself.
	Mountpoint string    `json:"mountpoint,omitempty"`
	Since      time.Time `json:"since"`
}

// A Service is what one ServeRequest has opened. It ends as a whole.
type Service struct {
	ID        uint64     `json:"id"`
	Region    string     `json:"region"`
	Listeners []Listener `json:"listeners"`
	// RootKey is the root access key if it was made now. Its secret is told this once, and
	// not if it was chosen.
	RootKey *AccessKey `json:"root_key,omitempty"`
	// NewCA says that the authority was made now: clients have to be told to trust it.
	NewCA   string   `json:"new_ca,omitempty"`
	Notices []string `json:"notices,omitempty"` // what else whoever asked should know
}

// An EndServiceRequest ends a service. If it was the last thing that the daemon served the
// answer comes when the store is closed.
type EndServiceRequest struct {
	ID uint64 `json:"id"`
}

// A PresignRequest asks for a URL by which whoever has it can do one thing to an object, or
// to a bucket if Key is empty.
type PresignRequest struct {
	Bucket  string        `json:"bucket"`
	Key     string        `json:"key,omitempty"`
	Version string        `json:"version,omitempty"`
	Method  string        `json:"method,omitempty"` // empty: GET
	Expires time.Duration `json:"expires"`          // nanoseconds
	// Endpoint is the URL of the listener for those who get it; empty: that of the first.
	Endpoint string `json:"endpoint,omitempty"`
	// AccessKey signs it; empty: the root access key, or else the oldest that is active.
	AccessKey string `json:"access_key,omitempty"`
}

// A Presigned is a presigned URL.
type Presigned struct {
	URL       string    `json:"url"`
	Method    string    `json:"method"`
	Expires   time.Time `json:"expires"`
	AccessKey string    `json:"access_key"`
}
