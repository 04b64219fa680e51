package main

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// forwardAll listens on 127.5.0.1, 127.5.0.2 ... and leads to the hosts, slowly.
func forwardAll(hosts []string, port int, delay time.Duration) error {
	for i, to := range hosts {
		l, err := net.Listen("tcp", net.JoinHostPort(fmt.Sprintf("127.5.0.%d", i+1), strconv.Itoa(port)))
		if err != nil {
			return err
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go forward(c, to, delay)
			}
		}()
	}
	untilEnd()
	return nil
}

func forward(c net.Conn, to string, delay time.Duration) {
	defer func() { _ = c.Close() }()
	t, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	slow := delayed(c, delay)
	go func() {
		_, _ = io.Copy(t, slow)
		_ = t.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(slow, t)
	_ = slow.Close()
	_ = t.Close()
}
