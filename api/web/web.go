// Package web is the page that shows runs in a browser: their list, one run with
// its hosts and its log as it goes, what server-manager was told. It has no data
// of its own: it asks /api/v1 and /playbook_status like any client.
package web

import (
	"embed"
	"io/fs"
	"mime"
	"net/http"
	"path"

	"github.com/labstack/echo/v4"
)

//go:embed page
var page embed.FS

// policy lets the page load its own files and talk to its own server, and be in
// no frame.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Register puts the page at the root of a server.
func Register(e *echo.Echo) {
	e.GET("/", file("index.html"))
	for _, name := range []string{"page.js", "page.css", "icon.svg"} {
		e.GET("/page/"+name, file(name))
	}
}

func file(name string) echo.HandlerFunc {
	text, err := fs.ReadFile(page, "page/"+name)
	if err != nil {
		panic(err) // it is embedded
	}
	kind := mime.TypeByExtension(path.Ext(name))
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		return c.Blob(http.StatusOK, kind, text)
	}
}
