package vars

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead-project/fairlead/engine/jinja"
	"github.com/fairlead-project/fairlead/engine/value"
)

// maxPage bounds what is read of one URL: 64 MiB.
const maxPage = 64 << 20

// lookupURL reads pages from the controller: their lines, or with
// split_lines=false each as one text.
func lookupURL(_ *Scope, terms []value.Value, o jinja.Args) ([]value.Value, error) {
	client, timeout, err := urlClient(o)
	if err != nil {
		return nil, err
	}
	defer client.CloseIdleConnections()
	var out []value.Value
	for _, t := range terms {
		text, err := fetch(client, timeout, t.Text(), o)
		if err != nil {
			return nil, err
		}
		if !flag(o, "split_lines", true) {
			out = append(out, value.String(text).WithMarks(value.Unsafe))
			continue
		}
		for _, l := range strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n") {
			if text != "" {
				out = append(out, value.String(l).WithMarks(value.Unsafe))
			}
		}
	}
	return out, nil
}

func urlClient(o jinja.Args) (*http.Client, time.Duration, error) {
	seconds, err := strconv.ParseFloat(textOption(o, "timeout", "10"), 64)
	if err != nil || seconds <= 0 {
		seconds = 10
	}
	timeout := time.Duration(seconds * float64(time.Second))
	tr := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}}
	if !flag(o, "use_proxy", true) {
		tr.Proxy = nil
	}
	tr.TLSClientConfig.InsecureSkipVerify = !flag(o, "validate_certs", true)
	if p := textOption(o, "ca_path", ""); p != "" {
		pem, err := os.ReadFile(p)
		if err != nil {
			return nil, 0, err
		}
		tr.TLSClientConfig.RootCAs = x509.NewCertPool()
		tr.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem)
	}
	if sock := textOption(o, "unix_socket", ""); sock != "" {
		tr.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", sock)
		}
	}
	c := &http.Client{Transport: tr}
	switch textOption(o, "follow_redirects", "urllib2") {
	case "none", "no", "False", "false":
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return c, timeout, nil
}

func fetch(c *http.Client, timeout time.Duration, url string, o jinja.Args) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", says("Failed lookup url for %s : %w", url, err)
	}
	req.Header.Set("User-Agent", textOption(o, "http_agent", "ansible-httpget"))
	if user := textOption(o, "username", ""); user != "" {
		req.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+textOption(o, "password", ""))))
	}
	if flag(o, "force", false) {
		req.Header.Set("Cache-Control", "no-cache")
	}
	for k, v := range option(o, "headers").Map().All() {
		req.Header.Set(k.Text(), v.Text())
	}
	res, err := c.Do(req)
	if err != nil {
		return "", says("Failed lookup url for %s : %w", url, err)
	}
	defer res.Body.Close() //nolint:errcheck // only read
	if res.StatusCode >= http.StatusMultipleChoices {
		return "", says("Received HTTP error for %s : HTTP Error %d: %s", url, res.StatusCode, http.StatusText(res.StatusCode))
	}
	data, err := io.ReadAll(io.LimitReader(res.Body, maxPage+1))
	if err == nil && len(data) > maxPage {
		err = fmt.Errorf("more than %d bytes", maxPage)
	}
	if err != nil {
		return "", says("Failed lookup url for %s : %w", url, err)
	}
	return string(data), nil
}
