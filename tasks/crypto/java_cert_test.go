package crypto

import (
	"strings"
	"testing"

	"github.com/fairlead-project/fairlead/engine/module/moduletest"
	"github.com/fairlead-project/fairlead/engine/state"
	"github.com/fairlead-project/fairlead/engine/value"
)

func TestJavaCert(t *testing.T) {
	t.Parallel()
	files := bundleHost(t).Files
	web, ca := files["/s/w.crt"], files["/s/ca.crt"]
	ok, no := moduletest.Ended(0, "", ""), moduletest.Ended(1, "keytool error: none", "")
	prints := func(pem string) state.OpResult { return moduletest.Ended(0, "Alias name: x\n"+pem, "") }
	const pass = " <pw"
	list := "keytool -list -keystore /s/x -alias web -rfc" + pass
	imported := "keytool -importcert -noprompt -keystore /s/x -file /s/w.crt -alias web <pw\npw"
	for name, c := range map[string]struct {
		args []any
		said []state.OpResult
		want string
	}{
		"new":       {[]any{"cert_path", "/s/w.crt"}, []state.OpResult{ok, no, ok}, "keytool|" + list + "|" + imported},
		"the same":  {[]any{"cert_path", "/s/w.crt"}, []state.OpResult{ok, prints(web)}, "keytool|" + list},
		"another":   {[]any{"cert_path", "/s/w.crt"}, []state.OpResult{ok, prints(ca), ok, ok}, "keytool|" + list + "|keytool -delete -noprompt -keystore /s/x -alias web" + pass + "|" + imported},
		"absent":    {[]any{"state", "absent"}, []state.OpResult{ok, prints(ca), ok}, "keytool|" + list + "|keytool -delete -noprompt -keystore /s/x -alias web" + pass},
		"gone":      {[]any{"state", "absent"}, []state.OpResult{ok, no}, "keytool|" + list},
		"refused":   {[]any{"cert_path", "/s/w.crt"}, []state.OpResult{ok, no, no}, "! keytool error: none"},
		"no store":  {[]any{"cert_path", "/s/w.crt", "keystore_path", "/s/none"}, []state.OpResult{ok}, "! Module require existing keystore at keystore_path '/s/none'"},
		"no file":   {[]any{"cert_path", "/s/none"}, []state.OpResult{ok, no}, "! Internal module failure, cannot extract certificate, error: "},
		"no source": {nil, nil, "! state is present but any of the following are missing: cert_path, cert_url, pkcs12_path"},
		"no server": {[]any{"cert_url", "x"}, []state.OpResult{ok, no, moduletest.Ended(1, "", "unknown host")}, "! Internal module failure, cannot download certificate, error: unknown host"},
		"pkcs12": {[]any{"pkcs12_path", "/s/p", "pkcs12_password", "sesame", "pkcs12_alias", "1", "keystore_path", "/s/new", "keystore_create", true},
			[]state.OpResult{ok, no, prints(web), ok}, "keytool|keytool -list -keystore /s/new -alias web -rfc <pw|keytool -list -noprompt -keystore /s/p -alias 1 -storetype pkcs12 -rfc <sesame|" +
				"keytool -importkeystore -noprompt -srcstoretype pkcs12 -srckeystore /s/p -srcalias 1 -destkeystore /s/new -destalias web <pw\npw\nsesame"},
	} {
		h := &moduletest.Host{Files: files, Said: c.said}
		args := value.M("keystore_path", "/s/x", "keystore_pass", "pw", "cert_alias", "web")
		for k, v := range value.M(c.args...).All() {
			args.SetKey(k, v)
		}
		r := h.Expect(t, name, JavaCert(), args, c.want)
		if v, _ := r.Get("changed"); !strings.HasPrefix(c.want, "!") && (v.Repr() == "True") != (len(c.said) > 2) {
			t.Errorf("%s: %v", name, r)
		}
	}
}

func TestJavaProxy(t *testing.T) {
	t.Parallel()
	for env, want := range map[string]string{
		"":                                       "",
		"https_proxy=http://p:3128":              "-J-Dhttps.proxyHost=p -J-Dhttps.proxyPort=3128",
		"HTTPS_PROXY=p:1 no_proxy=.local,a.test": "-J-Dhttps.proxyHost=p -J-Dhttps.proxyPort=1 -J-Dhttp.nonProxyHosts=*.local|a.test",
	} {
		if got := strings.Join(javaProxy(strings.Fields(env)), " "); got != want {
			t.Errorf("%q: %s", env, got)
		}
	}
}
