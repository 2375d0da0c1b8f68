import NIOCore
import Testing
import Text

@testable import Wire

@Suite("Scan before unpacking")
struct ScanTests {
    /// `message Node { Node child = 1; repeated fixed32 numbers = 2; repeated double reals = 3; }`:
    /// no message of the protocol nests in itself, which is what a scan has to survive.
    private static let node: MessageSchema = {
        let node = MessageSchema(name: "test.Node")
        node.add(FieldSchema(number: 1, name: "child", type: .message, message: node))
        node.add(FieldSchema(number: 2, name: "numbers", type: .fixed32, isRepeated: true))
        node.add(FieldSchema(number: 3, name: "reals", type: .double, isRepeated: true))
        return node
    }()

    private func fault(
        _ bytes: ByteBuffer,
        as schema: MessageSchema,
        limits: ScanLimits = ScanLimits()
    ) -> String? {
        do throws(WireError) {
            try MessageScan.check(bytes.readableBytesSpan, as: schema, limits: limits)
            return nil
        } catch {
            #expect(error.code == .invalidArgument)
            return error.message
        }
    }

    private func fault(_ hex: String, as schema: MessageSchema) -> String? {
        fault(ByteBuffer(hex: hex), as: schema)
    }

    /// Messages within messages, as many as asked for, in field `number`.
    private func nested(_ depth: Int, number: UInt32 = 1) -> ByteBuffer {
        // Written from the inside: each level goes before what it holds.
        var levels: [[UInt8]] = []
        var size = 0
        for _ in 1..<depth {
            var prefix = ByteBuffer()
            prefix.append { writer in writer.lengthPrefix(number, byteCount: size) }
            levels.append(prefix.array)
            size += prefix.readableBytes
        }
        return ByteBuffer(bytes: levels.reversed().joined())
    }

