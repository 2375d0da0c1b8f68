package import Text

extension Card {
    /// The engines that a card may name.
    package static let engines = ["onnxruntime"]
    /// The names of datatypes, as in the Open Inference Protocol.
    package static let datatypes = [
        "BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FP16",
        "FP32", "FP64", "BYTES", "BF16",
    ]
    /// Inputs or outputs of a model.
    static let maxTensors = 1_024
    /// Dimensions of a tensor.
    static let maxRank = 8
    /// The shape of a tensor that may have any.
    private static let anyShape = "any"
    /// Keys of one of the free mappings: labels, data, metrics.
    static let maxFreeKeys = 256
    /// Rows of one run.
    package static let maxRows: Int64 = 65_536
    /// How long a card may let a request wait for company: one second.
    static let maxDelayUs: Int64 = 1_000_000
    /// Intra-op threads of one run.
    static let maxThreads: Int64 = 256

    /// Reads a card.
    ///
    /// - Parameters:
    ///   - bytes: The content of `model.yaml`.
    ///   - paths: All paths of the bundle.
    /// - Throws: `invalidArgument` that names file, line and key.
    package static func parse(_ bytes: [UInt8], paths: [ExactString]) throws -> Card {
        try CardDocument.read(bytes) { document in
            var fields = try document.fields()
            _ = try fields.require("format").integer(in: 1...1)
            let engine = try fields.require("engine")
            let engineName = try engine.string()
            guard engines.contains(engineName) else {
                throw engine.failure(
                    "no engine \(quoted(engineName)), expected one of "
                        + engines.joined(separator: ", ")
                )
            }
            let entry = try fields.require("entry")
            var card = Card(entry: ExactString(try entry.string()))
            guard paths.contains(card.entry) else {
                throw entry.failure("\(quoted(card.entry)) is not a file of the bundle")
            }
            card.engine = engineName
            if let node = fields.take("description") { card.description = try node.string() }
            if let node = fields.take("licence") { card.licence = try node.string() }
            card.inputs = try fields.take("inputs").map { try tensors($0, areInputs: true) }
            card.outputs = try fields.take("outputs").map { try tensors($0, areInputs: false) }
            if let node = fields.take("batching") { card.batching = try batching(node) }
            if let node = fields.take("threads") {
                card.threads = Int(try node.integer(in: 1...maxThreads))
            }
            if let node = fields.take("isolation") { card.isolation = try isolation(node) }
            if let node = fields.take("run_seconds") { card.runSeconds = try runSeconds(node) }
            if let node = fields.take("golden") { card.golden = try golden(node, paths: paths) }
            if let node = fields.take("labels") { card.labels = try texts(node) }
            if let node = fields.take("derived_from") { card.derivedFrom = try origin(node) }
            if let node = fields.take("data") { card.data = try texts(node) }
            if let node = fields.take("metrics") { card.metrics = try numbers(node) }
            try fields.finish(
                known: "format, engine, entry, description, licence, inputs, outputs, batching, "
                    + "threads, isolation, run_seconds, golden, labels, derived_from, data, metrics"
            )
            return card
        }
    }

    private static func tensors(
        _ node: CardNode,
        areInputs: Bool
    ) throws(RegistryError) -> [Tensor] {
        var tensors: [Tensor] = []
        var names: Set<ExactString> = []
        for element in try node.elements(limit: maxTensors) {
            var fields = try element.fields()
            let name = try fields.require("name")
            let nameText = ExactString(try name.string())
            guard names.insert(nameText).inserted else {
                throw name.failure("\(quoted(nameText)) is there twice")
            }
            let datatype = try fields.require("datatype")
            let datatypeName = try datatype.string()
            guard datatypes.contains(datatypeName) else {
                throw datatype.failure(
                    "no datatype \(quoted(datatypeName)), expected one of "
                        + datatypes.joined(separator: ", ")
                )
            }
            let shape = try shape(try fields.require("shape"))
            let optional = areInputs ? fields.take("optional") : nil
            try fields.finish(known: "name, datatype, shape" + (areInputs ? ", optional" : ""))
            tensors.append(
                Tensor(
                    name: nameText,
                    datatype: datatypeName,
                    shape: shape,
                    isOptional: try optional?.bool()
                )
            )
        }
        return tensors
    }

