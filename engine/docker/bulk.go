package docker

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/fairlead-project/fairlead/engine/state"
)

// bulkFrom is how many containers make it worth to ask for all of them in one
// go: the API describes one container per call, and a call is a round trip.
const bulkFrom = 4

// bulk asks for many containers over one connection without waiting for an
// answer before the next question: all of it costs one round trip. What is not
// in the result is to be asked for by itself.
func (c *Client) bulk(ctx context.Context, names []string) map[string]state.ContainerInfo {
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return checkName("container", n) != nil })
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) < bulkFrom {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	conn, err := c.dial(ctx)
	if err != nil {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	wrote := make(chan error, 1)
	go func() { wrote <- c.questions(conn, names) }()
	out := map[string]state.ContainerInfo{}
	in := bufio.NewReaderSize(conn, 64<<10)
	for _, name := range names {
		info, err := oneAnswer(in)
		if err != nil {
			break
		}
		out[name] = info
	}
	_ = conn.Close() // ends the writing, if it has not ended
	<-wrote
	return out
}

func (c *Client) questions(conn net.Conn, names []string) error {
	w := bufio.NewWriter(conn)
	for _, name := range names {
		fmt.Fprintf(w, "GET /v%s/containers/%s/json HTTP/1.1\r\nHost: docker\r\nUser-Agent: fairlead\r\n\r\n", c.api.ClientVersion(), name)
	}
	return w.Flush()
}

var errAnswer = errors.New("not an answer about a container")

func oneAnswer(in *bufio.Reader) (state.ContainerInfo, error) {
	var none state.ContainerInfo
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return none, err
	}
	defer res.Body.Close() //nolint:errcheck // read only
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return none, err
	}
	switch {
	case len(raw) > maxAnswer:
		return none, errTooLong
	case res.StatusCode == http.StatusOK:
		return decodeContainer(raw)
	case res.StatusCode != http.StatusNotFound:
		return none, errAnswer
	}
	// A proxy's 404 has no such message.
	var said struct{ Message string }
	if json.Unmarshal(raw, &said) != nil || !strings.Contains(said.Message, "No such") {
		return none, errAnswer
	}
	return none, nil
}
