package crash

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/cespare/xxhash/v2"

	"pail/store"
	"pail/store/cors"
	pailevent "pail/store/event"
	"pail/store/iam"
	"pail/store/site"
	"pail/versioning"
)

// The kinds of configurations of a bucket.
const (
	kindCORS          = "cors"
	kindWebsite       = "website"
	kindLifecycle     = "lifecycle"
	kindNotifications = "notifications"
	kindPolicy        = "policy"
	kindBlock         = "block"     // if it is another than new buckets have
	kindOwnership     = "ownership" // likewise
	kindACL           = "acl"
	kindQuota         = "quota"
	kindLock          = "lock"
)

// An account is what belongs to no bucket. Names begin with the worker's, so that each has
// its own; the root access key, of which there is one, is for worker 0.
type account struct {
	keys  map[string]accessKey
	hooks map[string]webhook
	users map[string]string // of each its tag
}

type accessKey struct {
	secret         string
	inactive, root bool
}

type webhook struct {
	url     string
	waiting int // events; nobody takes them
}

func newAccount() account {
	return account{keys: map[string]accessKey{}, hooks: map[string]webhook{}, users: map[string]string{}}
}

// ownName is what the names of a worker in the account begin with.
func ownName(worker int) string { return fmt.Sprintf("w%d-", worker) }

// What acts configure is told from their generations.

func secretOf(gen uint64) string { return fmt.Sprintf("secret-%016x", gen) }

func givenOf(a act) iam.Given { return iam.Given{ID: a.Key, Secret: secretOf(a.Gen)} }

func userTags(a act) []iam.Tag { return []iam.Tag{{Key: "gen", Value: metaOf(a.Gen)}} }

func hookURL(gen uint64) string { return "http://127.0.0.1:1/" + metaOf(gen) }

func corsOf(gen uint64) cors.Config {
	var c cors.Config
	for i := range 1 + gen%3 {
		c.Rules = append(c.Rules, cors.Rule{
			ID: fmt.Sprint(metaOf(gen), i), AllowedMethods: []string{"GET", "PUT"}, AllowedOrigins: []string{"https://" + metaOf(gen) + ".example.com"},
		})
	}
	return c
}

func websiteOf(gen uint64) site.Config {
	index := metaOf(gen) + ".html"
	return site.Config{Index: &index}
}

// policyOf lets the owner's account in, whatever else there is; it may be long.
func policyOf(bucket string, gen uint64) string {
	sid := metaOf(gen) + strings.Repeat("x", int(gen%5*1000))
	return fmt.Sprintf(`{"Version":"2012-10-17","Id":"%s","Statement":[{"Effect":"Allow","Principal":{"AWS":"%s"},"Action":"s3:*","Resource":"arn:aws:s3:::%s/*"}]}`, sid, store.Account, bucket)
}

func blockOf(gen uint64) store.PublicAccess {
	return store.PublicAccess{BlockPublicAcls: gen%2 == 0, BlockPublicPolicy: gen%3 == 0}
}

func ownershipOf(gen uint64) store.Ownership {
	return []store.Ownership{store.OwnerPreferred, store.OwnerWriter, store.OwnerEnforced}[gen%3]
}

// quotaOf is more than a bucket comes to hold.
func quotaOf(gen uint64) store.Quota {
	return store.Quota{Bytes: 1<<50 + int64(gen), Objects: int64(gen%2) << 40}
}

// locked says whether a bucket has Object Lock: then its versioning stays as it is, and every
// name has history.
func (b *bucket) locked() bool { return b.configs[kindLock] != "" }

// lifecycleOf is a lifecycle by which nothing ends that there is. Every other one is so
// large that it is kept in several pieces.
func lifecycleOf(gen uint64) versioning.Lifecycle {
	var l versioning.Lifecycle
	n, days := 1, int32(1+gen%1000)
	if gen%2 == 0 {
		n = 300
	}
	for i := range n {
		name := fmt.Sprintf("never/%s-%d-%s", metaOf(gen), i, strings.Repeat("x", 130))
		l.Rules = append(l.Rules, versioning.LifecycleRule{
			ID: name, Status: versioning.LifecycleEnabled, Filter: &versioning.LifecycleFilter{Prefix: &name},
			Expiration: &versioning.LifecycleExpiration{Days: &days},
		})
	}
	return l
}

// notificationsOf has a webhook told of uploads that are completed and of changes of tags;
// nobody without a name. Each event is of one act then, in the same commit.
func notificationsOf(gen uint64, hook string) pailevent.Config {
	if hook == "" {
		return pailevent.Config{}
	}
	service := []pailevent.Service{pailevent.Queue, pailevent.Topic, pailevent.Function}[gen%3]
	arn := pailevent.ARN{Region: "us-east-1", Account: store.Account, Name: hook}
	return pailevent.Config{Targets: []pailevent.Target{{
		ID: metaOf(gen), Service: service, ARN: arn.Of(service), Events: []string{pailevent.CreatedComplete, "s3:ObjectTagging:*"},
	}}}
}

