internal import Engine

/// The room for the outputs of one run: a place for each whose shape is known before, and room
/// for the others.
struct OutputPlan {
    /// An output with a place.
    struct Placed {
        let shape: [Int64]
        /// In the whole room.
        let range: Range<Int>
    }

    /// For each wanted output its place; nil if its shape is not known before.
    private(set) var placed: [Placed?] = []
    /// Bytes of all places, after which the room for others begins.
    private(set) var placedBytes = 0
    /// Whether some output has no place.
    private(set) var hasOthers = false

    /// - Parameters:
    ///   - wanted: The wanted outputs.
    ///   - inputs: The inputs of the run, checked.
    ///   - rows: The proof about the model's rows; nil: no output gets a place.
    init(_ wanted: [TensorSpec], _ inputs: [InputTensor], rows: RowAnalysis?) {
        let count = rows?.provesRowCount == true ? Self.rows(of: inputs) : nil
        placed.reserveCapacity(wanted.count)
        for spec in wanted {
            guard let count, let shape = spec.shape(rows: count),
                let elements = TensorShape.elementCount(shape), elements > 0,
                let elementBytes = spec.type.byteCount
            else {
                hasOthers = true
                placed.append(nil)
                continue
            }
            let byteCount = elements * elementBytes
            placed.append(
                Placed(shape: shape, range: placedBytes..<placedBytes + byteCount)
            )
            placedBytes += TensorPlace.roundedUp(byteCount)
        }
    }

    private static func rows(of inputs: [InputTensor]) -> Int64? {
        guard let rows = inputs.first?.shape.first,
            inputs.allSatisfy({ $0.shape.first == rows })
        else { return nil }
        return rows
    }
}

extension TensorSpec {
    /// The shape of that many rows; nil if another dimension is free too.
    fileprivate func shape(rows: Int64) -> [Int64]? {
        guard !hasUnknownRank, !shape.isEmpty, shape.dropFirst().allSatisfy({ $0 >= 0 }) else {
            return nil
        }
        var known = shape
        known[0] = rows
        return known
    }
}

extension TensorPlace {
    /// A size that leaves what follows aligned.
    static func roundedUp(_ byteCount: Int) -> Int {
        (byteCount + RingAllocator.unit - 1) / RingAllocator.unit * RingAllocator.unit
    }
}
