internal import Text

/// The inputs or outputs of a loaded model, as the runtime and the model's file describe them.
struct OnnxSignature {
    /// The names in the runtime's form.
    private(set) var names: [CName] = []
    /// The descriptions, in the same order.
    private(set) var specs: [TensorSpec] = []

    private let session: OnnxSession
    private let facts: ModelFacts

    /// The inputs of a model, those with a default behind the others.
    ///
    /// Defaults that no request could override, for their type or rank, are left out; and all of
    /// them are where there are more inputs than a request may have: some exporters declare every
    /// weight as an input.
    ///
    /// - Throws: `unsupported` for an input that no tensor of the schema can be.
    static func inputs(
        of session: OnnxSession,
        _ facts: ModelFacts
    ) throws(EngineError) -> OnnxSignature {
        var signature = try required(.input, of: session, facts)
        try Self.loading(session) { () throws(OnnxFailure) in try signature.addOptionalInputs() }
        return signature
    }

    /// The outputs of a model.
    ///
    /// - Throws: `unsupported` for an output that no tensor of the schema can be.
    static func outputs(
        of session: OnnxSession,
        _ facts: ModelFacts
    ) throws(EngineError) -> OnnxSignature {
        try required(.output, of: session, facts)
    }

    private static func required(
        _ side: OnnxSession.Side,
        of session: OnnxSession,
        _ facts: ModelFacts
    ) throws(EngineError) -> OnnxSignature {
        var signature = OnnxSignature(session: session, facts: facts)
        let count = try loading(session) { () throws(OnnxFailure) in try session.count(of: side) }
        guard count <= EngineLimits.maxTensors else {
            throw EngineError(
                .unsupported,
                "the model has \(count) \(side.rawValue)s, at most \(EngineLimits.maxTensors) are "
                    + "taken"
            )
        }
        for index in 0..<count { try signature.addRequired(side, at: index) }
        return signature
    }

    private init(session: OnnxSession, facts: ModelFacts) {
        self.session = session
        self.facts = facts
    }

    private mutating func addRequired(
        _ side: OnnxSession.Side,
        at index: Int
    ) throws(EngineError) {
        let name = try Self.loading(session) { () throws(OnnxFailure) in
            try session.name(of: side, at: index)
        }
        guard let text = name.text, TensorSpec.isName(text) else {
            throw EngineError(
                .unsupported,
                "the name of \(side.rawValue) \(index) is not UTF-8 text of 1 to "
                    + "\(EngineLimits.maxNameBytes) bytes"
            )
        }
        let what = "\(side.rawValue) \(quoted(text)) of the model"
        let kind = try Self.loading(session) { () throws(OnnxFailure) in
            try session.kind(of: side, at: index)
        }
        let info: OnnxTensorInfo
        switch kind {
        case .tensor(let tensor): info = tensor
        case .other(let word): throw refusal(of: text, word, what)
        }
        guard let type = ElementType(onnx: info.elementType) else {
            throw EngineError(
                .unsupported,
                "\(what) has elements of type \(OnnxTypeName.of(info.elementType)), expected one of "
                    + ElementType.allCases.map { OnnxTypeName.of($0.onnx) }.joined(separator: ", ")
            )
        }
        guard info.shape.count <= EngineLimits.maxRank else {
            throw EngineError(
                .unsupported,
                "\(what) has \(info.shape.count) dimensions, at most \(EngineLimits.maxRank) are "
                    + "taken"
            )
        }
        add(side, name, text, type, info.shape)
    }

    private func refusal(
        of name: String,
        _ kind: String,
        _ what: String
    ) -> EngineError {
        if let name = facts.zipMaps[ExactString(name)] {
            let node =
                name.isEmpty ? "a ZipMap node without a name" : "node \(quoted(name)) (ZipMap)"
            return EngineError(
                .unsupported,
                "\(what) is a sequence of maps, made by \(node): export the "
                    + "model with the option zipmap=False, which makes it a tensor"
            )
        }
        return EngineError(
            .unsupported,
            "\(what) is of kind \(kind), and only tensors are served"
        )
    }

    private mutating func addOptionalInputs() throws(OnnxFailure) {
        let count = try session.count(of: .optionalInput)
        guard names.count + count <= EngineLimits.maxTensors else { return }
        for index in 0..<count {
            let name = try session.name(of: .optionalInput, at: index)
            guard let text = name.text, TensorSpec.isName(text),
                case .tensor(let info) = try session.kind(of: .optionalInput, at: index),
                let type = ElementType(onnx: info.elementType),
                info.shape.count <= EngineLimits.maxRank
            else { continue }
            add(.optionalInput, name, text, type, info.shape)
        }
    }

    private mutating func add(
        _ side: OnnxSession.Side,
        _ name: CName,
        _ text: String,
        _ type: ElementType,
        _ shape: [Int64]
    ) {
        let shapeless = side == .output ? facts.outputsWithoutShape : facts.inputsWithoutShape
        names.append(name)
        specs.append(
            TensorSpec(
                name: ExactString(text),
                type: type,
                shape: shape.map { max($0, -1) },
                // The runtime may have found out a shape that the file does not declare.
                hasUnknownRank: shape.isEmpty && shapeless.contains(ExactString(text)),
                isOptional: side == .optionalInput
            )
        )
    }

    private static func loading<Result>(
        _ session: OnnxSession,
        _ body: () throws(OnnxFailure) -> Result
    ) throws(EngineError) -> Result {
        do {
            return try body()
        } catch {
            throw error.whileLoading(in: session.library.version)
        }
    }
}
