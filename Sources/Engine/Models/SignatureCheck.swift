package import Text

extension ModelSignature {
    /// Whether a request fits the model.
    ///
    /// - Parameter inputs: The request's tensors, in any order.
    /// - Throws: `invalidInput`, naming the tensor, what was wrong and what was expected: an
    ///   unknown, repeated or missing name, a type, rank or dimension that differs, too many
    ///   elements, a length that does not follow from the shape, BOOL bytes other than 0 and 1,
    ///   BYTES elements that do not add up.
    package func check(_ inputs: [InputTensor]) throws(EngineError) {
        var check = try SignatureCheck(of: self, tensors: inputs.count)
        for input in inputs {
            var refusal: EngineError?
            input.bytes.withBytes { bytes in
                do throws(EngineError) {
                    _ = try check.take(input.name, input.type, input.shape, bytes)
                } catch {
                    refusal = error
                }
            }
            if let refusal { throw refusal }
        }
        try check.finish()
    }

    /// Whether the model has the outputs that a request asks for.
    ///
    /// - Parameter outputs: Their names; empty asks for all of them.
    /// - Throws: `invalidInput` for an unknown or repeated name.
    package func check(outputs: [ExactString]) throws(EngineError) {
        _ = try indices(ofOutputs: outputs)
    }

    /// The indices in `outputs` of the outputs that a request asks for, all of them for no names.
    ///
    /// - Throws: `invalidInput` for an unknown or repeated name.
    package func indices(ofOutputs names: [ExactString]) throws(EngineError) -> [Int] {
        guard !names.isEmpty else { return Array(outputs.indices) }
        guard names.count <= EngineLimits.maxTensors else {
            throw EngineError(
                .invalidInput,
                "\(names.count) output names, at most \(EngineLimits.maxTensors) are taken"
            )
        }
        var indices: [Int] = []
        indices.reserveCapacity(names.count)
        var lookup = NameLookup(of: outputs)
        var seen = IndexSet()
        for name in names {
            guard let index = lookup.index(of: name) else {
                throw EngineError(
                    .invalidInput,
                    "unknown output \(quoted(name)), the model has \(list(outputs))"
                )
            }
            guard seen.insert(index) else {
                throw EngineError(.invalidInput, "output \(quoted(name)) is asked for twice")
            }
            indices.append(index)
        }
        return indices
    }
}

/// The check of one request, tensor by tensor.
package struct SignatureCheck {
    private let signature: ModelSignature
    private var lookup: NameLookup
    /// The inputs that were seen.
    private var seen = IndexSet()

    /// Begins a check.
    ///
    /// - Parameters:
    ///   - signature: The model's.
    ///   - tensors: How many the request has.
    package init(of signature: ModelSignature, tensors: Int) throws(EngineError) {
        self.signature = signature
        lookup = NameLookup(of: signature.inputs)
        guard tensors <= EngineLimits.maxTensors else {
            throw EngineError(
                .invalidInput,
                "\(tensors) input tensors, at most \(EngineLimits.maxTensors) are taken"
            )
        }
    }

    /// Looks at the next tensor.
    ///
    /// - Returns: Which input of the signature it is for.
    mutating func take(
        _ name: ExactString,
        _ type: ElementType,
        _ shape: [Int64],
        _ bytes: RawSpan
    ) throws(EngineError) -> Int {
        let index = try take(name)
        try signature.inputs[index].check(type, shape, bytes)
        return index
    }

    /// Looks at the next tensor without its data, which whoever gets it checks.
    ///
    /// - Returns: Which input of the signature it is for.
    package mutating func take(
        _ name: ExactString,
        _ type: ElementType,
        _ shape: [Int64],
        byteCount: Int
    ) throws(EngineError) -> Int {
        let index = try take(name)
        try signature.inputs[index].check(type, shape, byteCount: byteCount)
        return index
    }

    private mutating func take(_ name: ExactString) throws(EngineError) -> Int {
        guard let index = lookup.index(of: name) else {
            throw EngineError(
                .invalidInput,
                "unknown input \(quoted(name)), the model has \(list(signature.inputs))"
            )
        }
        guard seen.insert(index) else {
            throw EngineError(.invalidInput, "input \(quoted(name)) is given twice")
        }
        return index
    }

    /// Ends the check: every input without a default must have been there.
    package func finish() throws(EngineError) {
        for (index, spec) in signature.inputs.enumerated()
        where !spec.isOptional && !seen.contains(index) {
            let shape = spec.hasUnknownRank ? "any shape" : text(spec.shape)
            throw EngineError(
                .invalidInput,
                "input \(quoted(spec.name)) is missing: \(spec.type.name) \(shape)"
            )
        }
    }
}

