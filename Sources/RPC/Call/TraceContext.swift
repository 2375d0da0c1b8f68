package import Text

/// Where a call stands in a trace of its caller's: W3C Trace Context, level 1, of the metadata
/// `traceparent` and `tracestate`. What is malformed is as if it were not there.
package struct TraceContext: Sendable, Equatable {
    /// The request metadata that it comes in.
    package static let parentKey: ExactString = "traceparent"
    package static let stateKey: ExactString = "tracestate"
    /// Bytes of a state that is carried on; a longer one is dropped, as the specification allows.
    static let maxStateBytes = 512
    /// Entries of a state; more make it malformed.
    static let maxStateEntries = 32
    private static let maxKeyBytes = 256
    private static let maxValueBytes = 256

    /// 32 hexadecimal digits in lower case, not all 0.
    package let traceID: String
    /// The caller's span: 16 such digits, not all 0.
    package let spanID: String
    /// Whether the caller records its part.
    package let isSampled: Bool
    /// What vendors pass on along a trace; empty: nothing.
    package let state: String

    package init(traceID: String, spanID: String, isSampled: Bool, state: String = "") {
        self.traceID = traceID
        self.spanID = spanID
        self.isSampled = isSampled
        self.state = state
    }

    /// The context of a request's metadata, whose keys are in lower case.
    package init?(metadata: [(key: ExactString, value: String)]) {
        // Asked of nearly all calls, which have none.
        guard !metadata.isEmpty else { return nil }
        let parents = metadata.filter { $0.key == Self.parentKey }
        guard parents.count == 1, let parent = parents.first else { return nil }
        let states = metadata.filter { $0.key == Self.stateKey }.map(\.value)
        self.init(parent: parent.value, state: states.joined(separator: ","))
    }

    /// The context of the two values; a malformed state is dropped alone.
    package init?(parent: String, state: String = "") {
        let bytes = Array(parent.utf8)
        guard bytes.count >= 55, bytes[2] == 0x2D, bytes[35] == 0x2D, bytes[52] == 0x2D,
            let version = Self.hexadecimal(bytes[0..<2]), version != 0xFF,
            bytes.count == 55 || (version > 0 && bytes[55] == 0x2D),
            let high = Self.hexadecimal(bytes[3..<19]), let low = Self.hexadecimal(bytes[19..<35]),
            high | low != 0,
            let span = Self.hexadecimal(bytes[36..<52]), span != 0,
            let flags = Self.hexadecimal(bytes[53..<55])
        else { return nil }
        traceID = String(decoding: bytes[3..<35], as: UTF8.self)
        spanID = String(decoding: bytes[36..<52], as: UTF8.self)
        isSampled = flags & 1 == 1
        self.state = Self.isState(state) ? state : ""
    }

    /// The value of ``parentKey``.
    package var parent: String { "00-\(traceID)-\(spanID)-\(isSampled ? "01" : "00")" }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var value: UInt64 = 0
        for digit in digits {
            switch digit {
            case 0x30...0x39: value = value << 4 | UInt64(digit - 0x30)
            case 0x61...0x66: value = value << 4 | UInt64(digit - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }

    private static func isState(_ text: String) -> Bool {
        guard text.utf8.count <= maxStateBytes else { return false }
        let entries = text.utf8.split(separator: 0x2C).map { trimmed($0) }.filter { !$0.isEmpty }
        guard entries.count <= maxStateEntries else { return false }
        var keys: Set<[UInt8]> = []
        for entry in entries {
            guard let equals = entry.firstIndex(of: 0x3D) else { return false }
            let key = Array(entry[..<equals])
            guard isKey(key), isValue(entry[(equals + 1)...]), keys.insert(key).inserted else {
                return false
            }
        }
        return true
    }

    private static func trimmed(_ text: Substring.UTF8View) -> ArraySlice<UInt8> {
        var bytes = Array(text)[...]
        while let first = bytes.first, first == 0x20 || first == 0x09 { bytes.removeFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
        return bytes
    }

    private static func isKey(_ key: [UInt8]) -> Bool {
        guard (1...maxKeyBytes).contains(key.count), let first = key.first,
            isLowerOrDigit(first)
        else { return false }
        return key.allSatisfy { byte in
            isLowerOrDigit(byte) || [0x5F, 0x2D, 0x2A, 0x2F, 0x40].contains(byte)
        }
    }

    private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
        (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
    }

    private static func isValue(_ value: ArraySlice<UInt8>) -> Bool {
        (1...maxValueBytes).contains(value.count)
            && value.allSatisfy { (0x20...0x7E).contains($0) && $0 != 0x3D && $0 != 0x2C }
    }
}
