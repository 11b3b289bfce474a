package query

import "pail/store/iam"

// Tags are the tags that a request gives, in the list Tags.
func Tags(c *Call) ([]iam.Tag, error) {
	members, err := c.Members("Tags")
	var tags []iam.Tag
	for _, m := range members {
		key, hasKey := m.Lookup("Key")
		value, hasValue := m.Lookup("Value")
		if !hasKey || !hasValue {
			return nil, Invalid("each member of tags must have a Key and a Value")
		}
		tags = append(tags, iam.Tag{Key: key, Value: value})
	}
	return tags, err
}
