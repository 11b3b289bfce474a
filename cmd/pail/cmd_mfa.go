package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/boombuler/barcode/qr"
	"github.com/spf13/cobra"

	"pail/store/fault"
	"pail/store/web/control"
)

func newMFACommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mfa",
		Short: "Add, list and remove MFA devices: apps that show a code of six digits",
		Long: `Add, list and remove virtual MFA devices (RFC 6238): apps that show another code of six
digits every half minute. Policies can ask for a session that was begun with one.`,
		RunE: runGroup,
		Args: cobra.ArbitraryArgs,
	}
	cmd.AddCommand(newMFAAddCommand(g), newMFAEnableCommand(g), newMFALsCommand(g), newMFARmCommand(g))
	return cmd
}

func newMFAAddCommand(g *globals) *cobra.Command {
	var req control.AddDeviceRequest
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Make an MFA device, show its secret as a QR code, this once, and enable it",
		Long: `Make an MFA device, show its secret, this once: as a QR code for an app that makes codes,
and as text. Then two codes that the app shows one after the other are asked for, and
with them the user has the device. With --json nothing is asked for: pail mfa enable
gives the device to its user.`,
		Example: "  pail mfa add phone --user alice",
		Args:    takes(1, 1),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name = args[0]
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				d, err := c.AddDevice(ctx, req)
				if err != nil {
					return err
				}
				if g.json {
					return printJSON(cmd.OutOrStdout(), d)
				}
				if err := showDevice(cmd.OutOrStdout(), d); err != nil {
					return err
				}
				return enableAsked(ctx, c, req, d, cmd.InOrStdin(), cmd.OutOrStdout())
			})
		},
	}
	mfaFlags(cmd, g, &req.InAccount, &req.User)
	return cmd
}

func mfaFlags(cmd *cobra.Command, g *globals, in *control.InAccount, user *string) {
	accountFlag(cmd, g, in)
	textVar(cmd.Flags(), user, "user", "`user` who has it (default the root of the account)")
	flagSuggests(cmd, "user", func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		return suggestions(cmd, g, identityNames(control.KindUser), args, word)
	})
}

func showDevice(out io.Writer, d control.Device) error {
	code, err := qr.Encode(d.URL, qr.M, qr.Auto)
	if err != nil {
		return fmt.Errorf("make a QR code: %w", err)
	}
	if o, ok := out.(*output); ok && o.terminal() {
		if _, err := io.WriteString(out, qrText(code.Bounds().Dx(), func(x, y int) bool {
			r, _, _, _ := code.At(x, y).RGBA()
			return r == 0
		})); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(out, "device: %s\nsecret: %s\nurl: %s\n\nKeep the secret, it is not shown again.\n", d.Serial, d.Seed, d.URL)
	return err
}

// qrText draws a QR code of n x n modules for a terminal, dark on light whatever its colours
// are, two modules in a character, with the quiet zone that readers need.
func qrText(n int, dark func(x, y int) bool) string {
	const quiet = 4
	at := func(x, y int) bool { return x >= 0 && y >= 0 && x < n && y < n && dark(x, y) }
	var b strings.Builder
	for y := -quiet; y < n+quiet; y += 2 {
		b.WriteString("\x1b[30;107m")
		for x := -quiet; x < n+quiet; x++ {
			switch top, bottom := at(x, y), at(x, y+1); {
			case top && bottom:
				b.WriteRune('█')
			case top:
				b.WriteRune('▀')
			case bottom:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String()
}

// enableAsked asks for two codes until they are right. If nobody gives them the device goes.
func enableAsked(ctx context.Context, c *control.Client, req control.AddDeviceRequest, d control.Device, in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	err := func() error {
		for {
			var codes [2]string
			for i, which := range []string{"A code that the app shows: ", "The next code: "} {
				if _, err := io.WriteString(out, which); err != nil {
					return err
				}
				line, err := lines.ReadString('\n')
				if err != nil && (line == "" || !errors.Is(err, io.EOF)) {
					return usagef("two codes of the device are needed: nothing was added")
				}
				codes[i] = strings.TrimSpace(line)
			}
			err := c.EnableDevice(ctx, control.EnableDeviceRequest{
				DeviceRequest: control.DeviceRequest{InAccount: req.InAccount, Serial: d.Serial}, User: req.User, Codes: codes,
			})
			if !fault.Is(err, fault.InvalidMFACode) && !fault.Is(err, fault.InvalidArgument) {
				return err
			}
			if _, err := fmt.Fprintln(out, sentence(err)); err != nil {
				return err
			}
		}
	}()
	if err != nil {
		rm := c.RemoveDevice(context.WithoutCancel(ctx), control.DeviceRequest{InAccount: req.InAccount, Serial: d.Serial})
		return errors.Join(err, rm)
	}
	_, err = fmt.Fprintf(out, "enabled %s\n", d.Serial)
	return err
}

func newMFAEnableCommand(g *globals) *cobra.Command {
	var req control.EnableDeviceRequest
	cmd := &cobra.Command{
		Use:   "enable SERIAL CODE CODE",
		Short: "Give an MFA device to a user, by two codes that it shows one after the other",
		Args:  takes(3, 3),

		ValidArgsFunction: suggest(g, false, deviceSerials),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Serial, req.Codes = args[0], [2]string{args[1], args[2]}
			return change(cmd, g, "enabled", args[0], func(ctx context.Context, c *control.Client) error { return c.EnableDevice(ctx, req) })
		},
	}
	mfaFlags(cmd, g, &req.InAccount, &req.User)
	return cmd
}

func newMFALsCommand(g *globals) *cobra.Command {
	var in control.InAccount
	cmd := &cobra.Command{
		Use:     "ls",
		Aliases: []string{"list"},
		Short:   "List the MFA devices and who has them",
		Args:    takes(0, 0),

		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withStore(cmd, g, func(ctx context.Context, c *control.Client) error {
				if g.json {
					return c.Devices(ctx, in, jsonLines[control.Device](cmd.OutOrStdout()))
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				err := c.Devices(ctx, in, func(d control.Device) error {
					who, since := "nobody", ""
					if d.Enabled != nil {
						who, since = "root", shownTime(*d.Enabled)
						if d.User != "" {
							who = d.User
						}
					}
					_, err := fmt.Fprintf(w, "%s\t%s\t%s\n", d.Serial, who, since)
					return err
				})
				return errors.Join(err, w.Flush())
			})
		},
	}
	accountFlag(cmd, g, &in)
	return cmd
}

func newMFARmCommand(g *globals) *cobra.Command {
	var req control.DeviceRequest
	cmd := &cobra.Command{
		Use:     "rm SERIAL",
		Aliases: []string{"remove"},
		Short:   "Remove an MFA device, also from who has it",
		Args:    takes(1, 1),

		ValidArgsFunction: suggest(g, false, deviceSerials),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Serial = args[0]
			return change(cmd, g, "removed", args[0], func(ctx context.Context, c *control.Client) error { return c.RemoveDevice(ctx, req) })
		},
	}
	accountFlag(cmd, g, &req.InAccount)
	return cmd
}

// deviceSerials suggests MFA devices.
func deviceSerials(ctx context.Context, c *control.Client, _ []string, word string) (found []string, err error) {
	err = c.Devices(ctx, control.InAccount{}, func(d control.Device) error {
		if strings.HasPrefix(d.Serial, word) {
			found = append(found, d.Serial)
		}
		return nil
	})
	return found, err
}
