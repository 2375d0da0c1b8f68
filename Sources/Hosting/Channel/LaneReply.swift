internal import Engine
internal import Text

/// A reply of a lane: 64-bit words, then a ``TensorRecord`` for each output, or text.
///
/// | word | content |
/// |---|---|
/// | 0 | ``Status``, in the upper half the count of outputs |
/// | 1 | bytes of room that are missing; or ``ErrorNumber`` |
/// | 2 | bytes of an error's message, in the upper half those of its detail |
struct LaneReply {
    /// How the request ended.
    enum Status: UInt32 {
        case outputs
        case failed
        case needsRoom
    }

    /// The codes of errors that a model may give, as numbers.
    static let codes: [EngineError.Code] = [
        .invalidInput, .unsupported, .runtimeFailed, .terminated, .outOfMemory, .unavailable,
    ]

    static let headerWords = 3
    /// The most words of a reply.
    static let maxWords = headerWords + EngineLimits.maxTensors * TensorRecord.words

    /// A reply as the server takes it, every number checked.
    enum Checked {
        case outputs([Output])
        case failed(EngineError)
        /// So many bytes are needed.
        case needsRoom(Int)
    }

    /// An output whose bytes lie inside of what was granted.
    struct Output {
        let type: ElementType
        let shape: [Int64]
        /// In the mapping of the granted place.
        let range: Range<Int>
        /// The product of the sizes.
        let elements: Int
    }

    // MARK: The host's side

    static func write(_ outputs: [TensorRecord], to lane: LaneMemory) {
        var words = [UInt64(Status.outputs.rawValue) | UInt64(outputs.count) << 32, 0, 0]
        for record in outputs { record.write(to: &words) }
        lane.writeReply(words)
    }

    static func write(needingRoom byteCount: Int, to lane: LaneMemory) {
        lane.writeReply([UInt64(Status.needsRoom.rawValue), UInt64(byteCount), 0])
    }

    static func write(_ error: EngineError, to lane: LaneMemory) {
        let message = error.message.utf8.prefix(HostingLimits.maxMessageBytes)
        let detail = error.detail.utf8.prefix(HostingLimits.maxDetailBytes)
        // A code that only the server gives would be a breach.
        let code = codes.firstIndex(of: error.code) ?? codes.firstIndex(of: .runtimeFailed) ?? 0
        var words = [
            UInt64(Status.failed.rawValue), UInt64(code),
            UInt64(message.count) | UInt64(detail.count) << 32,
        ]
        var text = [UInt8](message)
        text += detail
        for start in stride(from: 0, to: text.count, by: 8) {
            words.append(
                text[start..<min(start + 8, text.count)].reversed().reduce(0) {
                    $0 << 8 | UInt64($1)
                }
            )
        }
        lane.writeReply(words)
    }

    // MARK: The server's side

    /// Reads a reply that may hold anything, and may change while it is read. Each word is read
    /// once.
    ///
    /// - Parameters:
    ///   - wanted: The outputs that were asked for.
    ///   - granted: The bytes in which outputs may lie.
    /// - Throws: The first thing that is not as agreed.
    static func read(
        from lane: LaneMemory,
        wanted: [TensorSpec],
        granted: Range<Int>
    ) throws(ProtocolBreach) -> Checked {
        try read(wanted: wanted, granted: granted) { lane.reply($0) }
    }

    /// - Parameter copy: Copies words of the reply.
    static func read(
        wanted: [TensorSpec],
        granted: Range<Int>,
        copy: (Range<Int>) -> [UInt64]
    ) throws(ProtocolBreach) -> Checked {
        let header = copy(0..<headerWords)
        switch Status(rawValue: UInt32(truncatingIfNeeded: header[0])) {
        case .outputs:
            let count = header[0] >> 32
            guard count == wanted.count else {
                throw ProtocolBreach("it replied with \(count) outputs, not \(wanted.count)")
            }
            let end = headerWords + wanted.count * TensorRecord.words
            return .outputs(try outputs(copy(headerWords..<end), wanted, granted))
        case .failed:
            return .failed(try error(header, copy))
        case .needsRoom:
            guard header[1] > 0, header[1] <= HostingLimits.maxAreaBytes else {
                throw ProtocolBreach("it asked for \(header[1]) bytes")
            }
            return .needsRoom(Int(header[1]))
        case nil:
            throw ProtocolBreach("it replied with status \(UInt32(truncatingIfNeeded: header[0]))")
        }
    }

    private static func outputs(
        _ words: [UInt64],
        _ wanted: [TensorSpec],
        _ granted: Range<Int>
    ) throws(ProtocolBreach) -> [Output] {
        var outputs: [Output] = []
        outputs.reserveCapacity(wanted.count)
        for (index, spec) in wanted.enumerated() {
            let start = index * TensorRecord.words
            let record = TensorRecord(reading: words[start..<start + TensorRecord.words])
            outputs.append(try Output(record, spec, granted))
        }
        return outputs
    }

    private static func error(
        _ header: [UInt64],
        _ copy: (Range<Int>) -> [UInt64]
    ) throws(ProtocolBreach) -> EngineError {
        guard header[1] < codes.count else {
            throw ProtocolBreach("it replied with error \(header[1])")
        }
        let (message, detail) = (Int(header[2] & 0xFFFF_FFFF), Int(header[2] >> 32))
        guard message <= HostingLimits.maxMessageBytes, detail <= HostingLimits.maxDetailBytes
        else { throw ProtocolBreach("it replied with an error of \(message) and \(detail) bytes") }
        let words = copy(headerWords..<headerWords + (message + detail + 7) / 8)
        let bytes = words.flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
        }
        return EngineError(
            codes[Int(header[1])],
            String(decoding: bytes[..<message], as: UTF8.self).escaped,
            detail: String(decoding: bytes[message..<message + detail], as: UTF8.self).escaped
        )
    }
}

extension LaneReply.Output {
    /// Checks a record of any content.
    ///
    /// The shape need not be the declared one: exporters declare wrong ones, and the runtime gives
    /// what it has computed.
    fileprivate init(
        _ record: TensorRecord,
        _ spec: TensorSpec,
        _ granted: Range<Int>
    ) throws(ProtocolBreach) {
        func breach(_ what: String) -> ProtocolBreach {
            ProtocolBreach("its output \(quoted(spec.name)) \(what)")
        }
        guard record.number == UInt32(bitPattern: spec.type.rawValue) else {
            throw breach("has type \(record.number), not \(spec.type.name)")
        }
        guard let shape = record.shape else { throw breach("has \(record.rank) dimensions") }
        guard let elements = TensorShape.elementCount(shape) else {
            throw breach("has shape \(shape)")
        }
        guard let range = record.range(in: granted) else {
            throw breach("has \(record.byteCount) bytes at \(record.offset), outside of its place")
        }
        if let elementBytes = spec.type.byteCount, range.count != elements * elementBytes {
            throw breach("has \(range.count) bytes for shape \(shape)")
        }
        self.init(type: spec.type, shape: shape, range: range, elements: elements)
    }
}
