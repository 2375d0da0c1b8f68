internal import Engine

/// A request to a lane: 64-bit words, then a ``TensorRecord`` for each input and each output.
///
/// | word | content |
/// |---|---|
/// | 0 | ``Kind``; bit 32 is set if the run may be terminated |
/// | 1 | count of inputs, in the upper half that of outputs |
/// | 2 | area of the inputs, in the upper half that of the outputs |
/// | 3 and 4 | begin and end of the room for outputs without a place |
struct LaneRequest {
    /// The task of the lane.
    enum Kind: UInt32 {
        /// Runs the model.
        case run
        /// Writes the outputs of the run before, for which there was not enough room.
        case copy
        /// Releases the outputs of the run before, for which the server has no memory.
        case release
    }

    private static let headerWords = 5
    /// The most words of a request.
    static let maxWords = headerWords + 2 * EngineLimits.maxTensors * TensorRecord.words

    var kind: Kind
    var mayBeTerminated = false
    var inputArea = TensorPlace.ring
    var outputArea = TensorPlace.ring
    /// Room for outputs that have no place of their own.
    var room = 0..<0
    /// Their numbers are indices in the signature's inputs.
    var inputs: [TensorRecord] = []
    /// Their numbers are indices in the signature's outputs.
    var outputs: [TensorRecord] = []

    init(_ kind: Kind) {
        self.kind = kind
    }

    func write(to lane: LaneMemory) {
        var words: [UInt64] = []
        words.reserveCapacity(
            Self.headerWords + (inputs.count + outputs.count) * TensorRecord.words
        )
        words.append(UInt64(kind.rawValue) | (mayBeTerminated ? 1 << 32 : 0))
        words.append(UInt64(inputs.count) | UInt64(outputs.count) << 32)
        words.append(UInt64(inputArea) | UInt64(outputArea) << 32)
        words.append(UInt64(room.lowerBound))
        words.append(UInt64(room.upperBound))
        for record in inputs { record.write(to: &words) }
        for record in outputs { record.write(to: &words) }
        lane.writeRequest(words)
    }

    /// Reads the server's request: for the host, which trusts it.
    init(reading lane: LaneMemory) {
        let header = lane.request(0..<Self.headerWords)
        kind = Kind(rawValue: UInt32(truncatingIfNeeded: header[0])) ?? .release
        mayBeTerminated = header[0] >> 32 != 0
        let counts = (Int(header[1] & 0xFFFF_FFFF), Int(header[1] >> 32))
        inputArea = UInt32(truncatingIfNeeded: header[2])
        outputArea = UInt32(truncatingIfNeeded: header[2] >> 32)
        room = Int(header[3])..<Int(header[4])
        let end = Self.headerWords + (counts.0 + counts.1) * TensorRecord.words
        let words = lane.request(Self.headerWords..<end)
        var records = stride(from: 0, to: words.count, by: TensorRecord.words).map { start in
            TensorRecord(reading: words[start..<start + TensorRecord.words])
        }
        outputs = Array(records[counts.0...])
        records.removeSubrange(counts.0...)
        inputs = records
    }
}
