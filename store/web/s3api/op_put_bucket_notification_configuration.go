package s3api

import (
	"encoding/xml"
	"net/http"

	"pail/store/event"
)

// A notificationConfiguration is the body of PutBucketNotificationConfiguration.
type notificationConfiguration struct {
	XMLName     xml.Name             `xml:"NotificationConfiguration"`
	Topics      []notificationTarget `xml:"TopicConfiguration"`
	Queues      []notificationTarget `xml:"QueueConfiguration"`
	Functions   []notificationTarget `xml:"CloudFunctionConfiguration"`
	EventBridge *struct{}            `xml:"EventBridgeConfiguration"`
}

// putBucketNotification answers PUT /BUCKET?notification
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html).
func (c *call) putBucketNotification() error {
	var body notificationConfiguration
	if err := c.readXML(&body, largeBody); err != nil {
		return err
	}
	conf := event.Config{EventBridge: body.EventBridge != nil}
	for _, t := range body.Topics {
		conf.Targets = append(conf.Targets, t.target(event.Topic, t.Topic))
	}
	for _, t := range body.Queues {
		conf.Targets = append(conf.Targets, t.target(event.Queue, t.Queue))
	}
	for _, t := range body.Functions {
		conf.Targets = append(conf.Targets, t.target(event.Function, t.Function))
	}
	if err := c.s.SetNotifications(c.ctx, c.bucket, conf); err != nil {
		return err
	}
	return c.empty(http.StatusOK)
}

type notificationTarget struct {
	ID       string `xml:"Id"`
	Topic    string
	Queue    string
	Function string   `xml:"CloudFunction"`
	Events   []string `xml:"Event"`
	Filter   *struct {
		Key struct {
			Rules []struct{ Name, Value string } `xml:"FilterRule"`
		} `xml:"S3Key"`
	}
}

func (t notificationTarget) target(s event.Service, arn string) event.Target {
	out := event.Target{ID: t.ID, Service: s, ARN: arn, Events: t.Events}
	if t.Filter != nil {
		for _, r := range t.Filter.Key.Rules {
			out.Filters = append(out.Filters, event.Filter{Name: r.Name, Value: r.Value})
		}
	}
	return out
}
