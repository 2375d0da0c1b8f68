/// A place in the runtime's source code at which a text was made, with what the runtime writes
/// behind it: `/src/a.cc:12 void f(int) [with T = int] x > 0 was false. ` or `a.cc:12 F `.
struct OnnxSourcePlace {
    /// Where the text behind it begins.
    let end: Int
    /// The operator whose kernel's constructor it is; nil: another function.
    private(set) var operatorName: String?

    /// Bytes of a file's name, a function and a condition that are looked at.
    private static let maxFileBytes = 256
    private static let maxFunctionBytes = 2_048
    private static let maxConditionBytes = 512

    private static let extensions = ["cc", "cpp", "cxx", "c", "h", "hpp", "cuh", "cu", "inc"]

    /// Finds one whose file begins at `start`; nil if there is none.
    init?(in bytes: [UInt8], at start: Int) {
        guard let file = Self.file(in: bytes, at: start) else { return nil }
        var rest = SourceCursor(bytes, at: file.end, limit: Self.maxFunctionBytes)
        // Files that are named with their folder have the whole signature behind them.
        if file.hasFolder, let signature = rest.takeSignature() {
            operatorName = signature.operatorName
            end = Self.endOfCondition(in: bytes, at: rest.position)
        } else {
            rest.takeFunctionName()
            end = rest.position
        }
    }

    /// `PATH.cc:LINE` and the space behind it.
    private static func file(
        in bytes: [UInt8],
        at start: Int
    ) -> (end: Int, hasFolder: Bool)? {
        let limit = min(bytes.count, start + maxFileBytes)
        guard let colon = bytes[start..<limit].firstIndex(where: { !isOfPath($0) }),
            bytes[colon] == UInt8(ascii: ":")
        else { return nil }
        let name = bytes[start..<colon]
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot > start,
            extensions.contains(where: { name[(dot + 1)...].elementsEqual($0.utf8) })
        else { return nil }
        var end = colon + 1
        while end < bytes.count, bytes[end].isDigit { end += 1 }
        guard end > colon + 1 else { return nil }
        if end < bytes.count, bytes[end] == UInt8(ascii: " ") { end += 1 }
        return (end, name.contains(UInt8(ascii: "/")))
    }

    private static func isOfPath(_ byte: UInt8) -> Bool {
        byte.isOfIdentifier || "/.-+".utf8.contains(byte)
    }

    /// Behind `CONDITION was false. `, unless it is all that there is: then it is the reason.
    private static func endOfCondition(in bytes: [UInt8], at start: Int) -> Int {
        let mark = " was false. "
        let limit = min(bytes.count, start + maxConditionBytes)
        let line = bytes[start..<limit].firstIndex(of: UInt8(ascii: "\n")) ?? limit
        guard
            let found = (start..<line).first(where: { bytes[$0..<line].starts(with: mark.utf8) })
        else { return start }
        let end = found + mark.utf8.count
        return bytes[end...].allSatisfy { $0.isSpace } ? start : end
    }

    /// Behind `[ONNXRuntimeError] : 1 : FAIL : `, which the runtime writes where one status holds
    /// another; nil if there is none.
    static func endOfCode(in bytes: [UInt8], at start: Int) -> Int? {
        let opening = "[ONNXRuntimeError] : "
        guard bytes[start...].starts(with: opening.utf8) else { return nil }
        var end = start + opening.utf8.count
        while end < bytes.count, bytes[end].isDigit { end += 1 }
        guard bytes[end...].starts(with: " : ".utf8) else { return nil }
        end += 3
        while end < bytes.count, bytes[end].isOfIdentifier { end += 1 }
        guard bytes[end...].starts(with: " : ".utf8) else { return nil }
        return end + 3
    }
}
