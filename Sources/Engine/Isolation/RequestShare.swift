/// The result of comparing a size with the sizes of a request.
enum Use {
    case share(RequestShare)
    /// No comparison: a clause that says why.
    case unproved(String)
}

/// The bytes of tensors, as parts that follow the bytes of each input, and a part that does not.
struct RequestShare {
    /// The bytes for each product of the free sizes of an input.
    var inputs: [Int: Double] = [:]
    var constant = 0.0
    /// How often it holds the characters of the request's texts.
    var texts = 0

    mutating func add(_ other: RequestShare) {
        inputs.merge(other.inputs, uniquingKeysWith: +)
        constant += other.constant
        texts += other.texts
    }

    /// Takes away what was added.
    mutating func subtract(_ other: RequestShare) {
        for (input, bytes) in other.inputs { inputs[input, default: 0] -= bytes }
        constant -= other.constant
        texts -= other.texts
    }
}

extension TensorFacts {
    /// The free sizes of inputs without which the tensor has no elements.
    func exactSizes(_ symbols: SizeSymbols) -> Set<Int32> {
        Set((shape ?? []).flatMap { $0?.symbols ?? [] }.filter { symbols.input(of: $0) != nil })
    }
}
