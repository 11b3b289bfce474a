package kmsapi

import (
	"pail/store/kms"
)

func enableKeyRotation(c *call, in struct {
	KeyId                string
	RotationPeriodInDays *int
}) (any, error) {
	return nil, c.s.KMSEnableKeyRotation(c.ctx, in.KeyId, number(in.RotationPeriodInDays))
}

func disableKeyRotation(c *call, in keyIn) (any, error) {
	return nil, c.s.KMSDisableKeyRotation(c.ctx, in.KeyId)
}

func getKeyRotationStatus(c *call, in keyIn) (any, error) {
	k, err := c.s.KMSGetKeyRotationStatus(c.ctx, in.KeyId)
	if err != nil {
		return nil, err
	}
	out := struct {
		KeyId                string
		KeyRotationEnabled   bool
		RotationPeriodInDays int    `json:",omitempty"`
		NextRotationDate     *epoch `json:",omitempty"`
	}{KeyId: k.ARN()}
	if k.Rotation.On && k.State != kms.PendingDeletion {
		out.KeyRotationEnabled, out.RotationPeriodInDays, out.NextRotationDate = true, k.Rotation.Days, some(k.Rotation.Next)
	}
	return out, nil
}

func rotateKeyOnDemand(c *call, in keyIn) (any, error) {
	k, err := c.s.KMSRotateKeyOnDemand(c.ctx, in.KeyId)
	if err != nil {
		return nil, err
	}
	return map[string]any{"KeyId": k.ARN()}, nil
}

type rotation struct {
	KeyId            string
	KeyMaterialId    string
	KeyMaterialState string
	RotationDate     *epoch `json:",omitempty"`
	RotationType     string `json:",omitempty"`
}

func listKeyRotations(c *call, in struct {
	KeyId              string
	IncludeKeyMaterial string
	page
}) (any, error) {
	switch in.IncludeKeyMaterial {
	case "", "ROTATIONS_ONLY", "ALL_KEY_MATERIAL":
	default:
		return nil, &failure{400, "ValidationException", "1 validation error detected: Value '" + in.IncludeKeyMaterial + "' at 'includeKeyMaterial' failed to satisfy constraint: Member must satisfy enum value set: [ALL_KEY_MATERIAL, ROTATIONS_ONLY]"}
	}
	k, l, err := c.s.KMSListKeyRotations(c.ctx, in.KeyId, in.IncludeKeyMaterial == "ALL_KEY_MATERIAL", in.of())
	if err != nil {
		return nil, err
	}
	out := struct {
		Rotations []rotation
		ending
	}{[]rotation{}, ends(l.Marker)}
	for _, m := range l.Items {
		r := rotation{KeyId: k.ARN(), KeyMaterialId: m.ID, KeyMaterialState: "NON_CURRENT"}
		if m.Number == k.Current().Number {
			r.KeyMaterialState = "CURRENT"
		}
		switch m.Cause {
		case kms.Automatic:
			r.RotationDate, r.RotationType = some(m.Created), "AUTOMATIC"
		case kms.OnDemand:
			r.RotationDate, r.RotationType = some(m.Created), "ON_DEMAND"
		}
		out.Rotations = append(out.Rotations, r)
	}
	return out, nil
}
