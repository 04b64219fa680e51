// Package templates holds what Fairlead ships to provision with: playbooks and
// roles in Ansible's language, readable and editable, embedded in the binary.
package templates

import "embed"

// Files are the playbooks with their roles; contrail/site.yml is the one that
// server-manager's requests run.
//
//go:embed contrail
var Files embed.FS

// Schema is the file of Files that says what the roles' configuration files may
// hold, in the form that engine/roleconf reads.
const Schema = "contrail/schema.yml"