// brief is a configuration as it is compared and told of.
func brief(config any) string {
	text, err := json.Marshal(config)
	if err != nil {
		panic(err)
	}
	const most = 200
	if len(text) <= most {
		return string(text)
	}
	return fmt.Sprintf("%s... (%d bytes, sum %x)", text[:most], len(text), xxhash.Sum64(text))
}

// applyConfig makes an act on a configuration of a bucket happen.
func (m *model) applyConfig(b *bucket, a act) {
	switch a.Op {
	case opCORS:
		b.configs[kindCORS] = brief(corsOf(a.Gen))
	case opNoCORS:
		delete(b.configs, kindCORS)
	case opWebsite:
		b.configs[kindWebsite] = brief(websiteOf(a.Gen))
	case opNoWebsite:
		delete(b.configs, kindWebsite)
	case opLifecycle:
		b.configs[kindLifecycle] = brief(lifecycleOf(a.Gen))
	case opNoLifecycle:
		delete(b.configs, kindLifecycle)
	case opPolicy:
		b.configs[kindPolicy] = brief(policyOf(a.Bucket, a.Gen))
	case opNoPolicy:
		delete(b.configs, kindPolicy)
	case opBlock:
		b.configs[kindBlock] = brief(blockOf(a.Gen))
	case opNoBlock:
		b.configs[kindBlock] = notThere
	case opOwnership:
		b.configs[kindOwnership] = brief(ownershipOf(a.Gen))
		if ownershipOf(a.Gen) == store.OwnerEnforced {
			delete(b.configs, kindOwnership)
		}
	case opNoOwnership:
		b.configs[kindOwnership] = notThere
	case opACL:
		b.configs[kindACL] = "log-delivery-write"
	case opNoACL:
		delete(b.configs, kindACL)
	case opQuota:
		b.configs[kindQuota] = brief(quotaOf(a.Gen))
	case opNoQuota:
		delete(b.configs, kindQuota)
	case opLock:
		b.configs[kindLock] = "on"
	case opNotify:
		if b.tells = a.Key; a.Key == "" {
			delete(b.configs, kindNotifications)
			return
		}
		b.configs[kindNotifications] = brief(notificationsOf(a.Gen, a.Key))
		m.tell(b) // a test event
	}
}

// tell puts an event into the queue of the webhook that is told of what happens in a bucket.
func (m *model) tell(b *bucket) {
	if b.tells != "" {
		h := m.account.hooks[b.tells]
		h.waiting++
		m.account.hooks[b.tells] = h
	}
}

// applyAccount makes an act on what belongs to no bucket happen.
func (m *model) applyAccount(a act) {
	keys, hooks := m.account.keys, m.account.hooks
	switch a.Op {
	case opAccessKey:
		keys[a.Key] = accessKey{secret: secretOf(a.Gen)}
	case opRootKey:
		maps.DeleteFunc(keys, func(_ string, k accessKey) bool { return k.root })
		keys[a.Key] = accessKey{secret: secretOf(a.Gen), root: true}
	case opKeyActive:
		k := keys[a.Key]
		k.inactive = !a.Keep
		keys[a.Key] = k
	case opDropKey:
		delete(keys, a.Key)
	case opUser, opTagUser:
		m.account.users[a.Key] = metaOf(a.Gen)
	case opDropUser:
		delete(m.account.users, a.Key)
	case opHook:
		hooks[a.Key] = webhook{url: hookURL(a.Gen)}
	case opUnhook:
		delete(hooks, a.Key)
	}
}

// of is the part of an account that a worker has.
func (c account) of(worker int) account {
	out := newAccount()
	for id, k := range c.keys {
		if strings.HasPrefix(id, ownName(worker)) {
			out.keys[id] = k
		}
	}
	for name, tag := range c.users {
		if strings.HasPrefix(name, ownName(worker)) {
			out.users[name] = tag
		}
	}
	for name, h := range c.hooks {
		if strings.HasPrefix(name, ownName(worker)) {
			out.hooks[name] = h
		}
	}
	return out
}

// same says why an account that was found is not c.
func (c account) same(found account) error {
	switch {
	case !maps.Equal(c.keys, found.keys):
		return fmt.Errorf("access keys are %+v instead of %+v", found.keys, c.keys)
	case !maps.Equal(c.users, found.users):
		return fmt.Errorf("users are %+v instead of %+v", found.users, c.users)
	case !maps.Equal(c.hooks, found.hooks):
		return fmt.Errorf("webhooks are %+v instead of %+v", found.hooks, c.hooks)
	}
	return nil
}

// sameConfigs says why configurations that were found are not those of b.
func (b *bucket) sameConfigs(found map[string]string) error {
	for _, kind := range []string{kindCORS, kindWebsite, kindLifecycle, kindNotifications, kindPolicy, kindBlock, kindOwnership, kindACL, kindQuota, kindLock} {
		if found[kind] != b.configs[kind] {
			return fmt.Errorf("%s: found %q instead of %q", kind, found[kind], b.configs[kind])
		}
	}
	return nil
}
