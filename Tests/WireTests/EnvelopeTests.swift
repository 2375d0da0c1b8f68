import NIOCore
import Testing
import Text

@testable import Wire

@Suite("Envelopes")
struct EnvelopeTests {
    private func request(_ hex: String) throws -> RequestEnvelope {
        try RequestEnvelope(decoding: ByteBuffer(hex: hex))
    }

    private func fault(_ hex: String) -> String? {
        do throws(WireError) {
            _ = try RequestEnvelope(decoding: ByteBuffer(hex: hex))
            return nil
        } catch {
            #expect(error.code == .invalidArgument)
            return error.message
        }
    }

    private func recode(_ vector: VectorCase, _ bytes: ByteBuffer) throws -> ByteBuffer {
        var output = ByteBuffer()
        if vector.message == "ttrpc.Request" {
            try RequestEnvelope(decoding: bytes).encode(into: &output)
        } else {
            try ResponseEnvelope(decoding: bytes).encode(into: &output)
        }
        return output
    }

    @Test("envelopes of another implementation come back byte for byte")
    func vectors() throws {
        #expect(VectorCase.envelopes.count == 5)
        for vector in VectorCase.envelopes {
            #expect(try recode(vector, vector.bytes.displaced) == vector.bytes)
        }
    }

    @Test("every truncation and every flipped bit decodes or is refused")
    func damage() throws {
        for vector in VectorCase.envelopes {
            let bytes = vector.bytes.array
            for index in bytes.indices {
                _ = try? recode(vector, ByteBuffer(bytes: bytes[..<index]))
                for bit in 0..<8 {
                    var flipped = bytes
                    flipped[index] ^= 1 << UInt8(bit)
                    _ = try? recode(vector, ByteBuffer(bytes: flipped))
                }
            }
        }
    }

    @Test("a request is read in place")
    func inPlace() throws {
        let vector = try #require(VectorCase.envelopes.first { $0.case == "call" })
        let bytes = vector.bytes
        let envelope = try RequestEnvelope(decoding: bytes)
        #expect(String(buffer: envelope.service) == "strongroom.v1.Prediction")
        #expect(String(buffer: envelope.method) == "Predict")
        #expect(envelope.payload == ByteBuffer(bytes: [0x0a, 0x01, 0x61]))
        #expect(envelope.timeoutNano == 2_500_000_000)
        #expect(envelope.metadata.map(\.key) == ["traceparent", "größe", "traceparent"])
        #expect(envelope.metadata.map(\.value) == ["00-1", "日本語", "00-2"])
        let start = bytes.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        let service = envelope.service.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(service == start + 2)
    }

    @Test("fields come in any order, the last one counts, unknown ones are skipped")
    func order() throws {
        // payload, method, an unknown field of each wire type, service, method again
        let envelope = try request(
            "1a0170" + "120141" + "3001" + "390102030405060708" + "3a0199" + "4501020304"
                + "0a0173" + "120142"
        )
        #expect(String(buffer: envelope.service) == "s")
        #expect(String(buffer: envelope.method) == "B")
        #expect(envelope.payload == ByteBuffer(string: "p"))
    }

    @Test("an absent payload is none, an empty one is empty")
    func absentPayload() throws {
        #expect(try request("").payload == nil)
        #expect(try request("1a00").payload == ByteBuffer())
        for payload in [nil, ByteBuffer()] {
            var bytes = ByteBuffer()
            RequestEnvelope(service: "s", method: "m", payload: payload).encode(into: &bytes)
            #expect(try RequestEnvelope(decoding: bytes).payload == payload)
        }
    }

    @Test("keys of metadata come out in lower case")
    func lowerCase() throws {
        #expect(try request("2a070a0158" + "12025859").metadata.map(\.key) == ["x"])
        #expect(try request("2a070a0158" + "12025859").metadata.map(\.value) == ["XY"])
    }

