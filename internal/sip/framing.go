package sip

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
)

// skipBlanks passes over the line ends before a message and counts them. It returns early with those already here: they
// are keep-alives (RFC 5626 section 3.5.1), and nothing need follow them.
func skipBlanks(in *bufio.Reader) (blanks int, err error) {
	for {
		next, err := in.ReadByte()
		if err != nil {
			return blanks, err
		}
		if next != '\r' && next != '\n' {
			return blanks, in.UnreadByte()
		}
		if next == '\n' {
			blanks++
		}
		if blanks > 0 && in.Buffered() == 0 {
			return blanks, nil
		}
	}
}

// readMessage reads one message. On a stream Content-Length alone says where it ends; without it, at the empty line.
// RFC 3261 section 18.3. A body that is too large is passed over, and the conversation goes on.
func readMessage(in *bufio.Reader) (*message, error) {
	head, err := readHead(in)
	if err != nil {
		return nil, broken(err)
	}
	m, err := parseHead(head)
	if err != nil {
		return nil, err
	}
	length, err := m.contentLength()
	if err != nil {
		return nil, err
	}
	if length > maxBody {
		m.skipped = length
		if _, err := in.Discard(length); err != nil {
			return nil, broken(err)
		}
	} else if length > 0 {
		m.body = make([]byte, length)
		if _, err := io.ReadFull(in, m.body); err != nil {
			return nil, broken(err)
		}
	}
	return m, nil
}

// readHead reads up to the empty line. The first byte and the first line are judged as soon as they are here: a TLS
// alert or the banner of another service is not followed by anything to wait for.
func readHead(in *bufio.Reader) (string, error) {
	if first, err := in.Peek(1); err != nil {
		return "", err
	} else if !isTokenChar(first[0]) {
		return "", notSIP(string(first))
	}
	var head strings.Builder
	start, firstLine := 0, true
	for {
		part, err := in.ReadSlice('\n')
		if head.Len()+len(part) > maxHead {
			return "", &MalformedError{Kind: HeadTooLarge, Problem: "headers of more than " + strconv.Itoa(maxHead) + " bytes"}
		}
		head.Write(part)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if err != nil {
			return "", err
		}
		line, _ := cutLine(head.String()[start:])
		start = head.Len()
		switch {
		case line == "":
			return head.String(), nil
		case firstLine:
			if _, err := parseStart(line); err != nil {
				return "", err
			}
			firstLine = false
		}
	}
}

// contentLength returns the length of the body. Values that contradict each other leave no way to find the next message.
func (m *message) contentLength() (int, error) {
	length := 0
	for i, value := range m.all("Content-Length") {
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil || n > maxSkipped {
			return 0, &MalformedError{Kind: BadFraming, Problem: `framing: Content-Length "` + printable(value) + `"`}
		}
		if i > 0 && int(n) != length {
			return 0, &MalformedError{Kind: BadFraming, Problem: "framing: two Content-Length headers that differ"}
		}
		length = int(n)
	}
	return length, nil
}

// broken names what ended a message in its middle.
func broken(err error) error {
	switch {
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &MalformedError{Kind: Incomplete, Problem: "a message that was not complete after " + messageWait.String()}
	}
	return err
}
