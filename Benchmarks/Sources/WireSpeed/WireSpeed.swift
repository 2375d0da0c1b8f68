import Engine
import Glibc
import NIOCore
import Sealing
import Serving
import Text
import Wire

/// Does one step of a call so many times, and nothing else that counts: for valgrind, which counts
/// the instructions and the allocations. What two runs differ by, over the calls that they differ
/// by, is what one step costs.
@main
enum WireSpeed {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let times = Int(arguments[2]),
            let step = try step(arguments[1])
        else {
            print("usage: WireSpeed frame|envelope|message|reply|gather|seal|open TIMES")
            exit(64)
        }
        var sum = 0
        for _ in 0..<times { sum &+= try step() }
        print(sum)
    }

    /// A step, whose number keeps its work from being left out; nil: there is none of this name.
    private static func step(_ name: String) throws -> (() throws -> Int)? {
        switch name {
        case "frame": frame()
        case "envelope":
            { [envelope] in
                let decoded = try RequestEnvelope(decoding: envelope)
                return decoded.service.readableBytes
            }
        case "message":
            { [message] in
                try V1.PredictRequest(decoding: message).inputs.count
            }
        case "reply": reply()
        case "gather": gather()
        case "seal": try seal()
        case "open": try open()
        default: nil
        }
    }

    // MARK: What comes in

    private static let row = [UInt8](repeating: 0x3F, count: 16)

    private static var message: ByteBuffer {
        var buffer = ByteBuffer()
        V1.PredictRequest(
            model: V1.ModelSpec(name: "mlp", selector: .alias("live")),
            inputs: [
                V1.Tensor(
                    name: "x",
                    dataType: .fp32,
                    shape: [1, 4],
                    data: ByteBuffer(bytes: row)
                )
            ]
        ).encode(into: &buffer)
        return buffer
    }

    private static var envelope: ByteBuffer {
        var buffer = ByteBuffer()
        RequestEnvelope(
            service: "strongroom.v1.Prediction",
            method: "Predict",
            payload: message
        ).encode(into: &buffer)
        return buffer
    }

    private static func frame() -> () -> Int {
        let envelope = Self.envelope
        var bytes = ByteBuffer()
        let length = UInt32(envelope.readableBytes)
        FrameHeader(length: length, streamID: 1, type: .request).write(to: &bytes)
        bytes.writeImmutableBuffer(envelope)
        var decoder = FrameDecoder()
        return {
            decoder.append(bytes)
            var read = 0
            while case .frame(_, let body) = decoder.next() { read += body.readableBytes }
            return read
        }
    }

    private static func gather() -> () -> Int {
        let request = [InputTensor(name: "x", type: .fp32, shape: [1, 4], bytes: row)]
        let requests = [[InputTensor]](repeating: request, count: 8)
        return { GatheredBatch(requests).inputs.count }
    }

    // MARK: What goes out

    /// Header, envelope and message of an answer, into a buffer that is there already.
    private static func reply() -> () -> Int {
        let output = V1.LentTensor(
            name: "y",
            dataType: .fp32,
            shape: [1, 3],
            data: ByteBuffer(repeating: 0x3F, count: 12)
        )
        let response = V1.PredictResponse(
            modelName: "mlp",
            modelVersion: 1,
            requestID: "0192f0c1-2b5c-7000-8000-1234567890ab",
            timing: V1.Timing(queueNs: 1_000, computeNs: 2_000, batchRows: 1, totalNs: 9_000),
            usage: V1.Usage(rows: 1, computeNs: 2_000)
        )
        var out = ByteBuffer()
        return {
            out.clear()
            let message = V1.LentPredictResponse(response, lending: [output])
            let size = message.byteCount
            let prefix = ResponseEnvelope.successPrefixByteCount(payloadByteCount: size)
            FrameHeader(length: UInt32(prefix + size), streamID: 1, type: .response)
                .write(to: &out)
            ResponseEnvelope.writeSuccessPrefix(payloadByteCount: size, into: &out)
            message.append(to: &out)
            return out.readableBytes
        }
    }

    // MARK: Files

    private static let chunkBytes = 1 << 20

    private static func sealer() throws -> (BlobSealer, SecretKey, BlobContext) {
        let key = try SecretKey.random()
        let context = BlobContext(
            registryID: [UInt8](repeating: 1, count: 16),
            model: "speed",
            bundleID: [UInt8](repeating: 2, count: 16),
            path: "model.onnx"
        )
        return (try BlobSealer(key: key, context: context, plaintextBytes: 1 << 40), key, context)
    }

    private static func seal() throws -> () throws -> Int {
        let (sealer, _, _) = try sealer()
        let chunk = [UInt8](repeating: 0x5A, count: chunkBytes)
        var sealed = [UInt8](repeating: 0, count: chunkBytes + 16)
        return {
            let source = chunk.span
            var span = sealed.mutableSpan
            var target = span.mutableBytes
            try sealer.seal(source.bytes, into: &target)
            return chunk.count
        }
    }

    private static func open() throws -> () throws -> Int {
        let (sealer, key, context) = try sealer()
        let sealed = try sealer.seal([UInt8](repeating: 0x5A, count: chunkBytes))
        let opener = try BlobOpener(header: sealer.header, key: key, context: context)
        let buffer = try SecretBuffer(byteCount: chunkBytes)
        return {
            let source = sealed.span
            try opener.openChunk(index: 0, sealed: source.bytes, into: buffer, at: 0)
            return sealed.count
        }
    }
}
