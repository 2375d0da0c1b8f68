# Strongroom on Debian 12 with Swift: `make demo` shows it, `make test` tests it. Both install
# what they lack.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build

binary := .build/release/strongroom
release := -c release --product strongroom --static-swift-stdlib
# Tests of what happens at moments of the clock: beside a thousand others they would be late.
timed := RunLimitTests|CrashGuardTests|HostEndTests|HostedRequestTests|AbandonedLoadTests
checked := --explicit-target-dependency-import-check error

.PHONY: build demo serve test test-large bench bench-peers bench-micro lint proto models install \
	install-test install-peers

build: install
	swift build $(release) $(checked)

demo: build
	Tools/demo.sh $(binary)

serve: build
	Tools/serve.sh $(binary)

test: install-test lint
	swift build --build-tests $(checked)
	swift test --skip-build --skip '$(timed)'
	swift test --skip-build --no-parallel --filter '$(timed)'
	swift build $(release) $(checked)
	Tests/Acceptance/run.sh

# A model of 4 GiB, which needs 16 GiB of memory and 14 GiB of disk, and all models of the `onnx`
# package: minutes, and so not in `test`.
test-large: install-test build
	Tests/Acceptance/run.sh -s -c pytest.ini ../Large

# What a release build does, in minutes; beside other servers; and step by step.
bench: build
	Benchmarks/bench.sh

bench-peers: install-peers build
	Benchmarks/peers/run.sh

bench-micro: install-peers build
	Benchmarks/micro.sh

lint: install-test
	swift format lint --strict --recursive Sources Tests Package.swift
	Tools/check-proto.sh
	Tools/check-imports.sh

proto: install-test
	Proto/generate.sh

models:
	Tools/install.sh models
	Registry/models/sentiment/recipe/run.sh

install:
	@Tools/install.sh build

install-test:
	@Tools/install.sh test

install-peers:
	@Tools/install.sh peers
