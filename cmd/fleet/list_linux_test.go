package main

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"homeward/internal/brokertest"
	"homeward/internal/fleet"
)

// BenchmarkList is fleet list, as it is installed, of a hundred thousand devices on a real Mosquitto with TLS and the ACL; port 8883
// of loopback must be free.
func BenchmarkList(b *testing.B) {
	const devices = 100000
	broker := brokertest.Start(b, shipped, "log_type error")
	fill(b, broker, devices)
	binary := filepath.Join(b.TempDir(), "fleet")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	certFile, keyFile := brokertest.Files(b, broker.Dir, "reader", broker.Certificate(b, brokertest.Reader))
	for _, more := range []string{"", "--state outage", "--json"} {
		b.Run("list "+more, func(b *testing.B) {
			var used, most time.Duration
			var memory int64
			best, before := time.Hour, processorTime(b, broker)
			for b.Loop() {
				cmd := exec.Command(binary, append([]string{"list", "--broker", "mqtts://" + broker.Addr, "--cert", certFile, "--key", keyFile, "--roots", filepath.Join(broker.Dir, "root.pem")}, strings.Fields(more)...)...)
				began := time.Now()
				out, err := cmd.Output()
				took := time.Since(began)
				if lines := bytes.Count(out, []byte("\n")); err != nil || more != "--state outage" && lines < devices {
					b.Fatalf("%v; %d lines", err, lines)
				}
				best, most = min(best, took), max(most, took)
				used += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
				memory = max(memory, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
			}
			b.ReportMetric(best.Seconds(), "s-best")
			b.ReportMetric(most.Seconds(), "s-worst")
			b.ReportMetric(used.Seconds()/float64(b.N), "cpu-s/op")
			b.ReportMetric((processorTime(b, broker)-before).Seconds()/float64(b.N), "broker-cpu-s/op")
			b.ReportMetric(float64(memory)/1024, "MiB")
		})
	}
}

// processorTime is what a broker has used so far.
func processorTime(t testing.TB, b *brokertest.Broker) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", b.Process()))
	if err != nil {
		t.Fatal(err)
	}
	var user, system time.Duration // fields 14 and 15 of proc_pid_stat(5), in hundredths of a second
	_, err = fmt.Sscan(strings.Join(strings.Fields(string(text[bytes.LastIndexByte(text, ')'):]))[12:14], " "), &user, &system)
	if err != nil {
		t.Fatal(err)
	}
	return (user + system) * time.Second / 100
}

// fill puts the messages of so many devices on a broker, by one connection that may write them all.
func fill(t testing.TB, b *brokertest.Broker, devices int) {
	const loader = "loader"
	b.Stop()
	acl, err := os.OpenFile(filepath.Join(b.Dir, "acl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(acl, "\nuser %s\ntopic write %s/#\n", loader, fleet.Root)
	if err := acl.Close(); err != nil {
		t.Fatal(err)
	}
	b.Restart()
	conn, err := tls.Dial("tcp", b.Addr, &tls.Config{RootCAs: b.Pool(), Certificates: []tls.Certificate{b.Certificate(t, loader)}})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var out bytes.Buffer
	out.Write([]byte("\x10\x13\x00\x04MQTT\x05\x02\x00\x00\x00\x00\x06" + loader)) // CONNECT (MQTT 5 section 3.1)
	publish := func(name fleet.Name, kind string, message any) {
		text, err := json.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		topic := fleet.Root + "/" + name.String() + "/" + kind
		const properties = "\x13\x03\x00\x10application/json"
		out.WriteByte(0x31) // retained
		out.Write(binary.AppendUvarint(nil, uint64(2+len(topic)+len(properties)+len(text))))
		out.Write(binary.BigEndian.AppendUint16(nil, uint16(len(topic))))
		out.WriteString(topic + properties)
		out.Write(text)
	}
	now := time.Now().UTC().Truncate(time.Second)
	for n := range devices {
		s := stateOf(n)
		s.Version, s.At = 1, now
		publish(nameOf(n), fleet.PresenceTopic, fleet.Presence{Online: n%1000 > 0, Version: "v1", BootID: "7d8b6bd2-ce39-4a2b-9d57-24f6d5a7f6f1", At: now})
		publish(nameOf(n), fleet.StateTopic, s)
		if out.Len() > 1<<20 {
			if _, err := out.WriteTo(conn); err != nil {
				t.Fatal(err)
			}
		}
	}
	out.Write([]byte{0xc0, 0}) // PINGREQ, answered behind all of it
	if _, err := out.WriteTo(conn); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(io.LimitReader(conn, 5+1)) // CONNACK has at least five bytes
	if err != nil || len(answer) < 6 || answer[3] != 0 {
		t.Fatalf("the broker answers %x, %v", answer, err)
	}
	rest := make([]byte, 512)
	for got := answer; !bytes.HasSuffix(got, []byte{0xd0, 0}); {
		n, err := conn.Read(rest)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, rest[:n]...)
	}
}
