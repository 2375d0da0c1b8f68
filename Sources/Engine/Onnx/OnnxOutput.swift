internal import Text

/// The elements of an output where the runtime put them.
@safe
private struct OnnxElements: TensorBytes, @unchecked Sendable {
    // Unchecked: nothing writes to an output after the run that made it.

    /// Owns the memory.
    let value: OnnxValue
    let start: UnsafeMutableRawPointer
    let byteCount: Int

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try withExtendedLifetime(value) {
            let buffer = unsafe UnsafeRawBufferPointer(start: start, count: byteCount)
            return try body(unsafe buffer.bytes)
        }
    }
}

extension OnnxValue {
    /// The value as an output of ours: without a copy, unless it has to be encoded, or lies in
    /// memory that an input only lent.
    ///
    /// - Parameters:
    ///   - name: The output's name.
    ///   - inputs: The inputs of the same run. A graph may give back an input as it is, and then
    ///     the runtime hands out the very memory that was lent to it.
    func tensor(
        named name: ExactString,
        apartFrom inputs: [OnnxCall.Input]
    ) throws(OnnxFailure) -> OutputTensor {
        let info = try OnnxTensorInfo(of: self, in: library)
        guard let type = ElementType(onnx: info.elementType) else {
            throw OnnxFailure.unexpected("output of ONNX element type \(info.elementType)")
        }
        guard info.shape.count <= EngineLimits.maxRank,
            let count = TensorShape.elementCount(info.shape)
        else {
            throw OnnxFailure.unexpected("output of shape \(info.shape)")
        }
        guard let elementBytes = type.byteCount else {
            let encoded = try encodedStrings(count: count)
            return OutputTensor(name: name, type: type, shape: info.shape, bytes: encoded)
        }
        guard count > 0 else {
            return OutputTensor(name: name, type: type, shape: info.shape, bytes: [UInt8]())
        }
        let start = try unsafe elements()
        let lent = unsafe OnnxElements(value: self, start: start, byteCount: count * elementBytes)
        guard inputs.contains(where: { unsafe $0.value.holds(start) }) else {
            return OutputTensor(name: name, type: type, shape: info.shape, bytes: lent)
        }
        return OutputTensor(name: name, type: type, shape: info.shape, bytes: lent.copied())
    }
}