    @Test(
        "what is no envelope is refused, with the place",
        arguments: [
            ("0a", "Request.service: ends before its data does"),
            ("0a0561", "Request.service: ends before its data does"),
            ("0aff", "Request.service: ends before its data does"),
            ("0affffffff0f", "Request.service: ends before its data does"),
            ("0affffffffffffffffff01", "Request.service: holds a variable-length"),
            ("0801", "Request.service: has the wire type 0, expected 2"),
            ("1001", "Request.method: has the wire type 0, expected 2"),
            ("1801", "Request.payload: has the wire type 0, expected 2"),
            ("220101", "Request.timeout_nano: has the wire type 2, expected 0"),
            ("20ffffffffffffffffff02", "Request.timeout_nano: holds a variable-length"),
            ("2801", "Request.metadata: has the wire type 0, expected 2"),
            ("2a020801", "Request.metadata: has the wire type 0, expected 2"),
            ("0a02c328", "Request.service: is not valid UTF-8"),
            ("1203eda080", "Request.method: is not valid UTF-8"),
            ("12036100ff", "Request.method: contains a NUL character"),
            ("2a050a03610062", "Request.metadata: contains a NUL character"),
            ("2a0412026100", "Request.metadata: contains a NUL character"),
            ("2a031201ff", "Request.metadata: is not valid UTF-8"),
            ("0b", "Request: holds a group"),
            ("33", "Request: holds a group"),
            ("34", "Request: holds a group"),
            ("0f", "Request: holds the unknown wire type 7"),
            ("00", "Request: holds a field tag outside"),
            ("8180808010", "Request: holds a field tag outside"),
            ("828080808000", "Request: holds a field tag outside"),
            ("ffffffffffffffffffff01", "Request: holds a variable-length"),
        ]
    )
    func refusals(hex: String, message: String) throws {
        #expect(try #require(fault(hex)).hasPrefix(message))
    }

    @Test("metadata is read up to its limits and no further")
    func metadataLimits() throws {
        let limits = EnvelopeLimits(maxMetadataPairs: 2, maxMetadataBytes: 10)
        func decode(_ hex: String) throws {
            _ = try RequestEnvelope(decoding: ByteBuffer(hex: hex), limits: limits)
        }
        try decode("2a00" + "2a00")
        #expect(throws: WireError(.invalidArgument, "Request.metadata: has more than 2 elements")) {
            try decode("2a00" + "2a00" + "2a00")
        }
        try decode("2a0a" + "1208" + "6161616161616161")
        #expect(throws: WireError(.invalidArgument, "Request.metadata: is longer than 10 bytes")) {
            try decode("2a0b" + "1209" + "616161616161616161")
        }
    }

    @Test("names are read up to their limit")
    func nameLimit() throws {
        for (count, isTaken) in [(1_024, true), (1_025, false)] {
            var bytes = ByteBuffer()
            let name = String(repeating: "m", count: count)
            RequestEnvelope(service: "s", method: name, payload: nil).encode(into: &bytes)
            #expect(((try? RequestEnvelope(decoding: bytes)) != nil) == isTaken)
        }
    }

    @Test("success leaves the status out, and an empty answer is no bytes")
    func success() throws {
        var bytes = ByteBuffer()
        ResponseEnvelope(payload: ByteBuffer()).encode(into: &bytes)
        #expect(bytes.readableBytes == 0)
        ResponseEnvelope(payload: ByteBuffer(string: "hi")).encode(into: &bytes)
        #expect(bytes == ByteBuffer(hex: "12026869"))
    }

    @Test("the prefix alone is as long as announced", arguments: [0, 1, 127, 128, 16_384])
    func prefix(count: Int) {
        var bytes = ByteBuffer()
        ResponseEnvelope.writeSuccessPrefix(payloadByteCount: count, into: &bytes)
        let announced = ResponseEnvelope.successPrefixByteCount(payloadByteCount: count)
        #expect(bytes.readableBytes == announced)
    }

    @Test("a present status of code 0 is success, an undefined code is a failure")
    func statusCodes() throws {
        #expect(try ResponseEnvelope(decoding: ByteBuffer(hex: "0a00")).status == nil)
        #expect(try ResponseEnvelope(decoding: ByteBuffer(hex: "0a020800")).status == nil)
        let odd = try ResponseEnvelope(decoding: ByteBuffer(hex: "0a020811"))
        #expect(odd.status?.code == .unknown)
        let negative = try ResponseEnvelope(
            decoding: ByteBuffer(hex: "0a0b08ffffffffffffffffff01")
        )
        #expect(negative.status?.code == .unknown)
    }

    @Test("a failure that says OK is not sent as a success")
    func failureOK() throws {
        var bytes = ByteBuffer()
        ResponseEnvelope(failure: Status(.ok, "?")).encode(into: &bytes)
        #expect(try ResponseEnvelope(decoding: bytes).status == Status(.unknown, "?"))
    }

    @Test("a second status, and too many details, are refused")
    func statusLimits() throws {
        #expect(throws: WireError.self) {
            try ResponseEnvelope(decoding: ByteBuffer(hex: "0a0208030a020803"))
        }
        for (count, isTaken) in [(16, true), (17, false)] {
            let detail = StatusDetail(typeURL: "t", value: [1])
            let status = Status(
                .aborted,
                "",
                details: [StatusDetail](repeating: detail, count: count)
            )
            var bytes = ByteBuffer()
            ResponseEnvelope(failure: status).encode(into: &bytes)
            #expect(((try? ResponseEnvelope(decoding: bytes)) != nil) == isTaken)
        }
    }
}
