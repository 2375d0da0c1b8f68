import Foundation
import NIOCore
import Testing

@testable import Wire

/// A case of `Tests/Vectors/wire`, written by another implementation of protobuf.
struct VectorCase: Decodable, Sendable, CustomTestStringConvertible {
    let message: String
    let `case`: String
    let hex: String
    /// What encoding the decoded message has to give, where that is not the same bytes.
    let canonical: String?

    var testDescription: String { "\(message), \(`case`)" }

    var bytes: ByteBuffer { ByteBuffer(hex: hex) }
    var canonicalBytes: ByteBuffer { ByteBuffer(hex: canonical ?? hex) }

    /// The messages, then the envelopes; an unreadable file fails the test that counts them.
    static let messages = load("messages")
    static let envelopes = load("envelopes")

    private static func load(_ name: String) -> [VectorCase] {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let path = "/\(folder)/../Vectors/wire/\(name).json"
        guard let data = FileManager.default.contents(atPath: path) else { return [] }
        return (try? JSONDecoder().decode([VectorCase].self, from: data)) ?? []
    }
}

extension ByteBuffer {
    init(hex: String) {
        self.init()
        var rest = Substring(hex)
        while let byte = UInt8(rest.prefix(2), radix: 16) {
            writeInteger(byte)
            rest = rest.dropFirst(2)
        }
    }

    var array: [UInt8] { Array(readableBytesView) }

    /// The same bytes at an odd place inside a larger buffer, where a wrong index shows.
    var displaced: ByteBuffer {
        var buffer = ByteBuffer(bytes: [0xff, 0xff, 0xff])
        buffer.writeImmutableBuffer(self)
        buffer.writeBytes([0xff, 0xff])
        return buffer.getSlice(at: 3, length: readableBytes) ?? ByteBuffer()
    }
}
