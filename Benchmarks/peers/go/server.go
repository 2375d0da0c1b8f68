// A ttrpc server in Go over TLS, on the ttrpc library as Debian ships it, with Strongroom's messages.
// ONNX Runtime has no binding in Debian's Go: the dense layers are computed in plain Go, from a file
// of little-endian numbers: for each layer the rows and columns (uint32), the weights row by row, and
// the biases (float32). No layer: the output is the input. ReLU is between layers.
// Usage: go CERTIFICATE KEY WEIGHTS; it prints its port and serves until it is ended.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net"
	"os"

	"github.com/containerd/ttrpc"
	v1 "strongroom/v1"
)

type layer struct {
	rows, columns   int
	weights, biases []float32
}

type server struct{ layers []layer }

func readLayers(path string) ([]layer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var layers []layer
	for reader := bytes.NewReader(data); ; {
		var sizes [2]uint32
		if err := binary.Read(reader, binary.LittleEndian, &sizes); err == io.EOF {
			return layers, nil
		} else if err != nil {
			return nil, err
		}
		one := layer{rows: int(sizes[0]), columns: int(sizes[1])}
		one.weights, one.biases = make([]float32, one.rows*one.columns), make([]float32, one.columns)
		for _, numbers := range [][]float32{one.weights, one.biases} {
			if err := binary.Read(reader, binary.LittleEndian, numbers); err != nil {
				return nil, err
			}
		}
		layers = append(layers, one)
	}
}

func (l *layer) apply(row []float32, rectified bool) []float32 {
	out := append([]float32(nil), l.biases...)
	for i, value := range row {
		for j, weight := range l.weights[i*l.columns : (i+1)*l.columns] {
			out[j] += value * weight
		}
	}
	for j, value := range out {
		if rectified && value < 0 {
			out[j] = 0
		}
	}
	return out
}

func (s *server) run(input []byte) []byte {
	row := make([]float32, len(input)/4)
	for i := range row {
		row[i] = math.Float32frombits(binary.LittleEndian.Uint32(input[4*i:]))
	}
	for i := range s.layers {
		row = s.layers[i].apply(row, i+1 < len(s.layers))
	}
	output := make([]byte, 4*len(row))
	for i, value := range row {
		binary.LittleEndian.PutUint32(output[4*i:], math.Float32bits(value))
	}
	return output
}

func (s *server) Predict(_ context.Context, request *v1.PredictRequest) (*v1.PredictResponse, error) {
	if request.Model == nil || len(request.Inputs) != 1 || len(request.Inputs[0].Shape) != 2 || request.Inputs[0].Shape[0] != 1 {
		return nil, errors.New("one input of one row is expected")
	}
	input := request.Inputs[0]
	output := input.Data
	if len(s.layers) > 0 {
		if len(input.Data) != 4*s.layers[0].rows {
			return nil, errors.New("the bytes are not those of the shape")
		}
		output = s.run(input.Data)
	}
	return &v1.PredictResponse{
		ModelName: request.Model.Name, ModelVersion: 1,
		Outputs: []*v1.Tensor{{
			Name: "y", DataType: input.DataType, Shape: []int64{1, int64(len(output) / 4)}, Data: output,
		}},
	}, nil
}

func (s *server) GetModel(context.Context, *v1.GetModelRequest) (*v1.GetModelResponse, error) {
	return nil, errors.New("not here")
}

func (s *server) Cancel(context.Context, *v1.CancelRequest) (*v1.CancelResponse, error) {
	return nil, errors.New("not here")
}

func serve(certificate, key, weights string) error {
	layers, err := readLayers(weights)
	if err != nil {
		return err
	}
	own, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS13,
	})
	if err != nil {
		return err
	}
	served, err := ttrpc.NewServer()
	if err != nil {
		return err
	}
	v1.RegisterPredictionService(served, &server{layers})
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	return served.Serve(context.Background(), listener)
}

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: go CERTIFICATE KEY WEIGHTS")
		os.Exit(64)
	}
	log.Fatal(serve(os.Args[1], os.Args[2], os.Args[3]))
}
