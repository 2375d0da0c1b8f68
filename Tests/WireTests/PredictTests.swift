import NIOCore
import Testing
import Text

@testable import Wire

@Suite("Predict messages")
struct PredictTests {
    private let request = V1.PredictRequest(
        model: V1.ModelSpec(name: "fraud", selector: .alias("live")),
        requestID: "r-1",
        outputNames: ["score", ""],
        routingKey: "k",
        priority: -3,
        parameters: ["threads": "2", "": ""],
        inputs: [
            V1.Tensor(
                name: "x",
                dataType: .fp32,
                shape: [2, 1],
                data: ByteBuffer(bytes: [1, 2, 3, 4, 5, 6, 7, 8])
            ),
            V1.Tensor(name: "empty", dataType: .bytes, shape: [0]),
        ]
    )

    private func encoded(_ message: some WireMessage) -> ByteBuffer {
        var bytes = ByteBuffer()
        message.encode(into: &bytes)
        return bytes
    }

    private func decode(_ hex: String) throws -> V1.PredictRequest {
        try V1.PredictRequest(decoding: ByteBuffer(hex: hex))
    }

    private func address(_ buffer: ByteBuffer) -> UInt {
        buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
    }

    @Test("a request comes back as it was")
    func roundTrip() throws {
        #expect(try V1.PredictRequest(decoding: encoded(request)) == request)
    }

    @Test("Composed and decomposed names and keys are two each")
    func spellings() throws {
        let names: [ExactString] = ["gr\u{F6}\u{DF}e", "gro\u{308}\u{DF}e"]
        let pairs: [ExactString: ExactString] = [names[0]: "1", names[1]: "2"]
        let request = V1.PredictRequest(
            outputNames: names,
            parameters: pairs,
            inputs: names.map { V1.Tensor(name: $0) }
        )
        #expect(try V1.PredictRequest(decoding: encoded(request)) == request)
        let model = V1.GetModelResponse(
            inputs: names.map { V1.TensorSpec(name: $0) },
            metadata: pairs
        )
        let decoded = try V1.GetModelResponse(decoding: encoded(model))
        #expect(decoded == model && decoded.metadata.count == 2)
        #expect(decoded.inputs.map(\.name) == names)
    }

