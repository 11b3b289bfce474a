package kmsapi

import "pail/store/kms"

type aliasIn struct{ AliasName, TargetKeyId string }

func createAlias(c *call, in aliasIn) (any, error) {
	return nil, c.s.KMSCreateAlias(c.ctx, in.AliasName, in.TargetKeyId)
}

func updateAlias(c *call, in aliasIn) (any, error) {
	return nil, c.s.KMSUpdateAlias(c.ctx, in.AliasName, in.TargetKeyId)
}

func deleteAlias(c *call, in aliasIn) (any, error) {
	return nil, c.s.KMSDeleteAlias(c.ctx, in.AliasName)
}

type aliasEntry struct {
	AliasName, AliasArn, TargetKeyId string
	CreationDate, LastUpdatedDate    epoch
}

func entryOf(a *kms.Alias) aliasEntry {
	return aliasEntry{a.Name, a.ARN(), a.Target, epoch(a.Created), epoch(a.Updated)}
}

func listAliases(c *call, in struct {
	KeyId string
	page
}) (any, error) {
	l, err := c.s.KMSListAliases(c.ctx, in.KeyId, in.of())
	if err != nil {
		return nil, err
	}
	out := struct {
		Aliases []aliasEntry
		ending
	}{[]aliasEntry{}, ends(l.Marker)}
	for _, a := range l.Items {
		out.Aliases = append(out.Aliases, entryOf(a))
	}
	return out, nil
}
