package control

import (
	"context"
	"encoding/json"
	"time"

	"pail/store"
	"pail/store/fault"
)

// A call is one request being answered.
type call struct {
	store   *store.Store
	mounts  Mounter // nil when this process serves no mounts
	cuts    *cuts
	release string
	peer    Peer
	body    json.RawMessage
	out     *frameWriter
}

// session is the store as the caller sees it: as its owner, since only the owner
// of the process and root get here.
func (c *call) session() *store.Session {
	return c.sessionOf("")
}

// sessionOf is the store as the root of an account sees it; "" is the store's own.
func (c *call) sessionOf(account string) *store.Session {
	if account == "" {
		account = store.Account
	}
	return c.store.As(store.RootPrincipal(account), store.RequestContext{
		Door: store.DoorControl, UID: c.peer.UID, GID: c.peer.GID, Time: time.Now(),
	})
}

// sessionIn is sessionOf of an account by its number, its name or its alias.
func (c *call) sessionIn(in InAccount) (*store.Session, error) {
	if in.Account == "" {
		return c.session(), nil
	}
	a, err := c.store.FindAccount(in.Account)
	if err != nil {
		return nil, err
	}
	return c.sessionOf(a.ID), nil
}

// An operation answers one kind of request.
type operation func(context.Context, *call) error

// asking makes an operation of a function that takes the decoded request.
func asking[Req any](fn func(context.Context, *call, Req) error) operation {
	return func(ctx context.Context, c *call) error {
		var req Req
		if err := json.Unmarshal(c.body, &req); err != nil {
			return fault.Wrap(fault.InvalidRequest, err, "the request makes no sense")
		}
		return fn(ctx, c, req)
	}
}

// The names of the operations.
const (
	opBuckets            = "buckets"
	opCreateBucket       = "create-bucket"
	opBucket             = "bucket"
	opDeleteBucket       = "delete-bucket"
	opSetVersioning      = "set-versioning"
	opLock               = "object-lock"
	opQuota              = "quota"
	opLogging            = "logging"
	opList               = "list"
	opListVersions       = "list-versions"
	opVersions           = "versions"
	opStat               = "stat"
	opListAt             = "list-at" // as without, at a time: names of their own, for older daemons
	opVersionsAt         = "versions-at"
	opStatAt             = "stat-at"
	opRestore            = "restore"
	opRestoreAt          = "restore-at"
	opLog                = "log"
	opFollowLog          = "follow-log"
	opDelete             = "delete"
	opTags               = "tags"
	opChangeTags         = "change-tags"
	opSettings           = "settings"
	opSetSetting         = "set-setting"
	opAccessKeys         = "access-keys"
	opCreateKey          = "create-access-key"
	opSetKey             = "set-access-key"
	opDeleteKey          = "delete-access-key"
	opAccounts           = "accounts"
	opCreateAccount      = "create-account"
	opDeleteAccount      = "delete-account"
	opAccessPoints       = "access-points"
	opCreateAccessPoint  = "create-access-point"
	opAccessPoint        = "access-point"
	opDeleteAccessPoint  = "delete-access-point"
	opPointPolicy        = "access-point-policy"
	opPutPointPolicy     = "put-access-point-policy"
	opDeletePointPolicy  = "delete-access-point-policy"
	opAccountBlock       = "account-public-access-block"
	opPutAccountBlock    = "put-account-public-access-block"
	opDeleteAccountBlock = "delete-account-public-access-block"
	opIdentities         = "identities"
	opIdentity           = "identity"
	opCreateIdentity     = "create-identity"
	opDeleteIdentity     = "delete-identity"
	opAttachPolicy       = "attach-policy"
	opPutInline          = "put-inline-policy"
	opSetText            = "set-policy-text"
	opChangeMember       = "change-member"
	opSetBoundary        = "set-boundary"
	opAddDevice          = "add-mfa"
	opEnableDevice       = "enable-mfa"
	opDevices            = "mfa"
	opRemoveDevice       = "remove-mfa"
	opExplain            = "explain"
	opWebhooks           = "webhooks"
	opAddWebhook         = "add-webhook"
	opRemoveWebhook      = "remove-webhook"
	opTrail              = "trail"
	opEnableTrail        = "enable-trail"
	opSelectTrail        = "select-trail"
	opDisableTrail       = "disable-trail"
	opDeliverTrail       = "deliver-trail"
	opVerifyTrail        = "verify-trail"
	opLifecycle          = "run-lifecycles"
	opStatus             = "status"
	opFsck               = "fsck"
	opScrub              = "scrub"
	opEncrypt            = "encrypt"
	opCancelEncrypt      = "cancel-encrypt"
	opBackup             = "backup"
	opBackupContent      = "backup-content"
	opRead               = "read"
	opPresign            = "presign"
	opMount              = "mount"
	opServe              = "serve"    // a mount with an S3 door, or that alone: older daemons know neither
	opMountAs            = "mount-as" // for other identities than the owner's: older daemons do not know it
	opEndService         = "end-service"
	opStop               = "stop"
	opUnmount            = "unmount"
)

