package iamapi

import (
	"bytes"
	"encoding/base64"
	"image/png"

	"github.com/pquerna/otp"

	"pail/store/iam"
	"pail/store/web/query"
)

const (
	// issuer is what apps show above the codes.
	issuer = "Pail"
	// codePixels is the side of a QR code, which phones read from a screen.
	codePixels = 300
)

func createVirtualMFADevice(c *query.Call) error {
	tags, err := query.Tags(c)
	if err != nil {
		return err
	}
	dev, err := c.S.CreateVirtualMFADevice(c.Ctx, c.Get("VirtualMFADeviceName"), c.Get("Path"), tags)
	if err != nil {
		return err
	}
	code, err := qrCode(dev.URL(issuer))
	if err != nil {
		return err
	}
	c.In("VirtualMFADevice", func() {
		c.Text("SerialNumber", dev.Serial)
		c.Text("Base32StringSeed", base64.StdEncoding.EncodeToString([]byte(dev.Base32())))
		c.Text("QRCodePNG", base64.StdEncoding.EncodeToString(code))
		writeTags(c, dev.Tags)
	})
	return nil
}

func qrCode(url string) ([]byte, error) {
	key, err := otp.NewKeyFromURL(url)
	if err != nil {
		return nil, err
	}
	img, err := key.Image(codePixels, codePixels)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = png.Encode(&b, img)
	return b.Bytes(), err
}

func enableMFADevice(c *query.Call) error {
	return c.S.EnableMFADevice(c.Ctx, c.Get("UserName"), c.Get("SerialNumber"), c.Get("AuthenticationCode1"), c.Get("AuthenticationCode2"))
}

func resyncMFADevice(c *query.Call) error {
	return c.S.ResyncMFADevice(c.Ctx, c.Get("UserName"), c.Get("SerialNumber"), c.Get("AuthenticationCode1"), c.Get("AuthenticationCode2"))
}

func deactivateMFADevice(c *query.Call) error {
	user, err := c.Optional("UserName")
	if err != nil {
		return err
	}
	return c.S.DeactivateMFADevice(c.Ctx, user, c.Get("SerialNumber"))
}

func deleteVirtualMFADevice(c *query.Call) error {
	return c.S.DeleteVirtualMFADevice(c.Ctx, c.Get("SerialNumber"))
}

func listMFADevices(c *query.Call) error {
	user, err := c.Optional("UserName")
	if err != nil {
		return err
	}
	p, err := page(c)
	if err != nil {
		return err
	}
	l, name, err := c.S.ListMFADevices(c.Ctx, user, p)
	if err != nil {
		return err
	}
	query.List(&c.XML, "MFADevices", l.Items, func(dev *iam.Device) {
		c.Text("UserName", name)
		c.Text("SerialNumber", dev.Serial)
		c.Time("EnableDate", dev.Enabled)
	})
	c.Ends(l.Marker)
	return nil
}

func listVirtualMFADevices(c *query.Call) error {
	p, err := page(c)
	if err != nil {
		return err
	}
	assigned, err := c.OneOf("AssignmentStatus", "Assigned", "Unassigned", "Any")
	if err != nil {
		return err
	}
	l, err := c.S.ListVirtualMFADevices(c.Ctx, assigned, p)
	if err != nil {
		return err
	}
	query.List(&c.XML, "VirtualMFADevices", l.Items, func(dev *iam.Device) {
		c.Text("SerialNumber", dev.Serial)
		if dev.Holder != "" {
			c.Time("EnableDate", dev.Enabled)
		}
	})
	c.Ends(l.Marker)
	return nil
}

func getMFADevice(c *query.Call) error {
	dev, user, err := c.S.GetMFADevice(c.Ctx, c.Get("SerialNumber"))
	if err != nil {
		return err
	}
	c.Some("UserName", user)
	c.Text("SerialNumber", dev.Serial)
	if dev.Holder != "" {
		c.Time("EnableDate", dev.Enabled)
	}
	return nil
}

func tagMFADevice(c *query.Call) error { return tag(c, c.Get("SerialNumber"), c.S.TagMFADevice) }

func untagMFADevice(c *query.Call) error { return untag(c, c.Get("SerialNumber"), c.S.UntagMFADevice) }

func listMFADeviceTags(c *query.Call) error {
	return tagsOf(c, c.Get("SerialNumber"), c.S.ListMFADeviceTags)
}