    @Test("a tensor's data is a slice of the payload")
    func slices() throws {
        let bytes = encoded(request).displaced
        let decoded = try V1.PredictRequest(decoding: bytes)
        let data = decoded.inputs[0].data
        let offset = Int(address(data)) - Int(address(bytes))
        #expect((0..<bytes.readableBytes).contains(offset))
        #expect(bytes.getSlice(at: bytes.readerIndex + offset, length: 8) == data)
        let chunk = V1.UploadChunkRequest(uploadID: "u", data: ByteBuffer(string: "abc"))
        let chunkBytes = encoded(chunk)
        let decodedChunk = try V1.UploadChunkRequest(decoding: chunkBytes)
        #expect(decodedChunk == chunk)
        #expect(
            address(decodedChunk.data) == address(chunkBytes) + UInt(chunkBytes.readableBytes - 3)
        )
    }

    @Test("fields come in any order, also data before name and shape")
    func anyOrder() throws {
        let tensor = "7a0101" + "18021804" + "1a0106" + "1001" + "0a0178"
        let decoded = try decode("7a0f" + tensor + "120172" + "0a030a016d")
        #expect(decoded.requestID == "r")
        #expect(decoded.model == V1.ModelSpec(name: "m"))
        #expect(
            decoded.inputs == [
                V1.Tensor(
                    name: "x",
                    dataType: .bool,
                    shape: [2, 4, 6],
                    data: ByteBuffer(bytes: [1])
                )
            ]
        )
    }

    @Test("the last of a repeated scalar counts, also for data")
    func lastWins() throws {
        let decoded = try decode(
            "120161" + "120162" + "2801" + "2802" + "7a06" + "7a0101" + "7a0102"
        )
        #expect(decoded.requestID == "b")
        #expect(decoded.priority == 2)
        #expect(decoded.inputs[0].data == ByteBuffer(bytes: [2]))
    }

    @Test(
        "the last member of a oneof counts, in both ways of reading it",
        arguments: [
            ("0a016d", V1.ModelSpec(name: "m")),
            ("1000", V1.ModelSpec(selector: .version(0))),
            ("1a00", V1.ModelSpec(selector: .alias(""))),
            ("1005" + "1a0161", V1.ModelSpec(selector: .alias("a"))),
            ("1a0161" + "1005", V1.ModelSpec(selector: .version(5))),
            ("1005" + "1006", V1.ModelSpec(selector: .version(6))),
            ("1a0161" + "1a0162", V1.ModelSpec(selector: .alias("b"))),
        ]
    )
    func oneof(hex: String, expected: V1.ModelSpec) throws {
        let bytes = ByteBuffer(hex: hex)
        #expect(try V1.ModelSpec(decoding: bytes) == expected)
        var outer = ByteBuffer(bytes: [0x0a, UInt8(bytes.readableBytes)])
        outer.writeImmutableBuffer(bytes)
        #expect(try V1.PredictRequest(decoding: outer).model == expected)
        #expect(try V1.GetModelRequest(decoding: outer).model == expected)
    }

    @Test("the last entry of a key counts")
    func duplicateKeys() throws {
        let entries = "32060a016b120161" + "32060a016b120162"
        #expect(try decode(entries).parameters == ["k": "b"])
        let version = "52060a016b120161" + "52060a016b120162"
        #expect(try V1.Version(decoding: ByteBuffer(hex: version)).metadata == ["k": "b"])
    }

    @Test("unknown types of elements keep their number")
    func unknownType() throws {
        let tensor = try V1.Tensor(decoding: ByteBuffer(hex: "1063"))
        #expect(tensor.dataType.rawValue == 99)
        #expect(encoded(tensor) == ByteBuffer(hex: "1063"))
    }

    @Test(
        "what is no request is refused, with message and field",
        arguments: [
            ("0a000a00", "strongroom.v1.PredictRequest.model: occurs more than once"),
            ("0a020a01", "strongroom.v1.ModelSpec.name: ends before its data does"),
            ("12036100ff", "strongroom.v1.PredictRequest.request_id: contains a NUL character"),
            ("7a020801", "strongroom.v1.Tensor.name: has the wire type 0, expected 2"),
            ("7a047a050102", "strongroom.v1.Tensor.data: ends before its data does"),
            ("7a031a01ff", "strongroom.v1.Tensor.shape: ends before its data does"),
            ("7affffffff7f", "strongroom.v1.PredictRequest.inputs: ends before its data does"),
            ("32030a01ff", "strongroom.v1.PredictRequest.ParametersEntry.key: is not valid UTF-8"),
        ]
    )
    func refusals(hex: String, message: String) {
        do throws(WireError) {
            _ = try V1.PredictRequest(decoding: ByteBuffer(hex: hex))
            Issue.record("decoded \(hex)")
        } catch {
            #expect(error.code == .invalidArgument)
            #expect(error.message.hasPrefix(message))
        }
    }

    @Test("a response with lent outputs has the bytes of one that holds them")
    func lending() throws {
        var response = V1.PredictResponse(
            modelName: "m",
            modelVersion: 7,
            requestID: "r",
            timing: V1.Timing(queueNs: 1, batchRows: 2, loadNs: .max),
            usage: V1.Usage(rows: 2)
        )
        let outputs = [
            V1.LentTensor(
                name: "y",
                dataType: .uint8,
                shape: [200],
                data: [UInt8](repeating: 9, count: 200)
            ),
            V1.LentTensor(name: "z", dataType: .int64, shape: [-1, 0], data: ByteBuffer()),
        ]
        var lent = ByteBuffer(string: "before")
        let message = V1.LentPredictResponse(response, lending: outputs)
        message.append(to: &lent)
        #expect(lent.readString(length: 6) == "before")
        #expect(lent.readableBytes == message.byteCount)
        response.outputs = outputs.map { output in
            V1.Tensor(
                name: output.name,
                dataType: output.dataType,
                shape: output.shape,
                data: output.data.withBytes {
                    ByteBuffer(bytes: ProtoCursor($0).copy(0..<$0.byteCount))
                }
            )
        }
        #expect(lent == encoded(response))
        #expect(try V1.PredictResponse(decoding: lent) == response)
    }

    @Test("a request with lent inputs has the bytes of one that holds them")
    func lendingRequest() {
        var head = request
        head.inputs = []
        var lent = ByteBuffer()
        let inputs = request.inputs.map { input in
            V1.LentTensor(
                name: input.name,
                dataType: input.dataType,
                shape: input.shape,
                data: input.data
            )
        }
        head.encode(lending: inputs, into: &lent)
        #expect(lent == encoded(request))
    }

    @Test("encoding reserves what it needs, once")
    func reserve() {
        let bytes = encoded(
            V1.ReadFileResponse(data: ByteBuffer(repeating: 1, count: (1 << 20) - 4))
        )
        #expect(bytes.readableBytes == 1 << 20)
        #expect(bytes.capacity == 1 << 20)
    }
}