func operations() map[string]operation {
	return map[string]operation{
		opBuckets:            buckets,
		opCreateBucket:       asking(createBucket),
		opBucket:             asking(bucketInfo),
		opDeleteBucket:       asking(deleteBucket),
		opSetVersioning:      asking(setVersioning),
		opLock:               asking(lock),
		opQuota:              asking(quota),
		opLogging:            asking(logging),
		opList:               asking(list),
		opListVersions:       asking(listVersions),
		opVersions:           asking(versions),
		opStat:               asking(stat),
		opListAt:             asking(list),
		opVersionsAt:         asking(versions),
		opStatAt:             asking(stat),
		opRestore:            asking(restore),
		opRestoreAt:          asking(restoreAt),
		opLog:                asking(logOf),
		opFollowLog:          asking(followLog),
		opDelete:             asking(deleteObject),
		opTags:               asking(tags),
		opChangeTags:         asking(changeTags),
		opSettings:           asking(settings),
		opSetSetting:         asking(setSetting),
		opAccessKeys:         asking(accessKeys),
		opCreateKey:          asking(createAccessKey),
		opSetKey:             asking(setAccessKey),
		opDeleteKey:          asking(deleteAccessKey),
		opAccounts:           accounts,
		opCreateAccount:      asking(createAccount),
		opDeleteAccount:      asking(deleteAccount),
		opAccessPoints:       asking(accessPoints),
		opCreateAccessPoint:  asking(createAccessPoint),
		opAccessPoint:        asking(getAccessPoint),
		opDeleteAccessPoint:  asking(deleteAccessPoint),
		opPointPolicy:        asking(accessPointPolicy),
		opPutPointPolicy:     asking(putAccessPointPolicy),
		opDeletePointPolicy:  asking(deleteAccessPointPolicy),
		opAccountBlock:       asking(accountBlock),
		opPutAccountBlock:    asking(putAccountBlock),
		opDeleteAccountBlock: asking(deleteAccountBlock),
		opIdentities:         asking(identities),
		opIdentity:           asking(showIdentity),
		opCreateIdentity:     asking(createIdentity),
		opDeleteIdentity:     asking(deleteIdentity),
		opAttachPolicy:       asking(attachPolicy),
		opPutInline:          asking(putInline),
		opSetText:            asking(setText),
		opChangeMember:       asking(changeMember),
		opSetBoundary:        asking(setBoundary),
		opAddDevice:          asking(addDevice),
		opEnableDevice:       asking(enableDevice),
		opDevices:            asking(devices),
		opRemoveDevice:       asking(removeDevice),
		opExplain:            asking(explain),
		opWebhooks:           webhooks,
		opAddWebhook:         asking(addWebhook),
		opRemoveWebhook:      asking(removeWebhook),
		opTrail:              getTrail,
		opEnableTrail:        asking(enableTrail),
		opSelectTrail:        asking(selectTrail),
		opDisableTrail:       disableTrail,
		opDeliverTrail:       deliverTrail,
		opVerifyTrail:        verifyTrail,
		opLifecycle:          runLifecycles,
		opStatus:             status,
		opFsck:               asking(fsck),
		opScrub:              asking(scrub),
		opEncrypt:            asking(encrypt),
		opCancelEncrypt:      asking(cancelEncrypt),
		opPresign:            asking(presign),
		opMount:              asking(mount),
		opServe:              asking(mount),
		opMountAs:            asking(mount),
		opEndService:         asking(endService),
		opStop:               stop,
		opUnmount:            asking(unmount),

		opKMSKeys:             asking(kmsKeys),
		opKMSKey:              asking(kmsKeyInfo),
		opCreateKMSKey:        asking(createKMSKey),
		opSetKMSAlias:         asking(setKMSAlias),
		opDeleteKMSAlias:      asking(deleteKMSAlias),
		opEnableKMSKey:        onKey(enableKMSKey),
		opDisableKMSKey:       onKey(disableKMSKey),
		opRotateKMSKey:        onKey(rotateKMSKey),
		opSetKMSRotation:      asking(setKMSRotation),
		opEndKMSRotation:      onKey(endKMSRotation),
		opScheduleKMSDeletion: asking(scheduleKMSDeletion),
		opCancelKMSDeletion:   onKey(cancelKMSDeletion),
		opPutKMSPolicy:        asking(putKMSPolicy),
		opCreateKMSGrant:      asking(createKMSGrant),
		opRevokeKMSGrant:      asking(revokeKMSGrant),
		opAddKMSService:       asking(addKMSService),
		opKMSServices:         asking(kmsServices),
		opDeleteKMSService:    asking(deleteKMSService),
	}
}
