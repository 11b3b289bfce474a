package control

import (
	"testing"

	"pail/store"
	"pail/store/trail"
)

// Commands have the names that whoever reads a trail looks for.
func TestCommandsHaveAWSsNames(t *testing.T) {
	kind := func(kind string, more ...any) map[string]any {
		asked := map[string]any{"kind": kind}
		for i := 0; i < len(more); i += 2 {
			asked[more[i].(string)] = more[i+1]
		}
		return asked
	}
	for _, c := range []struct {
		op     string
		asked  map[string]any
		source string
		want   string
	}{
		{opCreateIdentity, kind("user"), trail.SourceIAM, "CreateUser"},
		{opDeleteIdentity, kind("role"), trail.SourceIAM, "DeleteRole"},
		{opIdentities, kind("policy"), trail.SourceIAM, "ListPolicies"},
		{opIdentities, kind("group"), trail.SourceIAM, "ListGroups"},
		{opIdentity, kind("policy"), trail.SourceIAM, "GetPolicy"},
		{opAttachPolicy, kind("user"), trail.SourceIAM, "AttachUserPolicy"},
		{opAttachPolicy, kind("group", "detach", true), trail.SourceIAM, "DetachGroupPolicy"},
		{opPutInline, kind("role", "text", "{}"), trail.SourceIAM, "PutRolePolicy"},
		{opPutInline, kind("user"), trail.SourceIAM, "DeleteUserPolicy"},
		{opSetText, kind("role", "text", "{}"), trail.SourceIAM, "UpdateAssumeRolePolicy"},
		{opSetText, kind("policy", "text", "{}"), trail.SourceIAM, "CreatePolicyVersion"},
		{opSetBoundary, kind("user", "policy", "p"), trail.SourceIAM, "PutUserPermissionsBoundary"},
		{opSetBoundary, kind("role"), trail.SourceIAM, "DeleteRolePermissionsBoundary"},
		{opChangeMember, map[string]any{}, trail.SourceIAM, "AddUserToGroup"},
		{opChangeMember, map[string]any{"remove": true}, trail.SourceIAM, "RemoveUserFromGroup"},
		{opAddDevice, nil, trail.SourceIAM, "CreateVirtualMFADevice"},
		{opEnableDevice, nil, trail.SourceIAM, "EnableMFADevice"},
		{opRemoveDevice, nil, trail.SourceIAM, "DeleteVirtualMFADevice"},
		{opExplain, nil, trail.SourceIAM, "SimulatePrincipalPolicy"},
		{opCreateKey, nil, trail.SourceIAM, "CreateAccessKey"},
		{opLock, map[string]any{"set": true}, "", "PutObjectLockConfiguration"},
		{opLock, nil, "", "GetObjectLockConfiguration"},
		{opSetVersioning, nil, "", "PutBucketVersioning"},
		{opQuota, nil, trail.SourcePail, "Quota"},
		{opSetKMSAlias, nil, trail.SourceKMS, "UpdateAlias"},
		{opScheduleKMSDeletion, nil, trail.SourceKMS, "ScheduleKeyDeletion"},
		{opAddWebhook, nil, trail.SourcePail, "AddWebhook"},
		{opCreateIdentity, kind("nothing"), trail.SourcePail, "CreateIdentity"}, // it is refused
	} {
		if got := auditedAs(c.op, c.asked); got != (store.Operation{Name: c.want, Source: c.source}) {
			t.Errorf("%s of %v is told as %+v, want %s of %q", c.op, c.asked, got, c.want, c.source)
		}
	}
	got := identityParameters(opPutInline, kind("role", "name", "r", "policy", "p", "text", "{}"))
	if got["roleName"] != "r" || got["policyName"] != "p" || got["policyDocument"] != "{}" || len(got) != 3 {
		t.Errorf("%v", got)
	}
}
