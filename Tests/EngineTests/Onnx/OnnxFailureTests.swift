import Testing

@testable import Engine

@Suite("Failures of ONNX Runtime")
struct OnnxFailureTests {
    /// Codes that the runtime gives: FAIL, INVALID_ARGUMENT, RUNTIME_EXCEPTION, INVALID_GRAPH.
    private static let codes: [UInt32] = [1, 2, 6, 10]

    @Test(
        "memory that runs out is unavailable, not the model's fault or the input's",
        arguments: [
            "std::bad_alloc", "Exception during initialization: std::bad_alloc",
            "bad allocation", "Failed to allocate memory for requested buffer of size 1024",
        ]
    )
    func outOfMemory(_ text: String) {
        for code in Self.codes {
            let failure = OnnxFailure(code: code, text: text)
            for error in [failure.whileLoading, failure.whileRunning] {
                #expect(error.code == .unavailable)
                #expect(error.message == "there is not enough memory for the model")
                #expect(error.detail == text)
            }
        }
    }

    @Test("other texts mean what their codes do")
    func others() {
        let text = "the allocator has no memory pattern"
        let loading = Self.codes.map { OnnxFailure(code: $0, text: text).whileLoading.code }
        #expect(loading == [.invalidModel, .invalidModel, .invalidModel, .invalidModel])
        let running = Self.codes.map { OnnxFailure(code: $0, text: text).whileRunning.code }
        #expect(running == [.runtimeFailed, .invalidInput, .runtimeFailed, .runtimeFailed])
    }
}
