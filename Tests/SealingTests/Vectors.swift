import Foundation
import Sealing
import Testing

/// Bytes that a vector file spells in hexadecimal.
struct HexBytes: Decodable, Sendable {
    let bytes: [UInt8]

    init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        bytes = try #require(Hex.decode(text), "not hexadecimal: \(text)")
    }

    var key: SecretKey {
        get throws { try secretKey(bytes) }
    }
}

/// The value in a file of `Tests/Vectors`.
func vectors<Value: Decodable>(_ path: String, as type: Value.Type = Value.self) throws -> Value {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let file = tests.appending(path: "Vectors").appending(path: path)
    return try JSONDecoder().decode(Value.self, from: Data(contentsOf: file))
}

/// A key of given bytes.
func secretKey(_ bytes: [UInt8]) throws -> SecretKey {
    try SecretKey(copying: bytes.span.bytes)
}

/// The bytes of a key, for comparison.
func bytes(of key: SecretKey) -> [UInt8] {
    key.withBytes { span in span.withUnsafeBytes { [UInt8]($0) } }
}

/// A plaintext that `make.py` makes too: byte i is (31 i + 7) mod 251.
func pattern(_ count: Int) -> [UInt8] {
    // It repeats after 251 bytes; a map over millions of bytes takes seconds without optimiser.
    let period = (0..<251).map { UInt8((31 * $0 + 7) % 251) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while count - bytes.count >= period.count { bytes += period }
    return bytes + period.prefix(count - bytes.count)
}

extension [UInt8] {
    /// The bytes with one bit changed.
    func flippingBit(_ bit: Int) -> [UInt8] {
        var bytes = self
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        return bytes
    }
}

/// The code of the error that `body` throws; nil if it throws none.
func code(_ body: () throws -> Void) -> SealingError.Code? {
    do {
        try body()
        return nil
    } catch let error as SealingError {
        return error.code
    } catch {
        Issue.record("another error than SealingError: \(error)")
        return nil
    }
}

/// A folder of its own for a test, removed afterwards.
func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory
        .appending(path: "sealing-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path(percentEncoded: false))
}

/// Changes who may use a file.
func setMode(_ path: String, _ mode: Int) throws {
    try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
}

/// Who may use a file.
func mode(_ path: String) throws -> Int? {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.posixPermissions] as? NSNumber)?.intValue
}
