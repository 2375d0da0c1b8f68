package main

import (
	"context"
	"crypto/sha256"
	"hash/crc32"
	"os"
	"path/filepath"

	v1 "strongroom/v1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// bundle is what is published: the files that the server is told of, and the bytes of each.
type bundle struct {
	files    []*v1.File
	contents [][]byte
}

// readBundle reads a folder, or a single model file.
func readBundle(path string) (*bundle, error) {
	found := &bundle{}
	err := filepath.Walk(path, func(file string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(path, file)
		if err != nil {
			return err
		}
		if name == "." {
			name = filepath.Base(file)
		}
		digest := sha256.Sum256(data)
		found.files = append(found.files, &v1.File{
			Path: filepath.ToSlash(name), Size_: uint64(len(data)), Sha256: digest[:],
		})
		found.contents = append(found.contents, data)
		return nil
	})
	return found, err
}

// Publish uploads a bundle chunk by chunk, commits it, and waits until the alias live has moved.
func (c *Client) Publish(ctx context.Context, model, path string) (*v1.Version, error) {
	found, err := readBundle(path)
	if err != nil {
		return nil, err
	}
	begun, err := c.registry.BeginPublish(ctx, &v1.BeginPublishRequest{
		Model: model, Files: found.files, Metadata: map[string]string{"client": "go"},
	})
	if err != nil {
		return nil, err
	}
	for index, data := range found.contents {
		for offset := 0; offset < len(data); {
			end := offset + int(begun.ChunkBytes)
			if end > len(data) {
				end = len(data)
			}
			reply, err := c.registry.UploadChunk(ctx, &v1.UploadChunkRequest{
				UploadId: begun.UploadId, FileIndex: uint32(index), Offset: uint64(offset),
				Crc32C: crc32.Checksum(data[offset:end], castagnoli), Data: data[offset:end],
			})
			if err != nil {
				return nil, err
			}
			offset = int(reply.NextOffset)
		}
	}
	committed, err := c.registry.CommitPublish(ctx, &v1.CommitPublishRequest{
		UploadId: begun.UploadId, Alias: "live", WaitReady: true,
	})
	if err != nil {
		return nil, err
	}
	return committed.Version, nil
}
