package import Engine

/// The rows of several requests behind one another: the only copy of an input on its way from the
/// connection's buffer to the engine. A model that copies its inputs gets the parts instead.
package struct GatheredBatch {
    /// The inputs of the one run.
    package let inputs: [InputTensor]

    /// Gathers requests that ``BatchShape/agree(_:_:)``, at least one, each of them checked.
    ///
    /// - Parameter inParts: Whether the rows stay where they are, for a model with
    ///   ``InferenceModel/copiesInputs``.
    package init(_ requests: [[InputTensor]], inParts: Bool = false) {
        inputs = requests[0].indices.map { index in
            let first = requests[0][index]
            var shape = first.shape
            shape[0] = requests.reduce(0) { $0 + $1[index].shape[0] }
            let parts = requests.map { $0[index].bytes }
            return InputTensor(
                name: first.name,
                type: first.type,
                shape: shape,
                bytes: inParts ? PartedBytes(parts) : GatheredBytes(parts)
            )
        }
    }
}

/// Bytes that lie in parts.
struct PartedBytes: TensorBytes {
    let byteCount: Int
    private let parts: [any TensorBytes]

    init(_ parts: [any TensorBytes]) {
        self.parts = parts
        byteCount = parts.reduce(0) { $0 + $1.byteCount }
    }

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try GatheredBytes(parts).withBytes(body)
    }

    func forEachPart(_ body: (RawSpan) throws -> Void) rethrows {
        for part in parts { try part.forEachPart(body) }
    }
}

/// Bytes that were copied together.
@safe
package final class GatheredBytes: TensorBytes, @unchecked Sendable {
    // Unchecked: written in `init` alone.

    package let byteCount: Int
    private let memory: UnsafeMutableRawBufferPointer
    /// Wide enough for every element type and for the vector loads of an engine.
    private static let alignment = 64

    init(_ parts: [any TensorBytes]) {
        let total = parts.reduce(0) { $0 + $1.byteCount }
        byteCount = total
        unsafe memory = .allocate(byteCount: max(total, 1), alignment: Self.alignment)
        var offset = 0
        for part in parts {
            part.withBytes { bytes in
                unsafe bytes.withUnsafeBytes { source in
                    let target = unsafe UnsafeMutableRawBufferPointer(
                        rebasing: memory[offset..<offset + source.count]
                    )
                    unsafe target.copyMemory(from: source)
                    offset += source.count
                }
            }
        }
    }

    deinit { unsafe memory.deallocate() }

    package func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        let bytes = unsafe UnsafeRawBufferPointer(memory).bytes
        return try body(bytes.extracting(0..<byteCount))
    }
}
