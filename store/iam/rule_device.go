package iam

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"pail/store/fault"
)

// Virtual MFA devices make a code of six digits every 30 seconds from a seed and the time
// (RFC 6238 with SHA-1, as every app that shows them expects).
const (
	seedSize = 40 // bytes, 64 characters of base32: as AWS makes them
	minSeed  = 16 // bytes (RFC 4226, section 4, R6)
	codeStep = 30 // seconds

	// windowEnable is how many steps the clock of a device may be wrong by when it is
	// enabled or synchronized; window is how much it may have run away since.
	windowEnable = 20
	window       = 1
)

// CreateDevice makes a virtual MFA device that nobody has yet, with a seed that is told
// once. The kinds of failure: InvalidArgument, EntityAlreadyExists.
func (d *Directory) CreateDevice(account, name, path string, tags []Tag, now time.Time) (*Device, error) {
	path, err := checkPath(path)
	if err == nil {
		err = checkName("virtualMFADeviceName", name, maxDeviceName)
	}
	if err != nil {
		return nil, err
	}
	tags, err = newTags(tags)
	if err != nil {
		return nil, err
	}
	serial := "arn:aws:iam::" + account + ":mfa" + path + name
	for _, dev := range d.realm(account).devices {
		if strings.EqualFold(dev.Name(), name) {
			return nil, fault.New(fault.EntityAlreadyExists, "MFADevice entity at the same path and name already exists.")
		}
	}
	seed := make([]byte, seedSize)
	_, _ = rand.Read(seed) // never fails, says its documentation
	return &Device{Serial: serial, Account: account, Seed: seed, Created: now.UTC().Truncate(time.Second), Tags: tags}, nil
}

// Base32 is the seed as apps take it.
func (d *Device) Base32() string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(d.Seed)
}

// URL is what a QR code for apps says: the format that AWS and all apps have.
func (d *Device) URL(issuer string) string {
	return "otpauth://totp/" + escape(issuer+":"+d.Name()+"@"+d.Account) + "?secret=" + d.Base32() + "&issuer=" + escape(issuer)
}

func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; letterOrDigit(c) || strings.IndexByte("-_.~:@", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
		}
	}
	return b.String()
}

// code is the code of a step.
func (d *Device) code(step uint64) string {
	c, err := hotp.GenerateCodeCustom(d.Base32(), step, hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		panic(err) // of a seed that is no base32, and this one is
	}
	return c
}

func (d *Device) shows(step uint64, code string) bool {
	return subtle.ConstantTimeCompare([]byte(d.code(step)), []byte(code)) == 1
}

func checkCode(code string) error {
	if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
		return invalid("a code of an MFA device has six digits")
	}
	return nil
}

// Enable gives a device to a user, or to the root by the account's number, that shows two
// codes of the device, one after the other. The kinds of failure: NoSuchEntity,
// InvalidArgument, EntityAlreadyExists (somebody has it), LimitExceeded, InvalidMFACode.
func (d *Directory) Enable(account, holder, serial, first, second string, now time.Time) (*Device, error) {
	dev, err := d.FindDevice(account, serial)
	switch {
	case err != nil:
		return nil, err
	case dev.Holder == holder:
		return nil, fault.New(fault.EntityAlreadyExists, "MFA Device is already in use.")
	case dev.Holder != "":
		return nil, fault.New(fault.EntityAlreadyExists, "MFA Device is already in use: somebody else has it.")
	case len(d.DevicesOf(account, holder)) >= maxDevices:
		return nil, exceeded("MFADevicesPerUser", maxDevices)
	}
	next, err := dev.synchronized(first, second, now)
	if err != nil {
		return nil, err
	}
	next.Holder, next.Enabled = holder, now.UTC().Truncate(time.Second)
	return next, nil
}

// Resync finds out again by how much the clock of a device is wrong. The kinds of failure:
// NoSuchEntity, InvalidArgument, InvalidMFACode.
func (d *Directory) Resync(account, holder, serial, first, second string, now time.Time) (*Device, error) {
	dev, err := d.heldDevice(account, holder, serial)
	if err != nil {
		return nil, err
	}
	return dev.synchronized(first, second, now)
}

func (d *Device) synchronized(first, second string, now time.Time) (*Device, error) {
	for _, c := range []string{first, second} {
		if err := checkCode(c); err != nil {
			return nil, err
		}
	}
	at := now.Unix() / codeStep
	for off := int64(-windowEnable); off <= windowEnable; off++ {
		step := uint64(at + off)
		if step > d.LastStep+1 && d.shows(step-1, first) && d.shows(step, second) {
			next := *d
			next.LastStep, next.Drift = step, off
			return &next, nil
		}
	}
	return nil, fault.New(fault.InvalidMFACode, "Authentication code for device is not valid: give two codes, one that the device shows and the next one.")
}

// heldDevice is a device that somebody has.
func (d *Directory) heldDevice(account, holder, serial string) (*Device, error) {
	dev := d.Device(account, serial)
	if dev == nil || dev.Holder != holder {
		return nil, fault.New(fault.NoSuchEntity, "MFA Device invalid for user.")
	}
	return dev, nil
}

// Spend accepts the code that the device of somebody shows, once: the device that it
// returns does not accept it any more. The kinds of failure: InvalidMFACode, whatever is
// wrong.
func (d *Directory) Spend(account, holder, serial, code string, now time.Time) (*Device, error) {
	wrong := fault.New(fault.InvalidMFACode, "MultiFactorAuthentication failed with invalid MFA one time pass code.")
	dev := d.Device(account, serial)
	if dev == nil || dev.Holder != holder || checkCode(code) != nil {
		return nil, wrong
	}
	at := now.Unix()/codeStep + dev.Drift
	for off := int64(-window); off <= window; off++ {
		step := uint64(at + off)
		if step > dev.LastStep && dev.shows(step, code) {
			next := *dev
			next.LastStep, next.Drift = step, dev.Drift+off
			return &next, nil
		}
	}
	return nil, wrong
}

// Deactivate takes a device from who has it. The kinds of failure: NoSuchEntity.
func (d *Directory) Deactivate(account, holder, serial string) (*Device, error) {
	dev, err := d.heldDevice(account, holder, serial)
	if err != nil {
		return nil, err
	}
	next := *dev
	next.Holder, next.Enabled = "", time.Time{}
	return &next, nil
}

// DeleteDevice takes a device away that nobody has. The kinds of failure: NoSuchEntity,
// DeleteConflict.
func (d *Directory) DeleteDevice(account, serial string) (*Device, error) {
	dev, err := d.FindDevice(account, serial)
	if err == nil && dev.Holder != "" {
		return nil, conflict("MFA VirtualDevice in use. Must deactivate first.")
	}
	return dev, err
}

// WithoutSeed is the device as it is shown.
func (d *Device) WithoutSeed() *Device {
	next := *d
	next.Seed = nil
	return &next
}
