internal import Engine
internal import Text

/// Requests that a model answers alone, with those answers: the reference for merged runs.
struct BatchSamples {
    /// A request and its answer.
    struct Sample {
        let inputs: [InputTensor]
        let rows: Int
        let outputs: [OutputTensor]
        /// Whether an output holds a NaN.
        let holdsNaN: Bool

        init(inputs: [InputTensor], rows: Int, outputs: [OutputTensor]) {
            self.inputs = inputs
            self.rows = rows
            self.outputs = outputs
            holdsNaN = outputs.contains(where: \.holdsNaN)
        }
    }

    /// The most samples of one group, and the most bytes of their inputs.
    static let maxOfGroup = 64
    static let maxBytesOfGroup = 16 << 20
    /// The most groups: each is compared at every size.
    static let maxGroups = 3
    /// The most golden requests that become samples.
    static let maxGolden = 8

    /// The name, quoted, of the first output with another number of rows than its request; nil if
    /// there is none.
    private(set) var outputOfOtherRows: String?
    /// Samples that may lie in one run, at least two in each group.
    private(set) var groups: [[Sample]] = []
    var count: Int { groups.reduce(0) { $0 + $1.count } }

    private let model: any InferenceModel
    private let maxRows: Int
    private let styles: [SyntheticStyle]

    /// Runs requests alone: golden ones, their single rows, generated ones of the same shapes, and
    /// generated ones of other shapes as long as there are few groups.
    ///
    /// - Parameters:
    ///   - styles: Of generated requests.
    ///   - run: Runs a request; nil if the model refuses it, which says nothing.
    init(
        of model: any InferenceModel,
        golden: [[InputTensor]],
        maxRows: Int,
        styles: [SyntheticStyle],
        run: ([InputTensor]) throws -> [OutputTensor]?
    ) rethrows {
        self.model = model
        self.maxRows = maxRows
        self.styles = styles
        let required = model.signature.requiredInputCount
        let golden = golden.filter { $0.count == required }.prefix(Self.maxGolden)
        for inputs in golden {
            try add(inputs, run)
            for row in BatchRows.single(of: inputs) { try add(row, run) }
        }
        for group in groups { try addSynthetic(.like(group[0].inputs), run) }
        for size in SyntheticInputs.freeDimensions where groups.count < Self.maxGroups {
            try addSynthetic(.free(size), run)
        }
        groups.removeAll { $0.count < 2 }
    }

    private mutating func addSynthetic(
        _ sizes: SyntheticInputs.Sizes,
        _ run: ([InputTensor]) throws -> [OutputTensor]?
    ) rethrows {
        let synthetic = SyntheticInputs(signature: model.signature)
        guard let first = synthetic.request(.moderate[0], sizes) else { return }
        if case .free = sizes, place(of: first) != nil { return }
        let elements = first.compactMap { TensorShape.elementCount($0.shape) }.min() ?? 0
        let sized =
            SyntheticStyle.special(elements: elements) + SyntheticStyle.ordinary(elements: elements)
        for style in sized + styles {
            guard let inputs = synthetic.request(style, sizes) else { return }
            try add(inputs, run)
        }
    }

    /// The group of a request.
    private func place(of inputs: [InputTensor]) -> Int? {
        groups.firstIndex { BatchShape.agree($0[0].inputs, inputs) }
    }

    private func hasRoom(_ group: [Sample]) -> Bool {
        guard group.count > 1 else { return true }
        let bytes = group[0].inputs.reduce(0) { $0 + $1.bytes.byteCount }
        return group.count < Self.maxOfGroup && bytes * group.count < Self.maxBytesOfGroup
    }

    private mutating func add(
        _ inputs: [InputTensor],
        _ run: ([InputTensor]) throws -> [OutputTensor]?
    ) rethrows {
        guard let rows = BatchShape.rows(of: inputs), rows <= maxRows,
            !inputs.contains(where: \.holdsNaN)
        else { return }
        let place = place(of: inputs)
        if let place, !hasRoom(groups[place]) { return }
        guard place != nil || groups.count < Self.maxGroups, let outputs = try run(inputs) else {
            return
        }
        if let other = outputs.first(where: { $0.shape.first != Int64(rows) }) {
            outputOfOtherRows = quoted(other.name)
            return
        }
        let sample = Sample(inputs: inputs, rows: rows, outputs: outputs)
        if let place { groups[place].append(sample) } else { groups.append([sample]) }
    }
}

extension ModelSignature {
    /// The inputs that every request gives. A request with more runs alone: an optional input is
    /// one tensor for all rows of a run.
    var requiredInputCount: Int { inputs.count { !$0.isOptional } }
}