    @Test("32 messages within each other are taken, 33 are refused")
    func depth() {
        #expect(fault(nested(32), as: Self.node) == nil)
        #expect(
            fault(nested(33), as: Self.node)
                == "test.Node.child: nests deeper than 32 messages"
        )
    }

    @Test("a nest of 10,000 messages is refused without following it")
    func depthBomb() {
        #expect(fault(nested(10_000), as: Self.node) != nil)
    }

    @Test("a nest within an unknown field is bytes like any other")
    func unknownNest() throws {
        let bytes = nested(10_000, number: 60)
        #expect(fault(bytes, as: .version) == nil)
        #expect(try V1.Version(decoding: bytes) == V1.Version())
    }

    @Test("packed numbers of fixed size come in whole numbers")
    func packedFixed() {
        #expect(fault("1208" + "0000000000000000", as: Self.node) == nil)
        #expect(
            fault("1207" + "00000000000000", as: Self.node)
                == "test.Node.numbers: has a packed length that is no multiple of 4"
        )
        #expect(fault("1500000000", as: Self.node) == nil)
        #expect(fault("1a08" + "0000000000000000", as: Self.node) == nil)
        #expect(fault("1a04" + "00000000", as: Self.node) != nil)
        #expect(fault("190000000000000000", as: Self.node) == nil)
    }

    @Test(
        "what is no version is refused, with message and field",
        arguments: [
            ("0a", "strongroom.v1.Version.model: ends before its data does"),
            ("0affffffff0f", "strongroom.v1.Version.model: ends before its data does"),
            ("0affffffffffffffff7f", "strongroom.v1.Version.model: holds a variable-length"),
            ("0a02c0af", "strongroom.v1.Version.model: is not valid UTF-8"),
            ("0a03610062", "strongroom.v1.Version.model: contains a NUL character"),
            ("0801", "strongroom.v1.Version.model: has the wire type 0, expected 2"),
            ("10", "strongroom.v1.Version.version: ends before its data does"),
            ("1580808080", "strongroom.v1.Version.version: has the wire type 5, expected 0"),
            ("10ffffffffffffffffff7f", "strongroom.v1.Version.version: holds a variable-length"),
            ("3a01ff", "strongroom.v1.Version.aliases: is not valid UTF-8"),
            ("3801", "strongroom.v1.Version.aliases: has the wire type 0, expected 2"),
            ("4201", "strongroom.v1.Version.state: has the wire type 2, expected 0"),
            ("52050a03610062", "strongroom.v1.Version.MetadataEntry.key: contains a NUL"),
            ("5a030a01ff", "strongroom.v1.Replica.server: is not valid UTF-8"),
            ("5a010a", "strongroom.v1.Replica.server: ends before its data does"),
            ("0b", "strongroom.v1.Version: holds a group"),
            ("0c", "strongroom.v1.Version: holds a group"),
            ("9b01", "strongroom.v1.Version: holds a group"),
            ("0e", "strongroom.v1.Version: holds the unknown wire type 6"),
            ("02", "strongroom.v1.Version: holds a field tag outside"),
            ("818080808000", "strongroom.v1.Version: holds a field tag outside"),
            ("8080808010", "strongroom.v1.Version: holds a field tag outside"),
        ]
    )
    func refusals(hex: String, message: String) throws {
        let fault = fault(hex, as: .version)
        #expect(try #require(fault).hasPrefix(message))
        #expect(throws: WireError.self) { try V1.Version(decoding: ByteBuffer(hex: hex)) }
    }

    @Test("a message field that occurs twice is refused")
    func repeatedOnce() {
        #expect(
            fault("0a000a00", as: .setAliasResponse)
                == "strongroom.v1.SetAliasResponse.alias: occurs more than once, expected at most"
                + " one"
        )
        #expect(fault("5a005a00", as: .version) == nil)
    }

    @Test("repeated numbers are read packed and one by one")
    func packedOrNot() throws {
        for hex in ["0a03010203", "080108020803", "0801" + "0a020203"] {
            let bytes = ByteBuffer(hex: hex)
            #expect(try V1.GetUploadResponse(decoding: bytes).nextOffsets == [1, 2, 3])
        }
        #expect(
            fault("0a02ffff", as: .getUploadResponse)
                == "strongroom.v1.GetUploadResponse.next_offsets: ends before its data does"
        )
    }

    @Test("repeated elements are taken up to the limit, over the whole tree")
    func elementLimit() throws {
        let limit = ScanLimits().maxElements
        #expect(limit == 65_536)
        var response = V1.GetUploadResponse()
        response.nextOffsets = [UInt64](repeating: 1, count: limit)
        var bytes = ByteBuffer()
        response.encode(into: &bytes)
        #expect(try V1.GetUploadResponse(decoding: bytes) == response)
        bytes.writeBytes([0x08, 0x01])
        #expect(
            fault(bytes, as: .getUploadResponse)
                == "strongroom.v1.GetUploadResponse.next_offsets: has more than 65536 elements"
        )
        // One version with one alias is two elements.
        let nested = ByteBuffer(hex: "0a033a0161" + "0a00")
        let schema = MessageSchema.listVersionsResponse
        #expect(fault(nested, as: schema, limits: ScanLimits(maxElements: 3)) == nil)
        #expect(fault(nested, as: schema, limits: ScanLimits(maxElements: 2)) != nil)
    }

    @Test("fields are counted over the whole tree")
    func fieldLimit() {
        let limit = ScanLimits().maxFields
        var bytes = ByteBuffer()
        for _ in 0..<limit {
            bytes.writeBytes([0x10, 0x01])
        }
        #expect(fault(bytes, as: .version) == nil)
        bytes.writeBytes([0x10, 0x01])
        #expect(
            fault(bytes, as: .version)
                == "strongroom.v1.Version: brings the message over 131072 fields"
        )
    }

    @Test("unknown fields are taken up to the limit")
    func unknownLimit() throws {
        let limit = ScanLimits().maxUnknownFields
        var bytes = ByteBuffer()
        for _ in 0..<limit {
            bytes.writeBytes([0xf0, 0x03, 0x01])
        }
        #expect(try V1.Version(decoding: bytes) == V1.Version())
        bytes.writeBytes([0xf0, 0x03, 0x01])
        #expect(
            fault(bytes, as: .version)
                == "strongroom.v1.Version: brings the message over 1024 unknown fields"
        )
    }

    @Test("a list of 10,000 files is within the limits")
    func manyFiles() throws {
        let file = V1.File(path: "weights/0.bin", size: 1, sha256: [UInt8](repeating: 7, count: 32))
        let request = V1.BeginPublishRequest(
            model: "m",
            files: [V1.File](repeating: file, count: 10_000)
        )
        var bytes = ByteBuffer()
        request.encode(into: &bytes)
        #expect(try V1.BeginPublishRequest(decoding: bytes) == request)
    }

    @Test("an unpacked message may not take more memory than its arena has")
    func arenaBudget() throws {
        let bytes = ByteBuffer(hex: "0a0161")
        let descriptor = try #require(MessageSchema.version.descriptor)
        let small = MessageArena(expectedBytes: 0, maxBytes: 1_023)
        #expect(small.unpack(bytes.readableBytesSpan, as: descriptor) == nil)
        let large = MessageArena(expectedBytes: 0, maxBytes: 1_024)
        #expect(large.unpack(bytes.readableBytesSpan, as: descriptor) != nil)
    }
}