extension TensorSpec {
    /// Whether a tensor fits this input: the cheap things first, its data last.
    fileprivate func check(
        _ type: ElementType,
        _ shape: [Int64],
        _ bytes: RawSpan
    ) throws(EngineError) {
        let elements = try check(type, shape, byteCount: bytes.byteCount)
        if let fault = type.fault(in: bytes, count: elements) { throw refusal(fault) }
    }

    /// Whether a tensor fits this input, its data left out.
    ///
    /// - Returns: How many elements it has.
    @discardableResult
    fileprivate func check(
        _ type: ElementType,
        _ shape: [Int64],
        byteCount: Int
    ) throws(EngineError) -> Int {
        guard type == self.type else {
            throw refusal("is \(type.name), the model takes \(self.type.name)")
        }
        try check(shape: shape)
        guard let elements = TensorShape.elementCount(shape) else {
            throw refusal(
                "has shape \(text(shape)), more than \(EngineLimits.maxElements) elements"
            )
        }
        try checkHiddenElements(of: shape)
        guard let elementBytes = type.byteCount else { return elements }
        let expected = elements * elementBytes
        guard byteCount == expected else {
            throw refusal(
                "has \(byteCount) bytes of data, shape \(text(shape)) of "
                    + "\(type.name) takes \(expected)"
            )
        }
        return elements
    }

    /// A size of 0 leaves a tensor without bytes, but not what a model makes of its other sizes.
    private func checkHiddenElements(of given: [Int64]) throws(EngineError) {
        guard given.contains(0) else { return }
        let hasFreeSize = given.indices.contains { position in
            given[position] > 1 && (hasUnknownRank || shape[position] == -1)
        }
        // The element count, with 1 for each 0, fits.
        let hidden = given.reduce(1) { $0 * max($1, 1) }
        guard hasFreeSize, hidden > EngineLimits.maxHiddenElements else { return }
        throw refusal(
            "has shape \(text(given)) without elements: its other sizes may multiply to at most "
                + "\(EngineLimits.maxHiddenElements)"
        )
    }

    private func check(shape given: [Int64]) throws(EngineError) {
        guard given.count <= EngineLimits.maxRank else {
            throw refusal(
                "has \(given.count) dimensions, at most \(EngineLimits.maxRank) are taken"
            )
        }
        guard hasUnknownRank || given.count == shape.count else {
            throw refusal(
                "has shape \(text(given)), the model takes \(shape.count) dimensions: "
                    + text(shape)
            )
        }
        for (position, size) in given.enumerated() {
            guard size >= 0 else {
                throw refusal("has shape \(text(given)): a size cannot be negative")
            }
            guard hasUnknownRank || shape[position] == -1 || shape[position] == size else {
                throw refusal(
                    "has shape \(text(given)), the model takes \(text(shape)): dimension "
                        + "\(position) must be \(shape[position])"
                )
            }
        }
    }

    private func refusal(_ what: String) -> EngineError {
        EngineError(.invalidInput, "input \(quoted(name)) \(what)")
    }
}

/// Names that a message lists at most.
private let maxListedNames = 16

private func list(_ specs: [TensorSpec]) -> String {
    let names = specs.prefix(maxListedNames).map { quoted($0.name) }.joined(separator: ", ")
    let left = specs.count - maxListedNames
    return left > 0 ? "\(names) and \(left) more" : names
}

private func text(_ shape: [Int64]) -> String {
    "[" + shape.map(String.init).joined(separator: ", ") + "]"
}
