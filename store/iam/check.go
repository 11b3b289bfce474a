package iam

import (
	"strings"
)

// CheckItem says what is wrong with an item that was read, as nobody could have made it; ""
// if nothing is. Whether its policies can be enforced it does not say.
func CheckItem(it Item) string {
	switch it := it.(type) {
	case *Account:
		if !isAccountID(it.ID) || it.Name == "" {
			return "it is no account that anybody could make"
		}
		return ""
	case *User:
		return it.check(userID, "userName", maxUserName)
	case *Group:
		return it.check(groupID, "groupName", maxGroupName)
	case *Role:
		if it.Trust == "" || it.MaxSession <= 0 {
			return "it does not say who may assume it for how long"
		}
		return it.check(roleID, "roleName", maxRoleName)
	case *Policy:
		if it.Version(it.Default) == nil || it.Next <= it.Default {
			return "it has not the version that is in force"
		}
		return it.check(policyID, "policyName", maxPolicyName)
	case *Device:
		if !isAccountID(it.Account) || !strings.HasPrefix(it.Serial, "arn:aws:iam::"+it.Account+":mfa/") || len(it.Seed) < minSeed {
			return "it is no MFA device that anybody could make"
		}
		return ""
	}
	return "it is of no kind that is known"
}

func (e *Entity) check(prefix, field string, most int) string {
	if !isAccountID(e.Account) || !strings.HasPrefix(e.ID, prefix) {
		return "it does not say whose it is"
	}
	if err := checkName(field, e.Name, most); err != nil {
		return err.Error()
	}
	if _, err := checkPath(e.Path); err != nil || e.Path == "" {
		return "it has no path"
	}
	if _, err := newTags(e.Tags); err != nil {
		return err.Error()
	}
	return ""
}

// AccountOf is the account of an item.
func AccountOf(it Item) string { return it.home() }

// A Dangling is what an item refers to and what there is not.
type Dangling struct{ What, Name string }

// Dangling says what an item refers to and what there is not.
func (d *Directory) Dangling(it Item) (list []Dangling) {
	var h *Holder
	switch it := it.(type) {
	case *User:
		h = &it.Holder
		for _, id := range it.Groups {
			if d.realm(it.Account).groups.byID[id] == nil {
				list = append(list, Dangling{"the group", id})
			}
		}
	case *Group:
		h = &it.Holder
	case *Role:
		h = &it.Holder
	case *Device:
		if it.Holder != "" && it.Holder != it.Account && d.UserByID(it.Account, it.Holder) == nil {
			list = append(list, Dangling{"the holder", it.Holder})
		}
	}
	if h == nil {
		return list
	}
	for _, arn := range h.Attached {
		if d.Policy(h.Account, arn) == nil {
			list = append(list, Dangling{"the policy", arn})
		}
	}
	if h.Boundary != "" && d.Policy(h.Account, h.Boundary) == nil {
		list = append(list, Dangling{"the boundary", h.Boundary})
	}
	return list
}
