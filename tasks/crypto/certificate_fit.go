package crypto

import (
	"bytes"
	"crypto"
	"crypto/x509/pkix"
	"slices"
	"strconv"
	"time"

	"github.com/fairlead-project/fairlead/engine/lazyregexp"
	"github.com/fairlead-project/fairlead/engine/module"
	"github.com/fairlead-project/fairlead/engine/pki"
)

var fromNow = lazyregexp.New(`^([+-])(?:(\d+)[wW])?(?:(\d+)[dD])?(?:(\d+)[hH])?(?:(\d+)[mM])?(?:(\d+)[sS]?)?$`)

func relativeTime(text string, now time.Time) (time.Time, bool) {
	m := fromNow().FindStringSubmatch(text)
	if m == nil || len(text) == 1 {
		return time.Time{}, false
	}
	seconds := int64(0)
	for i, unit := range []int64{7 * 86400, 86400, 3600, 60, 1} {
		n, err := strconv.ParseInt("0"+m[i+2], 10, 32)
		if err != nil {
			return time.Time{}, false
		}
		seconds += n * unit
	}
	if m[1] == "-" {
		seconds = -seconds
	}
	// Added to Unix seconds: a duration ends after 292 years.
	return time.Unix(now.Unix()+seconds, 0).UTC(), true
}

// subject is the key that is certified, its name and what the request asks for.
func (s *signer) subject() (public crypto.PublicKey, name []byte, exts []pkix.Extension, err error) {
	switch {
	case s.req != nil && s.ca == nil:
		return s.key.Public(), s.req.RawSubject, s.req.Extensions, nil
	case s.req != nil:
		return s.req.Public, s.req.RawSubject, s.req.Extensions, nil
	}
	name, err = pki.MarshalName(nil)
	return s.key.Public(), name, nil, err
}

// make makes the certificate, in PEM.
func (s *signer) make(seed [32]byte) ([]byte, error) {
	public, name, asked, err := s.subject()
	if err != nil {
		return nil, err
	}
	t := pki.Template{Subject: name, Issuer: name, Serial: pki.NewSerial(seed), NotBefore: s.before, NotAfter: s.after, Public: public}
	if s.ca != nil {
		t.Issuer = s.ca.RawSubject
	}
	hasKeyID := false
	for _, e := range asked {
		if e.Id.Equal(pki.OIDSubjectKeyID) {
			if s.keyID == "always_create" {
				continue
			}
			hasKeyID = true
		}
		if s.authority && e.Id.Equal(pki.OIDAuthorityKeyID) {
			continue
		}
		t.Extensions = append(t.Extensions, e)
	}
	if !hasKeyID && s.keyID != "never_create" {
		id, err := pki.SubjectKeyID(public)
		if err != nil {
			return nil, err
		}
		e, err := pki.SubjectKeyIDExtension(id)
		if err != nil {
			return nil, err
		}
		t.Extensions = append(t.Extensions, e)
	}
	if s.authority {
		e, err := pki.AuthorityKeyID(s.authorityKeyID, nil, nil)
		if err != nil {
			return nil, err
		}
		t.Extensions = append(t.Extensions, e)
	}
	return t.Sign(s.key, s.digest)
}

// fits tells whether a certificate is as asked.
func (s *signer) fits(now *pki.Certificate, ignoreTime bool) (bool, error) {
	if s.private != nil && !pki.SamePublic(now.Public, s.private.Public()) {
		return false, nil
	}
	public, name, exts, err := s.subject()
	if err != nil {
		return false, module.Fail(err.Error())
	}
	if s.req != nil && !s.req.Valid() || !pki.SamePublic(now.Public, public) || !bytes.Equal(now.RawSubject, name) || !s.extensionsFit(now.Extensions, exts) {
		return false, nil
	}
	if s.keyID != "never_create" {
		want, err := pki.SubjectKeyID(now.Public)
		if err != nil {
			return false, module.Fail(err.Error())
		}
		if s.keyID == "create_if_not_provided" && s.req != nil {
			if id, ok := s.req.KeyID(); ok {
				want = id
			}
		}
		if id, ok := now.KeyID(); !ok || !bytes.Equal(id, want) {
			return false, nil
		}
	}
	if !ignoreTime && (!now.NotBefore.Equal(s.before) || !now.NotAfter.Equal(s.after)) {
		return false, nil
	}
	if s.ca == nil {
		return now.SignedBy(s.key.Public()), nil
	}
	return now.SignedBy(s.ca.Public) && bytes.Equal(s.ca.RawSubject, now.RawIssuer) && s.authorityFits(now), nil
}

// extensionsFit compares a certificate's extensions with those that the request
// asks for, but for those that are added here.
func (s *signer) extensionsFit(now, asked []pkix.Extension) bool {
	ours := func(e pkix.Extension) bool {
		return s.keyID != "never_create" && e.Id.Equal(pki.OIDSubjectKeyID) || s.authority && e.Id.Equal(pki.OIDAuthorityKeyID)
	}
	now, asked = slices.DeleteFunc(slices.Clone(now), ours), slices.DeleteFunc(slices.Clone(asked), ours)
	if len(now) != len(asked) {
		return false
	}
	for _, e := range now {
		want, ok := pki.Find(asked, e.Id)
		if !ok || !pki.SameExtension(e, want) {
			return false
		}
	}
	return true
}

func (s *signer) authorityFits(now *pki.Certificate) bool {
	if !s.authority {
		return true
	}
	e, ok := pki.Find(now.Extensions, pki.OIDAuthorityKeyID)
	want, err := pki.AuthorityKeyID(s.authorityKeyID, nil, nil)
	return ok && err == nil && bytes.Equal(e.Value, want.Value)
}
