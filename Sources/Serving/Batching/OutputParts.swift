internal import Engine

/// The outputs of one run of several requests, cut into each one's own rows without a copy.
struct OutputParts {
    private let parts: [[OutputTensor]]

    /// Cuts outputs by the rows of the requests, in their order; nil if an output does not have
    /// just those rows.
    init?(_ outputs: [OutputTensor], rows: [Int]) {
        var parts = [[OutputTensor]](repeating: [], count: rows.count)
        let total = rows.reduce(0, +)
        for output in outputs {
            guard output.shape.first == Int64(total),
                let ends = Self.ends(of: rows, total: total, in: output)
            else { return nil }
            var start = 0
            for (index, end) in ends.enumerated() {
                var shape = output.shape
                shape[0] = Int64(rows[index])
                parts[index].append(
                    OutputTensor(
                        name: output.name,
                        type: output.type,
                        shape: shape,
                        bytes: OutputSlice(whole: output, range: start..<end)
                    )
                )
                start = end
            }
        }
        self.parts = parts
    }

    /// What one request gets.
    func outputs(of index: Int) -> [OutputTensor] { parts[index] }

    /// Where the bytes of each request's rows end.
    private static func ends(of rows: [Int], total: Int, in output: OutputTensor) -> [Int]? {
        guard output.type != .bytes else { return endsOfBytes(rows, total: total, in: output) }
        guard output.byteCount.isMultiple(of: total) else { return nil }
        let rowBytes = output.byteCount / total
        var end = 0
        return rows.map { count in
            end += count * rowBytes
            return end
        }
    }

    /// BYTES elements have their own length each: they are walked once.
    private static func endsOfBytes(
        _ rows: [Int],
        total: Int,
        in output: OutputTensor
    ) -> [Int]? {
        guard let elements = TensorShape.elementCount(output.shape) else { return nil }
        let rowElements = elements / total
        var elementsLeft = rows.map { $0 * rowElements }
        var ends: [Int] = []
        var offset = 0
        output.withBytes { bytes in
            BytesElements.forEach(in: bytes, count: elements) { _, element in
                while ends.count < rows.count, elementsLeft[ends.count] == 0 { ends.append(offset) }
                offset += BytesElements.prefixBytes + element.byteCount
                elementsLeft[ends.count] -= 1
            }
        }
        while ends.count < rows.count { ends.append(offset) }
        return ends
    }
}

/// Some of an output's bytes, which keep the whole of it alive.
private struct OutputSlice: TensorBytes {
    let whole: OutputTensor
    let range: Range<Int>

    var byteCount: Int { range.count }

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try whole.withBytes { bytes in try body(bytes.extracting(range)) }
    }
}
