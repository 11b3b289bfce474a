package access

// Denial is the sentence with which AWS tells a caller what it may not do and why
// ("Troubleshoot access denied error messages" of the IAM User Guide). The door decides
// whether to say it: to other accounts AWS says no more than "Access Denied".
func (d Decision) Denial(r *Request) string {
	who := r.Principal.ARN
	switch {
	case r.Principal.Kind == Service:
		who = r.Principal.Service
	case who == "":
		who = "anonymous"
	}
	text := "User: " + who + " is not authorized to perform: " + r.Action
	if r.Resource.ARN != "" && r.Resource.ARN != "*" {
		text += ` on resource: "` + r.Resource.ARN + `"`
	}
	if d.Step == ExplicitDeny {
		return text + " with an explicit deny in " + article(d.Policy.Kind.family())
	}
	switch d.Step {
	case PublicRestricted:
		return text + " because public access is prevented by the RestrictPublicBuckets setting in S3 Block Public Access"
	case WrongNetwork:
		return text + " because the access point is for another network"
	case OwnersOnly:
		return text + " because only the account that owns the bucket may do so"
	}
	return text + " because no " + d.silent(r) + " allows the " + r.Action + " action"
}

// silent names the kind of policy that should have allowed.
func (d Decision) silent(r *Request) string {
	switch {
	case d.Step == BoundarySilent:
		return Boundary.family()
	case d.Step == SessionSilent:
		return SessionPolicy.family()
	case d.Step == ResourceSilent || d.Step == PointSilent || r.Principal.Account.ID == "":
		if r.Resource.Policy != nil && r.Resource.Policy.Kind == TrustPolicy {
			return TrustPolicy.family()
		}
		return BucketPolicy.family()
	}
	return ManagedPolicy.family()
}

// family is what AWS calls the kind in such a sentence.
func (k Kind) family() string {
	switch k {
	case Boundary:
		return "permissions boundary"
	case SessionPolicy:
		return "session policy"
	case TrustPolicy:
		return "role trust policy"
	case BucketPolicy, AccessPointPolicy, KeyPolicy:
		return "resource-based policy"
	}
	return "identity-based policy"
}

func article(noun string) string {
	if noun[0] == 'i' {
		return "an " + noun
	}
	return "a " + noun
}
