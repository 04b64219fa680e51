//go:build !unix

package config

func maxFiles() int { return 0 }
