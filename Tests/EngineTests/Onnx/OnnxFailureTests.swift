import Testing

@testable import Engine

@Suite("Failures of ONNX Runtime")
struct OnnxFailureTests {
    private enum Code: UInt32, CaseIterable {
        case fail = 1
        case invalidArgument = 2
        case noModel = 4
        case engineError = 5
        case runtimeException = 6
        case invalidProtobuf = 7
        case notImplemented = 9
        case invalidGraph = 10
        case executionProviderFail = 11
    }

    private static let node =
        "Non-zero status code returned while running Gather node. "
        + "Name:'lookup' Status Message: "

    private func failure(_ code: Code, _ text: String) -> OnnxFailure {
        OnnxFailure(code: code.rawValue, text: text)
    }

    @Test("A failed allocation is out of memory, whatever its code")
    func outOfMemory() {
        for code in Code.allCases {
            let loading = failure(code, "Exception during initialization: std::bad_alloc")
                .whileLoading(in: "1.32.0")
            #expect(loading.code == .outOfMemory)
            #expect(loading.message == "there is not enough memory to load the model")
            let running = failure(code, Self.node + "std::bad_alloc").whileRunning
            #expect(running.code == .outOfMemory)
            #expect(
                running.message == "node 'lookup' (Gather): there is not enough memory for this run"
            )
        }
    }

    @Test("A status of a node that ran refuses the input, and names node, operator and reason")
    func ofNode() {
        let codes: [Code] = [
            .fail, .invalidArgument, .noModel, .runtimeException, .invalidProtobuf, .invalidGraph,
        ]
        for code in codes {
            let error = failure(code, Self.node + "gather.cc:12 Compute idx=9 is out of range")
                .whileRunning
            #expect(error.code == .invalidInput)
            #expect(error.message == "node 'lookup' (Gather): idx=9 is out of range")
            #expect(error.detail == "")
        }
        let silent = failure(.runtimeException, Self.node).whileRunning
        #expect(silent.message == "node 'lookup' (Gather): it refused its input")
    }

    @Test("What the runtime cannot do is its own failure, whatever node reports it")
    func ofRuntime() {
        for code in [Code.notImplemented, .executionProviderFail, .engineError] {
            let error = failure(code, Self.node + "no kernel").whileRunning
            #expect(error.code == .runtimeFailed)
            #expect(!error.message.contains("kernel") && error.detail.contains("kernel"))
        }
    }

    @Test("A status that names no node is the runtime's failure")
    func ofNoNode() {
        for code in Code.allCases {
            for text in ["the call returned no object", "x " + Self.node + "no", ""] {
                let error = failure(code, text).whileRunning
                #expect(error.code == .runtimeFailed)
                #expect(error.detail == text)
            }
        }
    }

    @Test("A failed load gives the runtime's version and reason")
    func loading() {
        for code in Code.allCases {
            let text = "In Node, (\"a\", NoSuch, \"\", -1) : () -> () , Error No Op registered"
            let error = failure(code, text).whileLoading(in: "1.32.0")
            #expect(error.code == (code == .notImplemented ? .unsupported : .invalidModel))
            #expect(
                error.message == "ONNX Runtime 1.32.0 cannot load the model: node 'a' (NoSuch): "
                    + "No Op registered"
            )
            #expect(error.detail == text)
        }
        let silent = failure(.fail, "").whileLoading(in: "1.32.0")
        #expect(silent.message.hasSuffix(": it gives no reason but the code 1"))
    }

    @Test("A text for the log is cut behind its limit")
    func detail() {
        let whole = String(repeating: "x", count: OnnxFailure.maxDetailBytes)
        #expect(failure(.fail, whole).whileLoading(in: "1.32.0").detail == whole)
        #expect(failure(.fail, whole + "y").whileLoading(in: "1.32.0").detail == whole + "...")
    }

    @Test("An operator of an unknown domain is told with the domains that there are")
    func domains() {
        let text = "Fatal error: ai.onnx.contrib:BertTokenizer(-1) is not a registered function/op"
        let error = failure(.fail, text).whileLoading(in: "1.32.0")
        #expect(
            error.message == "ONNX Runtime 1.32.0 cannot load the model: ai.onnx.contrib:"
                + "BertTokenizer(-1) is not a registered function/op; it has operators of the "
                + "domains ai.onnx, ai.onnx.ml and com.microsoft"
        )
    }
}
