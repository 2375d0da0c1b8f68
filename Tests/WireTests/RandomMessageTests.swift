import NIOCore
import Testing

@testable import Wire

/// Random valid encodings, made from the schemas alone.
private struct MessageWriter {
    var random = SeededGenerator()

    private static let texts = ["", "a", "Größe", "日本語 🚀", String(repeating: "x", count: 200)]

    mutating func encode(_ schema: MessageSchema) -> ByteBuffer {
        var bytes = ByteBuffer()
        // What is written has to be the same each time: the writer counts first.
        let start = random
        bytes.append { writer in
            random = start
            for number in 1...UInt32(MessageSchema.maxFieldNumber) {
                guard let field = schema.field(number), Bool.random(using: &random) else {
                    continue
                }
                let count = field.isRepeated ? Int.random(in: 1...4, using: &random) : 1
                for _ in 0..<count {
                    write(field, &writer)
                }
            }
        }
        return bytes
    }

    private mutating func write(_ field: FieldSchema, _ writer: inout ProtoWriter) {
        switch field.type {
        case .string:
            writer.stringEvenIfEmpty(field.number, Self.texts.randomElement(using: &random) ?? "")
        case .bytes:
            let count = Int.random(in: 0...300, using: &random)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            writer.bytesEvenIfEmpty(field.number, ByteBuffer(bytes: bytes))
        case .message:
            guard let schema = field.message else { return }
            writer.bytesEvenIfEmpty(field.number, encode(schema))
        default:
            // Any integer is one of any width: the upper bits are dropped.
            let width = UInt64.random(in: 0...63, using: &random)
            writer.uint64EvenIfZero(
                field.number,
                UInt64.random(in: .min ... .max, using: &random) >> width
            )
        }
    }
}

@Suite("Random messages")
struct RandomMessageTests {
    @Test("whatever is valid decodes, and encoding it again loses nothing")
    func roundTrip() throws {
        var writer = MessageWriter()
        for name in MessageCatalogue.all.keys.sorted() {
            let entry = try #require(MessageCatalogue.all[name])
            for _ in 0..<40 {
                let bytes = writer.encode(entry.schema)
                let comment: Comment = "\(name), seed \(writer.random.seed)"
                let once = try entry.recode(bytes)
                #expect(try entry.areEqual(bytes, once), comment)
                #expect(try entry.recode(once) == once, comment)
            }
        }
    }

    @Test("random bytes decode or are refused")
    func noise() throws {
        var random = SeededGenerator()
        for name in MessageCatalogue.all.keys.sorted() {
            let entry = try #require(MessageCatalogue.all[name])
            for _ in 0..<100 {
                let count = Int.random(in: 1...40, using: &random)
                // Small numbers are likelier tags and lengths.
                let bytes = (0..<count).map { _ in
                    UInt8.random(in: 0...(Bool.random(using: &random) ? 255 : 20), using: &random)
                }
                do {
                    _ = try entry.recode(ByteBuffer(bytes: bytes))
                } catch let error as WireError {
                    #expect(error.code == .invalidArgument, "\(name), seed \(random.seed)")
                }
            }
        }
    }
}
