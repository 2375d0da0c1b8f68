import NIOCore
import Testing

@testable import Wire

@Suite("Frame decoder")
struct FrameDecoderTests {
    private func encoded(_ header: FrameHeader, _ data: String = "") -> ByteBuffer {
        var bytes = ByteBuffer()
        header.write(to: &bytes)
        bytes.writeString(data)
        return bytes
    }

    private func header(_ length: Int, id: UInt32 = 1) -> FrameHeader {
        FrameHeader(length: UInt32(length), streamID: id, type: .request)
    }

    /// All events that are there, without the closing `needsMore`.
    private func drain(_ decoder: inout FrameDecoder) -> [FrameDecoder.Event] {
        var events: [FrameDecoder.Event] = []
        while true {
            let event = decoder.next()
            if event == .needsMore { return events }
            events.append(event)
            if event == .protocolError { return events }
        }
    }

    @Test("a header is ten bytes, big-endian")
    func headerBytes() {
        let header = FrameHeader(
            length: 0x0001_0203,
            streamID: 0x0405_0607,
            type: .data,
            flags: [.remoteClosed, .noData]
        )
        var bytes = encoded(header)
        #expect(bytes == ByteBuffer(hex: "00010203040506070305"))
        #expect(FrameHeader(reading: &bytes) == header)
        #expect(bytes.readableBytes == 0)
    }

    @Test("a truncated header is not read", arguments: 0..<10)
    func truncatedHeader(length: Int) throws {
        var part = try #require(encoded(header(3)).getSlice(at: 0, length: length))
        #expect(FrameHeader(reading: &part) == nil)
        #expect(part.readableBytes == length)
    }

