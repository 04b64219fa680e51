package main

import (
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
)

// teacher is the real shell that carries out the first connection's frames.
type teacher struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out [2]io.Reader
}

func newTeacher(command string) (*teacher, error) {
	t := &teacher{cmd: exec.Command("/bin/sh", "-c", command)}
	var err error
	if t.in, err = t.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if t.out[0], err = t.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if t.out[1], err = t.cmd.StderrPipe(); err != nil {
		return nil, err
	}
	return t, t.cmd.Start()
}

// send gives the shell a frame. Why it does not take it shows in the answer.
func (t *teacher) send(frame string) { _, _ = io.WriteString(t.in, frame) }

// answer reads both streams up to the end of a frame's answer.
func (t *teacher) answer(frame, nonce string) (out, stderr string, err error) {
	_, seq, _ := strings.Cut(frame[max(0, strings.LastIndex(frame, "_M e ")):], "_M e ")
	seq, _, _ = strings.Cut(seq, "\n")
	n, err := strconv.Atoi(seq)
	if err != nil {
		return "", "", fmt.Errorf("a frame without an end: %w", err)
	}
	end := fmt.Sprintf("%s e %d\n", nonce, n)
	var said [2]string
	for i, r := range t.out {
		if said[i], err = until(r, end); err != nil {
			return "", "", err
		}
		said[i] = strings.ReplaceAll(said[i], nonce, "NONCE")
	}
	return said[0], said[1], nil
}

func until(r io.Reader, end string) (string, error) {
	var b strings.Builder
	buf := make([]byte, 32<<10)
	for !strings.HasSuffix(b.String(), end) {
		n, err := r.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

func (t *teacher) close() {
	_ = t.in.Close()
	_ = t.cmd.Wait()
}
