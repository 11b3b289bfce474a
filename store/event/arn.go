package event

import (
	"strings"

	"pail/store/fault"
)

// An ARN is what names a destination.
type ARN struct {
	Region, Account, Name string
}

// services are the names of services in ARNs, what stands before a destination's name, and
// the element that holds the ARN in a configuration.
var services = [...]struct{ name, before, element string }{
	Topic: {"sns", "", "Topic"}, Queue: {"sqs", "", "Queue"}, Function: {"lambda", "function:", "CloudFunction"},
}

// Of returns how a destination is named as one of a service.
func (a ARN) Of(s Service) string {
	return "arn:aws:" + services[s].name + ":" + a.Region + ":" + a.Account + ":" + services[s].before + a.Name
}

// ParseARN takes an ARN apart that names a destination of a service. The kinds of failure:
// InvalidArgument.
func ParseARN(s Service, arn string) (ARN, error) {
	if s < Topic || s > Function {
		return ARN{}, fault.New(fault.InvalidArgument, "The notification destination service is not valid")
	}
	want := services[s]
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return ARN{}, fault.New(fault.InvalidArgument, "The ARN could not be parsed").With("ArgumentName", want.element).With("ArgumentValue", arn)
	}
	name, ok := strings.CutPrefix(parts[5], want.before)
	if parts[1] != "aws" || parts[2] != want.name || !ok || CheckName(name) != nil {
		return ARN{}, fault.New(fault.InvalidArgument, "The ARN %q is not one of a destination of the service %s", arn, want.name)
	}
	return ARN{Region: parts[3], Account: parts[4], Name: name}, nil
}

// maxName is the greatest length of a destination's name, which is that of a queue.
const maxName = 80

// CheckName refuses what no destination is called: as queues, 1 to 80 letters, digits,
// hyphens and underscores. The kinds of failure: InvalidArgument.
func CheckName(name string) error {
	ok := len(name) > 0 && len(name) <= maxName
	for _, c := range []byte(name) {
		ok = ok && (c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
	}
	if !ok {
		return fault.New(fault.InvalidArgument, "%q cannot name a webhook; it must be 1 to %d letters, digits, hyphens and underscores", name, maxName)
	}
	return nil
}
