package ssh

// Shared keeps what many connections use: parsed keys, known hosts, ssh_config.
// The zero value is ready; it is safe for concurrent use.
type Shared struct{}
