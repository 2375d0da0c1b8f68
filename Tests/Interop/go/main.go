// A Strongroom client in Go, on the ttrpc library as Debian ships it: publishes two versions of a
// model, asks each for the same predictions from many goroutines at once, and rolls back. It prints
// one line for each step, for a test to compare, and exits 1 at the first thing that fails.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/status"
	v1 "strongroom/v1"
)

const (
	callTimeout = 60 * time.Second
	callers     = 32 // goroutines that predict at once, on the one connection
)

// Client holds one TLS connection and the three services on it.
type Client struct {
	connection *ttrpc.Client
	health     v1.HealthService
	prediction v1.PredictionService
	registry   v1.RegistryService
}

// Dial connects with a client certificate; the server's must come from the authority given.
func Dial(server, authority, certificate, key string) (*Client, error) {
	pem, err := os.ReadFile(authority)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New(authority + ": no certificate in it")
	}
	own, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return nil, err
	}
	connection, err := tls.Dial("tcp", server, &tls.Config{
		RootCAs: roots, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS13,
	})
	if err != nil {
		return nil, err
	}
	client := ttrpc.NewClient(connection)
	return &Client{
		connection: client,
		health:     v1.NewHealthClient(client),
		prediction: v1.NewPredictionClient(client),
		registry:   v1.NewRegistryClient(client),
	}, nil
}

// Predict sends one row of numbers to the model's live version and returns the version that
// answered and the bytes of the first output.
func (c *Client) Predict(ctx context.Context, model, input string, row []float32) (uint64, []byte, error) {
	data := make([]byte, 4*len(row))
	for i, value := range row {
		binary.LittleEndian.PutUint32(data[4*i:], math.Float32bits(value))
	}
	reply, err := c.prediction.Predict(ctx, &v1.PredictRequest{
		Model: &v1.ModelSpec{Name: model, Selector: &v1.ModelSpec_Alias{Alias: "live"}},
		Inputs: []*v1.Tensor{{
			Name: input, DataType: v1.DataType_DATA_TYPE_FP32, Shape: []int64{1, int64(len(row))}, Data: data,
		}},
	})
	if err != nil {
		return 0, nil, err
	}
	if len(reply.Outputs) == 0 {
		return 0, nil, errors.New("a reply without outputs")
	}
	return reply.ModelVersion, reply.Outputs[0].Data, nil
}

// PredictAtOnce makes the same call from many goroutines and checks that all answers agree.
func (c *Client) PredictAtOnce(ctx context.Context, model, input string, row []float32) (string, error) {
	answers := make([]string, callers)
	errs := make([]error, callers)
	var group sync.WaitGroup
	for i := range answers {
		group.Add(1)
		go func(i int) {
			defer group.Done()
			version, data, err := c.Predict(ctx, model, input, row)
			answers[i], errs[i] = fmt.Sprintf("%d %s", version, hex.EncodeToString(data)), err
		}(i)
	}
	group.Wait()
	for i := range answers {
		if errs[i] != nil {
			return "", errs[i]
		}
		if answers[i] != answers[0] {
			return "", fmt.Errorf("answers differ: %s and %s", answers[0], answers[i])
		}
	}
	return answers[0], nil
}

func parseRow(text string) ([]float32, error) {
	var row []float32
	for _, field := range strings.Split(text, ",") {
		value, err := strconv.ParseFloat(field, 32)
		if err != nil {
			return nil, err
		}
		row = append(row, float32(value))
	}
	return row, nil
}

func run() error {
	server := flag.String("server", "127.0.0.1:8443", "HOST:PORT")
	authority := flag.String("ca", "ca.pem", "certificate of the server's authority")
	certificate := flag.String("cert", "client.pem", "own certificate")
	key := flag.String("key", "client-key.pem", "own key")
	model := flag.String("model", "", "name of the model")
	input := flag.String("input", "x", "name of its input, of FP32 rows")
	rowText := flag.String("row", "", "one row: numbers with commas between them")
	flag.Parse()
	if flag.NArg() != 2 {
		return errors.New("two bundles are needed: PATH PATH")
	}
	row, err := parseRow(*rowText)
	if err != nil {
		return err
	}
	client, err := Dial(*server, *authority, *certificate, *key)
	if err != nil {
		return err
	}
	defer client.connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()

	health, err := client.health.Check(ctx, &v1.CheckRequest{})
	if err != nil {
		return err
	}
	fmt.Println("health", health.Live, health.Ready)
	for _, path := range flag.Args() {
		version, err := client.Publish(ctx, *model, path)
		if err != nil {
			return err
		}
		fmt.Println("published", version.Version, version.State)
		answer, err := client.PredictAtOnce(ctx, *model, *input, row)
		if err != nil {
			return err
		}
		fmt.Println("predicted", answer)
	}
	back, err := client.registry.Rollback(ctx, &v1.RollbackRequest{Model: *model, WaitReady: true})
	if err != nil {
		return err
	}
	fmt.Println("rolled back", back.PreviousVersion, back.Alias.Version)
	answer, err := client.PredictAtOnce(ctx, *model, *input, row)
	if err != nil {
		return err
	}
	fmt.Println("predicted", answer)
	_, _, err = client.Predict(ctx, *model, "no-such-input", row)
	refusal, _ := status.FromError(err)
	fmt.Println("refused", refusal.Code(), refusal.Message())
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}
