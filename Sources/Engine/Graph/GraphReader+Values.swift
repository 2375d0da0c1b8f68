internal import Text

extension GraphTensor {
    /// TensorProto: 1 dims, 2 data_type, 4 float_data, 5 int32_data, 6 string_data, 7 int64_data,
    /// 8 name, 9 raw_data, 10 double_data, 11 uint64_data, 13 external_data, 14 data_location.
    mutating func read(_ content: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        var raw: Range<Int>?
        var fields = ProtobufFields(content)
        while let field = try fields.next(in: bytes) {
            switch field {
            case .number(let number, let value): read(number, value)
            case .fixed32(4, let bits): keep(Double(Float(bitPattern: bits)))
            case .fixed64(10, let bits): keep(Double(bitPattern: bits))
            case .fixed32, .fixed64, .group: break
            case .content(9, let content): raw = content
            case .content(let number, let content): try read(number, content, in: bytes)
            }
        }
        if let raw { try keep(raw: raw, in: bytes) }
    }

    private mutating func read(_ field: UInt32, _ value: UInt64) {
        switch field {
        case 1: add(size: value)
        case 2: type = Int32(truncatingIfNeeded: value)
        case 5: keep(Int64(Int32(truncatingIfNeeded: value)))
        case 7: keep(Int64(bitPattern: value))
        case 11: isOpaque = true
        case 14: isOpaque = isOpaque || value != 0
        default: break
        }
    }

    private mutating func read(
        _ field: UInt32,
        _ content: Range<Int>,
        in bytes: RawSpan
    ) throws(EngineError) {
        var packed = ProtobufFields(content)
        switch field {
        case 1: while let value = try packed.nextPacked(in: bytes) { add(size: value) }
        case 4:
            while !isOpaque, let bits = try packed.nextFixed(4, in: bytes) {
                keep(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
            }
        case 5, 7:
            while !isOpaque, let value = try packed.nextPacked(in: bytes) { read(field, value) }
        case 6:
            longestTextBytes = max(longestTextBytes, content.count)
            keep(bytes.array(content))
        case 8: name = try bytes.graphName(content)
        case 10:
            while !isOpaque, let bits = try packed.nextFixed(8, in: bytes) {
                keep(Double(bitPattern: bits))
            }
        case 11, 13: isOpaque = true
        default: break
        }
    }

    private mutating func add(size: UInt64) {
        guard shape.count < GraphLimits.maxRank else { return isOpaque = true }
        shape.append(Int64(bitPattern: size))
    }

    private mutating func keep(raw: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        var values = ProtobufFields(raw)
        func next(_ count: Int) throws(EngineError) -> UInt64? {
            isOpaque ? nil : try values.nextFixed(count, in: bytes)
        }
        switch type {
        case OnnxType.float:
            while let bits = try next(4) {
                keep(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
            }
        case OnnxType.double: while let bits = try next(8) { keep(Double(bitPattern: bits)) }
        case OnnxType.int64: while let bits = try next(8) { keep(Int64(bitPattern: bits)) }
        case OnnxType.int32:
            while let bits = try next(4) { keep(Int64(Int32(truncatingIfNeeded: bits))) }
        case OnnxType.int8:
            while let bits = try next(1) { keep(Int64(Int8(truncatingIfNeeded: bits))) }
        case OnnxType.uint8, OnnxType.bool: while let bits = try next(1) { keep(Int64(bits)) }
        default: isOpaque = true
        }
    }

    private mutating func keep(_ value: Int64) {
        guard ints.count < GraphLimits.maxKeptValues else { return forget() }
        ints.append(value)
    }

    private mutating func keep(_ value: Double) {
        guard reals.count < GraphLimits.maxKeptValues else { return forget() }
        reals.append(value)
    }

    private mutating func keep(_ value: [UInt8]) {
        guard texts.isEmpty else { return forget() }
        texts.append(value)
    }

    private mutating func forget() {
        isOpaque = true
        (ints, reals, texts) = ([], [], [])
    }
}

extension NodeAttribute {
    /// AttributeProto: 1 name, 2 f, 3 i, 4 s, 5 t, 6 g, 7 floats, 8 ints, 9 strings, 11 graphs.
    ///
    /// - Returns: The attribute's name.
    mutating func read(
        _ content: Range<Int>,
        in bytes: RawSpan
    ) throws(EngineError) -> ExactString {
        var name: ExactString = ""
        var fields = ProtobufFields(content)
        while let field = try fields.next(in: bytes) {
            switch field {
            case .fixed32(2, let bits): real = Float(bitPattern: bits)
            case .fixed32(7, let bits): keep(Float(bitPattern: bits))
            case .number(3, let value): int = Int64(bitPattern: value)
            case .number(8, let value): keep(Int64(bitPattern: value))
            case .content(1, let content): name = try bytes.graphName(content)
            case .content(let number, let content): try read(number, content, in: bytes)
            case .number, .fixed32, .fixed64, .group: break
            }
        }
        // A writer may leave out a value that is zero: the attribute has it all the same.
        (int, real, text) = (int ?? 0, real ?? 0, text ?? [])
        return name
    }

    private mutating func read(
        _ field: UInt32,
        _ content: Range<Int>,
        in bytes: RawSpan
    ) throws(EngineError) {
        var packed = ProtobufFields(content)
        switch field {
        case 4:
            longestTextBytes = max(longestTextBytes, content.count)
            text = bytes.array(content)
        case 5:
            var value = tensor ?? GraphTensor()
            try value.read(content, in: bytes)
            longestTextBytes = max(longestTextBytes, value.longestTextBytes)
            tensor = value
        case 6, 11: hasGraph = true
        case 7:
            while let bits = try packed.nextFixed(4, in: bytes) {
                keep(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
            }
        case 8:
            while let value = try packed.nextPacked(in: bytes) { keep(Int64(bitPattern: value)) }
        case 9:
            count += 1
            longestTextBytes = max(longestTextBytes, content.count)
            if texts.count < GraphLimits.maxKeptValues { texts.append(bytes.array(content)) }
        default: break
        }
    }

    private mutating func keep(_ value: Int64) {
        count += 1
        let range = intRange ?? value...value
        intRange = min(range.lowerBound, value)...max(range.upperBound, value)
        if ints.count < GraphLimits.maxKeptValues { ints.append(value) }
    }

    private mutating func keep(_ value: Float) {
        count += 1
        if reals.count < GraphLimits.maxKeptValues { reals.append(Double(value)) }
    }
}

extension [Int64] {
    /// Adds the numbers that are packed there, as long as they may be the dimensions of a shape.
    mutating func append(packed content: Range<Int>, in bytes: RawSpan) throws(EngineError) {
        var numbers = ProtobufFields(content)
        while count <= GraphLimits.maxRank, let value = try numbers.nextPacked(in: bytes) {
            append(Int64(bitPattern: value))
        }
    }
}

extension RawSpan {
    /// A name in a graph.
    ///
    /// - Throws: `unsupported` if it is not UTF-8 text: two such names could not be told apart.
    func graphName(_ range: Range<Int>) throws(EngineError) -> ExactString {
        guard let text = text(range) else {
            throw EngineError(.unsupported, "a name that is not UTF-8 text")
        }
        return ExactString(text)
    }

    /// A copy of the bytes that lie there.
    fileprivate func array(_ range: Range<Int>) -> [UInt8] {
        range.map { self[byteAt: $0] }
    }
}
