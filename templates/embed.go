// Package templates holds what Fairlead ships to provision with: playbooks and
// roles in Ansible's language, readable and editable, embedded in the binary.
package templates

import "embed"

// Files are the playbooks with their roles; contrail/site.yml is the one that
// server-manager's requests run.
//
//go:embed contrail
var Files embed.FS
