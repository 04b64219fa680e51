package pki

import (
	"encoding/base64"
	"time"

	"github.com/fairlead-project/fairlead/engine/value"
)

// Shown tells about a certificate that a server shows, as Ansible's get_certificate
// does: by short names; the extensions' content as it is or in Base64.
func (c *Certificate) Shown(now time.Time, inBase64 bool) *value.Map {
	name := func(attrs []Attribute) value.Value {
		m := value.NewMap()
		for _, a := range attrs {
			m.Set(oidShort(a.OID), value.String(a.Value))
		}
		return value.FromMap(m)
	}
	exts := make([]value.Value, len(c.Extensions))
	for i, e := range c.Extensions {
		// The original's bytes come through JSON: what is no UTF-8 is lost, byte by byte.
		data := string([]rune(string(e.Value)))
		if inBase64 {
			data = base64.StdEncoding.EncodeToString(e.Value)
		}
		exts[i] = value.FromMap(value.M("critical", e.Critical, "asn1_data", data, "name", oidShort(e.Id)))
	}
	return value.M("subject", name(c.Subject), "expired", c.NotAfter.Before(now), "extensions", value.List(exts...), "issuer", name(c.Issuer),
		"not_after", TimeText(c.NotAfter), "not_before", TimeText(c.NotBefore), "serial_number", value.BigInt(c.Serial),
		"signature_algorithm", oidName(c.signed.Algorithm.Algorithm), "version", c.Version-1)
}
