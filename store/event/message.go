package event

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// The types of event that happen here.
const (
	CreatedPut      = "s3:ObjectCreated:Put"
	CreatedPost     = "s3:ObjectCreated:Post"
	CreatedCopy     = "s3:ObjectCreated:Copy"
	CreatedComplete = "s3:ObjectCreated:CompleteMultipartUpload"
	RemovedDelete   = "s3:ObjectRemoved:Delete"
	RemovedMarker   = "s3:ObjectRemoved:DeleteMarkerCreated"
	TaggingPut      = "s3:ObjectTagging:Put"
	TaggingDelete   = "s3:ObjectTagging:Delete"
	ExpiredDelete   = "s3:LifecycleExpiration:Delete"
	ExpiredMarker   = "s3:LifecycleExpiration:DeleteMarkerCreated"
	// Test is what a destination is sent when a configuration names it.
	Test = "s3:TestEvent"
)

// types are all event types that a configuration may ask for ("Supported event types" in the
// User Guide).
var types = [...]string{
	"s3:ObjectCreated:*", CreatedPut, CreatedPost, CreatedCopy, CreatedComplete,
	"s3:ObjectRemoved:*", RemovedDelete, RemovedMarker,
	"s3:ObjectTagging:*", TaggingPut, TaggingDelete,
	"s3:LifecycleExpiration:*", ExpiredDelete, ExpiredMarker,
	"s3:ObjectRestore:*", "s3:ObjectRestore:Post", "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete",
	"s3:Replication:*", "s3:Replication:OperationFailedReplication", "s3:Replication:OperationMissedThreshold",
	"s3:Replication:OperationReplicatedAfterThreshold", "s3:Replication:OperationNotTracked",
	"s3:ReducedRedundancyLostObject", "s3:LifecycleTransition", "s3:IntelligentTiering", "s3:ObjectAcl:Put",
}

// An Event is what a destination is told.
type Event struct {
	Type      string
	Time      time.Time
	Region    string
	Bucket    string
	Owner     string // the account of the bucket's owner
	Key       string
	VersionID string // "" where the bucket keeps no history
	ETag      string
	Size      int64 // bytes; of objects that were created
	Seq       uint64
	Index     uint32 // among the events of the commit Seq
	Principal string // who did it
	SourceIP  string
	RequestID string
	HostID    string
	ConfigID  string
}

type (
	jsonMessage struct {
		Records []jsonRecord `json:"Records"`
	}
	jsonIdentity struct {
		PrincipalID string `json:"principalId"`
	}
	jsonRecord struct {
		EventVersion      string            `json:"eventVersion"`
		EventSource       string            `json:"eventSource"`
		AWSRegion         string            `json:"awsRegion"`
		EventTime         string            `json:"eventTime"`
		EventName         string            `json:"eventName"`
		UserIdentity      jsonIdentity      `json:"userIdentity"`
		RequestParameters map[string]string `json:"requestParameters"`
		ResponseElements  map[string]string `json:"responseElements"`
		S3                jsonS3            `json:"s3"`
	}
	jsonS3 struct {
		SchemaVersion   string     `json:"s3SchemaVersion"`
		ConfigurationID string     `json:"configurationId"`
		Bucket          jsonBucket `json:"bucket"`
		Object          jsonObject `json:"object"`
	}
	jsonBucket struct {
		Name  string       `json:"name"`
		Owner jsonIdentity `json:"ownerIdentity"`
		ARN   string       `json:"arn"`
	}
	jsonObject struct {
		Key       string `json:"key"`
		Size      *int64 `json:"size,omitempty"`
		ETag      string `json:"eTag,omitempty"`
		VersionID string `json:"versionId,omitempty"`
		Sequencer string `json:"sequencer,omitempty"`
	}
	jsonTest struct {
		Service   string `json:"Service"`
		Event     string `json:"Event"`
		Time      string `json:"Time"`
		Bucket    string `json:"Bucket"`
		RequestID string `json:"RequestId"`
		HostID    string `json:"HostId"`
	}
)

// timeFormat is ISO 8601 with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z"

// Message is the JSON that tells of the event.
func (e *Event) Message() ([]byte, error) {
	when := e.Time.UTC().Format(timeFormat)
	if e.Type == Test {
		return json.Marshal(jsonTest{"Amazon S3", Test, when, e.Bucket, e.RequestID, e.HostID})
	}
	// Versions 2.1 and 2.3 are of one structure; S3 says 2.3 for the younger types.
	version, created := "2.3", strings.HasPrefix(e.Type, "s3:ObjectCreated:")
	if created || strings.HasPrefix(e.Type, "s3:ObjectRemoved:") {
		version = "2.1"
	}
	o := jsonObject{Key: encodeKey(e.Key), VersionID: e.VersionID}
	if created || strings.HasPrefix(e.Type, "s3:ObjectTagging:") {
		o.ETag = e.ETag
	}
	if created {
		o.Size = &e.Size
	}
	if !strings.HasPrefix(e.Type, "s3:ObjectTagging:") {
		o.Sequencer = fmt.Sprintf("%016X%04X", e.Seq, e.Index)
	}
	return json.Marshal(jsonMessage{[]jsonRecord{{
		EventVersion: version, EventSource: "aws:s3", AWSRegion: e.Region, EventTime: when,
		EventName: strings.TrimPrefix(e.Type, "s3:"), UserIdentity: jsonIdentity{e.Principal},
		RequestParameters: map[string]string{"sourceIPAddress": e.SourceIP},
		ResponseElements:  map[string]string{"x-amz-request-id": e.RequestID, "x-amz-id-2": e.HostID},
		S3: jsonS3{
			SchemaVersion: "1.0", ConfigurationID: e.ConfigID,
			Bucket: jsonBucket{e.Bucket, jsonIdentity{e.Owner}, "arn:aws:s3:::" + e.Bucket}, Object: o,
		},
	}}})
}

// encodeKey writes a key as S3 does in messages: form-encoded but for its slashes.
func encodeKey(key string) string {
	return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
}
