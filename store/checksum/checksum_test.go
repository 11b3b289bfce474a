package checksum

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestVectors compares with what others say: the CRCs' check values and those of AWS as
// OpenStack Swift's tests against it have them, the examples of the RFCs, of xxHash.
func TestVectors(t *testing.T) {
	for _, c := range []struct {
		a          Algorithm
		data, want string // want in base64, or in hex behind "#"
	}{
		{CRC32, "123456789", "y/Q5Jg=="},
		{CRC32C, "123456789", "4waSgw=="},
		{CRC64NVME, "123456789", "rosUhgp5mIg="},
		{SHA1, "123456789", "98O8HYCOBHMq32eZZczDTKeuNEE="},
		{SHA256, "123456789", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="},
		{SHA512, "abc", "#ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
		{MD5, "message digest", "#f96b697d7cb7938d525a2f31aaf161d0"},
		{XXHASH64, "", "#ef46db3751d8e999"},
		{XXHASH64, "abc", "#44bc2cf5ad770999"},
		{XXHASH3, "", "#2d06800538d394c2"},
		{XXHASH128, "", "#99aa06d3014798d86001c324468d497f"},
	} {
		want := c.want
		if raw, isHex := strings.CutPrefix(want, "#"); isHex {
			b, err := hex.DecodeString(raw)
			if err != nil {
				t.Fatal(err)
			}
			want = Encode(b)
		}
		if got := Encode(c.a.Sum([]byte(c.data))); got != want {
			t.Errorf("%v of %q is %s, want %s", c.a, c.data, got, want)
		}
	}
}

// TestPartsVectors compares with the checksums that S3 made of parts: of its tutorial, and
// those that Ceph's s3-tests and Swift's tests expect.
func TestPartsVectors(t *testing.T) {
	const five = 5 << 20
	for _, c := range []struct {
		a     Algorithm
		t     Type
		parts []string
		want  string
	}{
		{SHA256, Composite, []string{
			"QLl8R4i4+SaJlrl8ZIcutc5TbZtwt2NwB8lTXkd3GH0=", "xCdgs1K5Bm4jWETYw/CmGYr+m6O2DcGfpckx5NVokvE=", "f5wsfsa5bB+yXuwzqG1Bst91uYneqGD3CCidpb54mAo=",
		}, "aI8EoktCdotjU8Bq46DrPCxQCGuGcPIhJ51noWs6hvk=-3"},
		{CRC32, Composite, []string{"y/Q5Jg=="}, "7kxlUA==-1"},
		{CRC32C, Composite, []string{"4waSgw=="}, "pzJFoA==-1"},
		{SHA1, Composite, []string{"98O8HYCOBHMq32eZZczDTKeuNEE="}, "zGcEPHvP9e6lVmvZsfPHT9mlz10=-1"},
		{CRC32, FullObject, []string{"JRTCyQ==", "QoZTGg==", "YAgjqw=="}, "WgDhBQ=="},
		{CRC64NVME, FullObject, []string{"L/E4WYn8v98=", "xW1l19VobYM=", "cK5MnNaWrW4="}, "i+6LR0y3eFo="},
	} {
		p := NewParts(c.a, c.t)
		for _, text := range c.parts {
			sum, err := c.a.Decode(text)
			if err != nil {
				t.Fatal(text, err)
			}
			p.Add(sum, five)
		}
		if got := EncodeType(p.Sum(), c.t, p.Count()); got != c.want {
			t.Errorf("%v %v is %s, want %s", c.a, c.t, got, c.want)
		}
	}
}

// TestPartsAreTheWhole cuts random bytes into random parts.
func TestPartsAreTheWhole(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	data := make([]byte, 100_000)
	for i := range data {
		data[i] = byte(rnd.Uint32())
	}
	for _, a := range Algorithms() {
		if !a.Allows(FullObject) {
			continue
		}
		for range 50 {
			p, rest := NewParts(a, FullObject), data
			for len(rest) > 0 {
				n := min(rnd.IntN(30_000)/(1+rnd.IntN(3000)), len(rest)) // some are empty, many are short
				p.Add(a.Sum(rest[:n]), int64(n))
				rest = rest[n:]
			}
			if !bytes.Equal(p.Sum(), a.Sum(data)) {
				t.Fatalf("%v of %d parts is not that of the whole", a, p.Count())
			}
		}
	}
}

// TestPartsOfAnyLength combines over lengths that cannot be tried out: what is 2n bytes of
// zeros is n of them twice.
func TestPartsOfAnyLength(t *testing.T) {
	for _, a := range []Algorithm{CRC32, CRC32C, CRC64NVME} {
		c := newCombiner(a)
		for length := int64(1); length < 1<<61; length *= 3 {
			if got, want := c.power(2*length), c.multiply(c.power(length), c.power(length)); got != want {
				t.Errorf("%v: x to the power 8*2*%d is %x, want %x", a, length, got, want)
			}
		}
	}
}

func TestNames(t *testing.T) {
	if n := len(Algorithms()); n != 10 {
		t.Fatalf("%d algorithms", n)
	}
	for _, a := range Algorithms() {
		if got, ok := Parse(a.Lower()); !ok || got != a {
			t.Errorf("%v is parsed as %v", a, got)
		}
		if got, ok := ParseHeader(strings.ToUpper(a.Header())); !ok || got != a {
			t.Errorf("%s is parsed as %v", a.Header(), got)
		}
		h := a.New()
		if h.Size() != a.Size() || len(h.Sum(nil)) != a.Size() {
			t.Errorf("%v has %d bytes, and its hash %d", a, a.Size(), h.Size())
		}
		for _, typ := range []Type{FullObject, Composite} {
			if got, ok := ParseType(typ.String()); !ok || got != typ {
				t.Errorf("%v is parsed as %v", typ, got)
			}
		}
		if !a.Allows(a.DefaultType()) || a.Allows(Unknown) {
			t.Errorf("%v and its types", a)
		}
	}
	for _, name := range []string{"", "none", "CRC", "CRC3 2", "x-amz-checksum-crc32"} {
		if a, ok := Parse(name); ok {
			t.Errorf("%q is %v", name, a)
		}
	}
	for _, name := range []string{"", "x-amz-checksum-", "x-amz-checksum-mode", "x-amz-checksum-type", "x-amz-checksum-algorithm", "crc32"} {
		if a, ok := ParseHeader(name); ok {
			t.Errorf("header %q is of %v", name, a)
		}
	}
}

// TestTypes is the table of the user guide.
func TestTypes(t *testing.T) {
	for a, want := range map[Algorithm]string{
		CRC64NVME: "full", CRC32: "both", CRC32C: "both", SHA1: "composite", SHA256: "composite", SHA512: "composite",
		MD5: "composite", XXHASH64: "composite", XXHASH3: "composite", XXHASH128: "composite",
	} {
		got := "none"
		switch full, comp := a.Allows(FullObject), a.Allows(Composite); {
		case full && comp:
			got = "both"
		case full:
			got = "full"
		case comp:
			got = "composite"
		}
		if got != want {
			t.Errorf("%v may be %s, want %s", a, got, want)
		}
	}
	if CRC32.DefaultType() != Composite || CRC64NVME.DefaultType() != FullObject {
		t.Error("defaults")
	}
}

func TestDecode(t *testing.T) {
	for _, text := range []string{"", "short===", "shrt", "toolong=", "^^^^^^==", "y^/^Q5^J^g==", "y/Q5Jh==", "y/Q5Jg", "y/Q5Jg==\n", "y/Q5\nJg==", "y/Q5Jg==-1"} {
		if v, err := CRC32.Decode(text); err == nil {
			t.Errorf("%q is %x", text, v)
		}
	}
	for text, want := range map[string]int{"y/Q5Jg==": 0, "y/Q5Jg==-1": 1, "y/Q5Jg==-10000": 10000} {
		v, parts, err := CRC32.DecodeObject(text)
		if err != nil || parts != want || hex.EncodeToString(v) != "cbf43926" {
			t.Errorf("%q is %x, %d, %v", text, v, parts, err)
		}
	}
	for _, text := range []string{"y/Q5Jg==-", "y/Q5Jg==-a", "y/Q5Jg==-0", "y/Q5Jg==-01", "y/Q5Jg==-+1", "y/Q5Jg==--1", "-1"} {
		if v, n, err := CRC32.DecodeObject(text); err == nil {
			t.Errorf("%q is %x, %d", text, v, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("y/Q5Jg==-3")
	f.Fuzz(func(t *testing.T, text string) {
		v, parts, err := CRC32.DecodeObject(text)
		if err != nil {
			return
		}
		typ := FullObject
		if parts > 0 {
			typ = Composite
		}
		if got := EncodeType(v, typ, parts); got != text {
			t.Fatalf("%q is read and written as %q", text, got)
		}
	})
}

func BenchmarkSum(b *testing.B) {
	for _, size := range []int{4 << 10, 1 << 20} {
		data := make([]byte, size)
		for _, a := range Algorithms() {
			b.Run(a.String()+"/"+map[int]string{4 << 10: "4K", 1 << 20: "1M"}[size], func(b *testing.B) {
				b.SetBytes(int64(size))
				for range b.N {
					a.Sum(data)
				}
			})
		}
	}
}

// BenchmarkParts is the joining of 10,000 parts.
func BenchmarkParts(b *testing.B) {
	for _, a := range []Algorithm{CRC32, CRC64NVME} {
		b.Run(a.String(), func(b *testing.B) {
			sum := a.Sum([]byte("part"))
			for range b.N {
				p := NewParts(a, FullObject)
				for range 10_000 {
					p.Add(sum, 8<<20)
				}
			}
		})
	}
}
