package sigv4

// unreserved are the bytes that URI encoding leaves alone (RFC 3986, 2.3).
var unreserved = func() (t [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") {
		t[c] = true
	}
	return t
}()

const upperHex = "0123456789ABCDEF"

// appendByte appends one decoded byte, URI-encoded.
func appendByte(dst []byte, c byte) []byte {
	if unreserved[c] {
		return append(dst, c)
	}
	return append(dst, '%', upperHex[c>>4], upperHex[c&15])
}

// appendPath appends a path as it was sent, decoded and encoded again: each byte but the
// unreserved ones and the slash. An escape that is none stands for itself.
func appendPath(dst []byte, raw string) []byte {
	if raw == "" {
		return append(dst, '/')
	}
	for i := 0; i < len(raw); {
		c, n := unescape(raw[i:])
		i += n
		if c == '/' {
			dst = append(dst, c)
			continue
		}
		dst = appendByte(dst, c)
	}
	return dst
}

// appendQuery appends a name or value of a query as it was sent, decoded and encoded again.
// A plus is a space.
func appendQuery(dst []byte, raw string) []byte {
	for i := 0; i < len(raw); {
		if raw[i] == '+' {
			dst = append(dst, "%20"...)
			i++
			continue
		}
		c, n := unescape(raw[i:])
		i += n
		dst = appendByte(dst, c)
	}
	return dst
}

// unescape returns the byte that s begins with and how long its writing is. s is not empty.
func unescape(s string) (byte, int) {
	if s[0] == '%' && len(s) > 2 {
		if hi, ok := unhex(s[1]); ok {
			if lo, ok := unhex(s[2]); ok {
				return hi<<4 | lo, 3
			}
		}
	}
	return s[0], 1
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// decode undoes escapes; plus says whether a plus is a space.
func decode(raw string, plus bool) string {
	plain := true
	for i := 0; i < len(raw); i++ {
		if raw[i] == '%' || plus && raw[i] == '+' {
			plain = false
			break
		}
	}
	if plain {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		c, n := unescape(raw[i:])
		if plus && n == 1 && c == '+' {
			c = ' '
		}
		out = append(out, c)
		i += n
	}
	return string(out)
}
