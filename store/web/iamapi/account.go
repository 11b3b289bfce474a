package iamapi

import (
	"maps"
	"slices"

	"pail/store/web/query"
)

func createAccountAlias(c *query.Call) error {
	return c.S.CreateAccountAlias(c.Ctx, c.Get("AccountAlias"))
}

func deleteAccountAlias(c *query.Call) error {
	return c.S.DeleteAccountAlias(c.Ctx, c.Get("AccountAlias"))
}

func listAccountAliases(c *query.Call) error {
	if _, err := page(c); err != nil {
		return err
	}
	alias, err := c.S.AccountAlias(c.Ctx)
	if err != nil {
		return err
	}
	var all []string
	if alias != "" {
		all = append(all, alias)
	}
	c.Names("AccountAliases", all)
	c.Ends("")
	return nil
}

func getAccountSummary(c *query.Call) error {
	all, err := c.S.GetAccountSummary(c.Ctx)
	if err != nil {
		return err
	}
	c.In("SummaryMap", func() {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			c.In("entry", func() {
				c.Text("key", name)
				c.Number("value", int64(all[name]))
			})
		}
	})
	return nil
}