    @Test("frames within one buffer come out whole, and share its memory")
    func whole() throws {
        var decoder = FrameDecoder()
        var bytes = encoded(header(3), "abc")
        bytes.writeImmutableBuffer(encoded(header(0, id: 3)))
        bytes.writeImmutableBuffer(encoded(header(2, id: 5), "de"))
        let address = bytes.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        decoder.append(bytes)
        let first = decoder.next()
        #expect(first == .frame(header(3), ByteBuffer(string: "abc")))
        if case .frame(_, let data) = first {
            let slice = data.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
            #expect(slice == address + 10)
        }
        #expect(
            drain(&decoder) == [
                .frame(header(0, id: 3), ByteBuffer()),
                .frame(header(2, id: 5), ByteBuffer(string: "de")),
            ]
        )
        #expect(decoder.progress == .idle)
        #expect(decoder.bufferedBytes == 0)
    }

    @Test("frames that come one byte at a time come out whole")
    func byteByByte() {
        var decoder = FrameDecoder()
        var bytes = encoded(header(3), "abc")
        bytes.writeImmutableBuffer(encoded(header(0, id: 3)))
        var events: [FrameDecoder.Event] = []
        for (index, byte) in bytes.readableBytesView.enumerated() {
            decoder.append(ByteBuffer(bytes: [byte]))
            events += drain(&decoder)
            switch index {
            case 0..<9, 13..<22: #expect(decoder.progress == .header)
            case 9..<12: #expect(decoder.progress == .body)
            default: #expect(decoder.progress == .idle)
            }
        }
        #expect(
            events == [
                .frame(header(3), ByteBuffer(string: "abc")),
                .frame(header(0, id: 3), ByteBuffer()),
            ]
        )
    }

    @Test("however the bytes are cut, the same frames come out")
    func randomCuts() {
        var random = SeededGenerator()
        let limit = 300
        for _ in 0..<200 {
            var stream = ByteBuffer()
            var expected: [FrameDecoder.Event] = []
            for index in 0..<8 {
                let length = Int.random(in: 0...400, using: &random)
                let header = header(length, id: UInt32(2 * index + 1))
                let data = ByteBuffer(repeating: UInt8(index), count: length)
                header.write(to: &stream)
                stream.writeImmutableBuffer(data)
                expected.append(length > limit ? .oversize(header) : .frame(header, data))
            }
            var decoder = FrameDecoder(maxLength: limit)
            var events: [FrameDecoder.Event] = []
            while stream.readableBytes > 0 {
                let count = Int.random(in: 1...min(500, stream.readableBytes), using: &random)
                stream.readSlice(length: count).map { decoder.append($0) }
                // Sometimes several buffers come before anyone looks.
                if Bool.random(using: &random) { events += drain(&decoder) }
            }
            events += drain(&decoder)
            #expect(events == expected, "seed \(random.seed)")
        }
    }

    @Test("a frame of the limit is taken, one byte more is reported once and skipped")
    func limit() {
        var decoder = FrameDecoder(maxLength: 4)
        var bytes = encoded(header(4), "abcd")
        bytes.writeImmutableBuffer(encoded(header(5, id: 3), "abcde"))
        bytes.writeImmutableBuffer(encoded(header(1, id: 5), "f"))
        decoder.append(bytes)
        #expect(
            drain(&decoder) == [
                .frame(header(4), ByteBuffer(string: "abcd")),
                .oversize(header(5, id: 3)),
                .frame(header(1, id: 5), ByteBuffer(string: "f")),
            ]
        )
    }

    @Test("the default limit is 4 MiB, inclusive")
    func defaultLimit() {
        var decoder = FrameDecoder()
        decoder.append(encoded(header(4 << 20)))
        #expect(decoder.next() == .needsMore)
        decoder = FrameDecoder()
        decoder.append(encoded(header(4 << 20 + 1)))
        #expect(decoder.next() == .oversize(header(4 << 20 + 1)))
    }

    @Test("an oversize frame is discarded without holding any of it")
    func constantMemory() {
        var decoder = FrameDecoder()
        decoder.append(encoded(header(FrameHeader.maxLength)))
        #expect(drain(&decoder) == [.oversize(header(FrameHeader.maxLength))])
        let piece = ByteBuffer(repeating: 0xff, count: 65_536)
        for _ in 0..<255 {
            decoder.append(piece)
            #expect(decoder.next() == .needsMore)
            #expect(decoder.bufferedBytes == 0)
            #expect(decoder.progress == .body)
        }
        var last = ByteBuffer(repeating: 0xff, count: 65_535)
        last.writeImmutableBuffer(encoded(header(1), "x"))
        decoder.append(last)
        #expect(drain(&decoder) == [.frame(header(1), ByteBuffer(string: "x"))])
    }

    @Test("an announced length takes no memory before its bytes are there")
    func announcedLength() {
        var decoder = FrameDecoder()
        decoder.append(encoded(header(4 << 20), "abc"))
        #expect(decoder.next() == .needsMore)
        #expect(decoder.bufferedBytes <= 65_536)
    }

    @Test("a first byte that is not zero ends it, at once and for good")
    func firstByte() {
        var decoder = FrameDecoder()
        decoder.append(ByteBuffer(bytes: [0x16]))
        #expect(decoder.next() == .protocolError)
        decoder.append(encoded(header(0)))
        #expect(decoder.next() == .protocolError)
    }

    @Test("a first byte that is not zero is also found after a frame")
    func laterFirstByte() {
        var decoder = FrameDecoder()
        decoder.append(encoded(header(1), "a\u{1}"))
        #expect(
            drain(&decoder) == [.frame(header(1), ByteBuffer(string: "a")), .protocolError]
        )
    }

    @Test("unknown types and flags are handed out as they are")
    func unknownType() {
        let header = FrameHeader(
            length: 0,
            streamID: 7,
            rawType: 9,
            flags: FrameFlags(rawValue: 0xf0)
        )
        var decoder = FrameDecoder()
        decoder.append(encoded(header))
        #expect(decoder.next() == .frame(header, ByteBuffer()))
        #expect(header.type == nil)
    }
}
