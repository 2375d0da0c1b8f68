/// The bytes of a model after changes of some of its tensors.
///
/// They are described as pieces, so that their number is known before anything is copied.
struct ModelRewrite {
    /// Consecutive bytes of the result.
    private enum Piece {
        /// Bytes of the model, as they are.
        case model(Range<Int>)
        /// Tags and lengths.
        case new([UInt8])
        /// The data of a tensor in another file.
        case data(ExternalTensor)
    }

    /// TensorProto: 4 to 7, 9 to 11 data, 9 raw data, 13 external data, 14 data location.
    private static let rawDataField: UInt32 = 9
    private static let dataFields: Set<UInt32> = [4, 5, 6, 7, 9, 10, 11]
    private static let placeFields: Set<UInt32> = [13, 14]

    private let edits: [ModelEdit]
    private var pieces: [Piece] = []
    /// Bytes of the result.
    private(set) var byteCount = 0

    private init(_ edits: [ModelEdit]) {
        self.edits = edits
    }

    /// Makes the changes in a copy of a model's bytes.
    ///
    /// - Parameters:
    ///   - edits: In the order of their places, each of which is a tensor of the model.
    ///   - files: Where the data of tensors that are embedded lies.
    ///   - maxBytes: Bytes of the result, inclusive.
    /// - Throws: `unsupported` if the result has too many bytes.
    static func bytes(
        of model: RawSpan,
        changedBy edits: [ModelEdit],
        files: ExternalFiles,
        maxBytes: Int = EngineLimits.maxModelBytes
    ) throws(EngineError) -> [UInt8] {
        var rewrite = ModelRewrite(edits)
        try rewrite.add(message: model.byteOffsets, in: model)
        guard rewrite.byteCount <= maxBytes else {
            throw EngineError(
                .unsupported,
                "the model has \(rewrite.byteCount) bytes with the data of tensors of its "
                    + "subgraphs and attributes, at most \(maxBytes) are taken"
            )
        }
        return rewrite.copy(from: model, files)
    }

    private func copy(from model: RawSpan, _ files: ExternalFiles) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(byteCount)
        for piece in pieces {
            switch piece {
            case .model(let range): result.append(model, range)
            case .new(let bytes): result += bytes
            case .data(let tensor):
                files.file(of: tensor).withBytes { result.append($0, tensor.range) }
            }
        }
        return result
    }

    /// Adds a message, whose place holds the edits.
    private mutating func add(
        message range: Range<Int>,
        in model: RawSpan
    ) throws(EngineError) {
        var fields = ProtobufFields(range)
        var start = fields.offset
        while let field = try fields.next(in: model) {
            let whole = start..<fields.offset
            start = fields.offset
            guard case .content(let number, let content) = field, let edit = edit(in: content)
            else {
                add(whole)
                continue
            }
            var inner = ModelRewrite(edits)
            if edit.place != content {
                try inner.add(message: content, in: model)
            } else if case .remove = edit.change {
                continue
            } else {
                try inner.add(tensor: edit, in: model)
            }
            add(header: number, byteCount: inner.byteCount)
            for piece in inner.pieces { add(piece) }
        }
    }

    /// The first edit whose place lies there; nil if there is none.
    private func edit(in content: Range<Int>) -> ModelEdit? {
        var (low, high) = (0, edits.count)
        while low < high {
            let middle = (low + high) / 2
            if edits[middle].place.lowerBound < content.lowerBound {
                low = middle + 1
            } else {
                high = middle
            }
        }
        guard low < edits.count, edits[low].place.upperBound <= content.upperBound else {
            return nil
        }
        return edits[low]
    }

    /// Adds a tensor without references to another file, and with its data if that is there.
    private mutating func add(tensor edit: ModelEdit, in model: RawSpan) throws(EngineError) {
        var leftOut = Self.placeFields
        if case .embed = edit.change { leftOut.formUnion(Self.dataFields) }
        var fields = ProtobufFields(edit.place)
        var start = fields.offset
        while let field = try fields.next(in: model) {
            if !leftOut.contains(field.number) { add(start..<fields.offset) }
            start = fields.offset
        }
        guard case .embed(let tensor) = edit.change else { return }
        add(header: Self.rawDataField, byteCount: tensor.range.count)
        add(.data(tensor))
    }

    private mutating func add(_ range: Range<Int>) {
        if case .model(let last) = pieces.last, last.upperBound == range.lowerBound {
            pieces[pieces.count - 1] = .model(last.lowerBound..<range.upperBound)
            byteCount += range.count
        } else {
            add(.model(range))
        }
    }

    private mutating func add(_ piece: Piece) {
        pieces.append(piece)
        switch piece {
        case .model(let range): byteCount += range.count
        case .new(let bytes): byteCount += bytes.count
        case .data(let tensor): byteCount += tensor.range.count
        }
    }

    /// Adds the tag and the length of a field with a content.
    private mutating func add(header number: UInt32, byteCount: Int) {
        add(.new(Self.varint(UInt64(number) << 3 | 2) + Self.varint(UInt64(byteCount))))
    }

    private static func varint(_ value: UInt64) -> [UInt8] {
        var (rest, bytes) = (value, [UInt8]())
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}

extension [UInt8] {
    fileprivate mutating func append(_ bytes: RawSpan, _ range: Range<Int>) {
        unsafe bytes.extracting(range).withUnsafeBytes { unsafe append(contentsOf: $0) }
    }
}
