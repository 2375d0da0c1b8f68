internal import Text

/// The bytes of a request, as far as the shapes of its inputs say, and the comparison of other
/// sizes with them.
struct RequestBytes {
    /// Bytes that an intermediate may have whatever the request: 64 MiB.
    static let maxConstantBytes = 64 << 20
    /// Bytes of the length in front of each element of BYTES.
    private static let textPrefixBytes = 4.0
    /// Bytes of an element of text in the runtime, beside its characters.
    private static let textBytes = 32.0
    /// Bytes of a number as text. An element of unknown type counts as such a text.
    private static let numberTextBytes = 32.0

    /// The most bytes of an intermediate for each byte of a request.
    let growth: Double
    /// Bytes of an element of text with the longest text of the model.
    private let modelTextBytes: Double
    /// The free sizes of each input, with the bytes for each product of them.
    private var weights: [Int: (symbols: Set<Int32>, bytes: Double)] = [:]
    /// The bytes of inputs without free sizes.
    private var fixed = 0.0

    /// Begins without inputs.
    init(growth: Int, longestText: Int) {
        self.growth = Double(growth)
        modelTextBytes = Self.textBytes + max(Self.numberTextBytes, Double(longestText))
    }

    /// Adds an input that each request gives.
    mutating func add(input: Int, _ facts: TensorFacts) {
        let element =
            facts.type == OnnxType.string
            ? Self.textPrefixBytes : Self.numberBytes[facts.type] ?? 0
        let sizes = facts.shape ?? []
        let bytes = sizes.reduce(element) { $0 * Double($1?.factor ?? 0) }
        let symbols = Set(sizes.flatMap { $0?.symbols ?? [] })
        if symbols.isEmpty { fixed += bytes } else { weights[input] = (symbols, bytes) }
    }

    /// The upper bound of the bytes of a tensor; nil if none is known.
    func bound(of facts: TensorFacts, _ symbols: SizeSymbols) -> SizeBound? {
        guard let shape = facts.shape else { return nil }
        return symbols.bound(ofProduct: shape)?.scaled(by: elementBytes(facts.type))
    }

    private func elementBytes(_ type: Int32) -> Double {
        if type == OnnxType.string { return modelTextBytes }
        // The runtime computes with them as FP32.
        if type == OnnxType.float16 || type == OnnxType.bfloat16 { return 4 }
        return Self.numberBytes[type] ?? modelTextBytes
    }

    private static let numberBytes: [Int32: Double] = [
        OnnxType.float: 4, OnnxType.uint8: 1, OnnxType.int8: 1, 4: 2, 5: 2, OnnxType.int32: 4,
        OnnxType.int64: 8, OnnxType.bool: 1, OnnxType.float16: 2, OnnxType.double: 8,
        OnnxType.uint32: 4, OnnxType.uint64: 8, OnnxType.bfloat16: 2,
    ]

    /// The use that a bound makes of a request's bytes.
    ///
    /// - Parameter exact: Free sizes without which the tensor has no elements.
    func use(
        of bound: SizeBound?,
        exact: Set<Int32> = [],
        _ symbols: SizeSymbols
    ) -> Use {
        guard let bound else {
            return .unproved("the size of its output does not follow from the sizes of a request")
        }
        var bytes = RequestShare()
        for (product, factor) in bound.terms where factor > 0 {
            guard let first = product.first else {
                bytes.constant += factor
                continue
            }
            // A product of free sizes of one input, each once, is at most the input's elements.
            guard let input = symbols.input(of: first), let weight = weights[input],
                Set(product).count == product.count, weight.symbols.isSuperset(of: product)
            else {
                return .unproved("its output may grow with a product of free sizes of a request")
            }
            bytes.inputs[input, default: 0] += factor
            // Another size of 0 may leave the input without bytes, and the output with some.
            if !exact.isSuperset(of: weight.symbols) { bytes.constant += factor }
        }
        return .share(bytes)
    }

    /// The clause that says why a share of a request's bytes is too large; nil if it is not.
    ///
    /// - Parameter times: The number of tensors of the largest proved size.
    func fault(of share: RequestShare, times: Int = 1) -> String? {
        let growth = growth * Double(times)
        let most = Double(Self.maxConstantBytes) * Double(times)
        let what = times == 1 ? "its output" : "the tensors that live at once with it"
        guard Double(share.texts) <= growth else {
            return "\(what) may hold the texts of a request more than \(Int(growth)) times"
        }
        for (input, bytes) in share.inputs where bytes > growth * (weights[input]?.bytes ?? 0) {
            return "\(what) may have more than \(Int(growth)) times the bytes of a request"
        }
        guard share.constant <= growth * fixed + most else {
            return "\(what) may have more than \(Int(growth)) times the bytes of a request and "
                + "\(Int(most)) more"
        }
        return nil
    }
}
