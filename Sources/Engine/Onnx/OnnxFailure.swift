internal import COnnxRuntime

/// The failure of a call into the runtime: its code and text.
struct OnnxFailure: Error {
    /// The runtime's own code.
    let code: OrtErrorCode
    /// The runtime's text, which may name paths and addresses: for the operator's log alone.
    let text: String

    /// The failure of a call that succeeded and returned no object.
    static let nothingReturned = OnnxFailure(
        code: OrtErrorCode(ORT_ERROR_FAIL),
        text: "the call returned no object"
    )

    /// The failure of a run that gave something its model does not declare.
    static func unexpected(_ what: String) -> OnnxFailure {
        OnnxFailure(code: OrtErrorCode(ORT_ERROR_FAIL), text: what)
    }

    /// The failure of a session whose thread the system did not start.
    static let noThread = OnnxFailure(
        code: OrtErrorCode(ORT_ERROR_FAIL),
        text: "the system starts no thread for the session"
    )

    /// The error of a load, with the runtime's reason for the publisher.
    ///
    /// - Parameter version: The runtime's.
    func whileLoading(in version: String) -> EngineError {
        let parsed = OnnxText(text)
        let runtime = "ONNX Runtime \(version)"
        if let refusalOfLocale { return refusalOfLocale }
        if text == Self.noThread.text { return EngineError(.unavailable, text) }
        if parsed.isOutOfMemory {
            return EngineError(
                .outOfMemory,
                "there is not enough memory to load the model",
                detail: detail
            )
        }
        var message = "\(runtime) cannot load the model: \(parsed.message(fallback: noReason))"
        if parsed.reason.contains(Self.unknownOperator) { message += "; \(Self.knownDomains)" }
        let isUnsupported = Int(code) == ORT_ERROR_NOT_IMPLEMENTED
        return EngineError(isUnsupported ? .unsupported : .invalidModel, message, detail: detail)
    }

    /// The error of a run whose input fits the signature:
    ///
    /// | the runtime's status | error |
    /// |---|---|
    /// | an allocation failed | `outOfMemory` |
    /// | NOT_IMPLEMENTED, EP_FAIL, ENGINE_ERROR | `runtimeFailed` |
    /// | any other of a node | `invalidInput`, with node, operator and reason |
    /// | any other | `runtimeFailed` |
    ///
    /// A node's failure is the input's fault: the model has passed its golden requests or a run on
    /// synthetic inputs, and operators report values and shapes that they refuse by any code.
    var whileRunning: EngineError {
        let parsed = OnnxText(text)
        if parsed.isOutOfMemory {
            return EngineError(
                .outOfMemory,
                "\(parsed.place)there is not enough memory for this run",
                detail: detail
            )
        }
        guard parsed.isOfRunNode, !Self.codesOfTheRuntime.contains(Int(code)) else {
            return EngineError(
                .runtimeFailed,
                "the engine failed on this input; the server's log has the reason",
                detail: detail
            )
        }
        // The message has all of the text that a caller can use; a line of the log for each such
        // call would let callers fill it.
        return EngineError(.invalidInput, parsed.message(fallback: "it refused its input"))
    }

    /// The error of a call that depends on no model and no input.
    var whileStarting: EngineError {
        EngineError(.unavailable, "ONNX Runtime could not be started", detail: detail)
    }

    /// Codes that tell of the runtime and not of the input, whatever node they come from.
    private static let codesOfTheRuntime = [
        ORT_ERROR_NOT_IMPLEMENTED, ORT_ERROR_EP_FAIL, ORT_ERROR_ENGINE_ERROR,
    ]

    private static let unknownOperator = "is not a registered function/op"
    /// The domains of the operators that the library's own builds have.
    private static let knownDomains =
        "it has operators of the domains ai.onnx, ai.onnx.ml and com.microsoft"

    /// Bytes of the runtime's text for the log: names of a model in it may have any length.
    static let maxDetailBytes = 4_096

    private var detail: String {
        guard text.utf8.count > Self.maxDetailBytes else { return text }
        return String(decoding: text.utf8.prefix(Self.maxDetailBytes), as: UTF8.self) + "..."
    }

    private var noReason: String { "it gives no reason but the code \(code)" }
}