    /// The sizes of a shape; nil for any shape.
    private static func shape(_ node: CardNode) throws(RegistryError) -> [Int64]? {
        if node.isText(anyShape) { return nil }
        var sizes: [Int64] = []
        for size in try node.elements(limit: maxRank, or: "'\(anyShape)'") {
            sizes.append(try size.integer(in: -1...Int64(Int32.max)))
        }
        return sizes
    }

    private static func batching(_ node: CardNode) throws(RegistryError) -> Batching {
        var batching = Batching()
        var fields = try node.fields()
        if let node = fields.take("mode") {
            let name = try node.string()
            guard let mode = Batching.Mode(rawValue: name) else {
                throw node.failure("\(quoted(name)), expected auto, on or off")
            }
            batching.mode = mode
        }
        if let node = fields.take("max_rows") {
            batching.maxRows = Int(try node.integer(in: 1...maxRows))
        }
        if let node = fields.take("max_delay_us") {
            batching.maxDelayUs = try node.integer(in: 0...maxDelayUs)
        }
        if let node = fields.take("tolerance") {
            let tolerance = try node.number()
            guard tolerance >= 0 else {
                throw node.failure("expected a number that is not negative, found \(tolerance)")
            }
            batching.tolerance = tolerance
        }
        try fields.finish(known: "mode, max_rows, max_delay_us, tolerance")
        return batching
    }

    private static func isolation(_ node: CardNode) throws(RegistryError) -> Isolation {
        let name = try node.string()
        guard let isolation = Isolation(rawValue: name) else {
            throw node.failure("\(quoted(name)), expected auto, process or none")
        }
        return isolation
    }

    private static func runSeconds(_ node: CardNode) throws(RegistryError) -> Int {
        let range = Int64(runSecondsRange.lowerBound)...Int64(runSecondsRange.upperBound)
        return Int(try node.integer(in: range))
    }

    private static func golden(
        _ node: CardNode,
        paths: [ExactString]
    ) throws(RegistryError) -> [ExactString] {
        let pattern = PathPattern(ExactString(try node.string()))
        let matches = paths.filter { pattern.matches($0) }
        guard !matches.isEmpty else {
            throw node.failure("no file of the bundle matches \(quoted(pattern.text))")
        }
        return matches.sorted()
    }

    private static func origin(_ node: CardNode) throws(RegistryError) -> Origin {
        var fields = try node.fields()
        let model = try fields.require("model").string()
        let version = try fields.require("version").integer(in: 1...Int64.max)
        try fields.finish(known: "model, version")
        return Origin(model: model, version: UInt64(version))
    }

    private static func texts(_ node: CardNode) throws(RegistryError) -> [ExactString: ExactString]
    {
        var texts: [ExactString: ExactString] = [:]
        for (name, value) in try freeKeys(node) {
            texts[name] = ExactString(try value.string())
        }
        return texts
    }

    private static func numbers(_ node: CardNode) throws(RegistryError) -> [ExactString: Double] {
        var numbers: [ExactString: Double] = [:]
        for (name, value) in try freeKeys(node) {
            numbers[name] = try value.number()
        }
        return numbers
    }

    private static func freeKeys(
        _ node: CardNode
    ) throws(RegistryError) -> [(name: ExactString, node: CardNode)] {
        var fields = try node.fields()
        let all = fields.takeAll()
        guard all.count <= maxFreeKeys else {
            throw node.failure("\(all.count) keys, at most \(maxFreeKeys) are allowed")
        }
        return all
    }
}
