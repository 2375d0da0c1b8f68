internal import COnnxRuntime

/// What a call into the runtime failed with, as the runtime says it.
struct OnnxFailure: Error {
    /// The runtime's own code.
    let code: OrtErrorCode
    /// The runtime's text. It names paths, addresses and nodes: for the operator's log alone.
    let text: String

    /// The failure of a call that said it went well and gave nothing.
    static let nothingReturned = OnnxFailure(
        code: OrtErrorCode(ORT_ERROR_FAIL),
        text: "the call returned no object"
    )

    /// The failure of a run that gave something its model does not declare.
    static func unexpected(_ what: String) -> OnnxFailure {
        OnnxFailure(code: OrtErrorCode(ORT_ERROR_FAIL), text: what)
    }

    /// How the runtime and the standard library of C++ say that memory has run out: there is no
    /// code for it.
    private static let textsOfNoMemory = [
        "bad_alloc", "bad allocation", "Failed to allocate memory",
    ]

    /// What it means that memory has run out, whatever was being done; nil if that is not it.
    private var outOfMemory: EngineError? {
        guard Self.textsOfNoMemory.contains(where: { text.contains($0) }) else { return nil }
        return .outOfMemory(detail: text)
    }

    /// What it means for a load.
    var whileLoading: EngineError {
        if let outOfMemory { return outOfMemory }
        if let refusalOfLocale { return refusalOfLocale }
        return failedLoad
    }

    private var failedLoad: EngineError {
        switch Int(code) {
        case ORT_ERROR_INVALID_PROTOBUF, ORT_ERROR_NO_MODEL:
            EngineError(.invalidModel, "the model is not a valid ONNX file", detail: text)
        case ORT_ERROR_INVALID_GRAPH:
            EngineError(.invalidModel, "the model's graph is not valid", detail: text)
        case ORT_ERROR_NOT_IMPLEMENTED:
            EngineError(
                .unsupported,
                "the model uses an operator or a type that ONNX Runtime lacks",
                detail: text
            )
        default:
            EngineError(.invalidModel, "ONNX Runtime cannot load the model", detail: text)
        }
    }

    /// What it means for a run whose input fits the signature. Operators report values that they
    /// cannot take, an index out of range for example, as invalid arguments.
    var whileRunning: EngineError {
        if let outOfMemory { return outOfMemory }
        guard Int(code) == ORT_ERROR_INVALID_ARGUMENT else {
            return EngineError(.runtimeFailed, "the model failed on this input", detail: text)
        }
        return EngineError(
            .invalidInput,
            "the model refused the values of this input",
            detail: text
        )
    }

    /// What it means for a call that depends on no model and no input.
    var whileStarting: EngineError {
        EngineError(.unavailable, "ONNX Runtime could not be started", detail: text)
    }
}
