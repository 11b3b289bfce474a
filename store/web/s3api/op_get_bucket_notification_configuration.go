package s3api

import "pail/store/event"

// getBucketNotification answers GET /BUCKET?notification
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html).
func (c *call) getBucketNotification() error {
	conf, err := c.s.Notifications(c.ctx, c.bucket)
	if err != nil {
		return err
	}
	x := newXML("NotificationConfiguration")
	for _, t := range conf.Targets {
		x.target(t)
	}
	return c.xml(x, "NotificationConfiguration")
}

// targetElements are the names of the elements of each service's targets.
var targetElements = map[event.Service]struct{ target, arn string }{
	event.Topic:    {"TopicConfiguration", "Topic"},
	event.Queue:    {"QueueConfiguration", "Queue"},
	event.Function: {"CloudFunctionConfiguration", "CloudFunction"},
}

func (w *xmlWriter) target(t event.Target) {
	e := targetElements[t.Service]
	w.open(e.target)
	w.text("Id", t.ID)
	w.text(e.arn, t.ARN)
	w.each("Event", t.Events)
	if len(t.Filters) > 0 {
		w.open("Filter")
		w.open("S3Key")
		for _, f := range t.Filters {
			w.open("FilterRule")
			w.text("Name", f.Name)
			w.text("Value", f.Value)
			w.close("FilterRule")
		}
		w.close("S3Key")
		w.close("Filter")
	}
	w.close(e.target)
}
