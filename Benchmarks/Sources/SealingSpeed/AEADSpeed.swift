import Text
import Glibc
import Sealing
import Text

/// How fast one thread seals and opens a buffer of 1 MiB that lies in memory, AEAD alone, in bytes
/// a second of processor time, as `openssl speed` counts it: what else the machine does counts for
/// neither.
enum AEADSpeed {
    /// Seals into one buffer, chunk after chunk of one blob.
    static func sealing(seconds: Double) throws -> Double {
        let sealer = try BlobSealer(
            key: key,
            context: context,
            plaintextBytes: Self.plaintextBytes
        )
        let chunk = [UInt8](repeating: 0x5A, count: chunkBytes)
        var sealed = [UInt8](repeating: 0, count: chunkBytes + 16)
        return try rate(seconds: seconds) { _ in
            let source = chunk.span
            var span = sealed.mutableSpan
            var target = span.mutableBytes
            try sealer.seal(source.bytes, into: &target)
        }
    }

    /// Opens the same chunk into one buffer again and again.
    static func opening(seconds: Double) throws -> Double {
        let sealer = try BlobSealer(
            key: key,
            context: context,
            plaintextBytes: Self.plaintextBytes
        )
        let sealed = try sealer.seal([UInt8](repeating: 0x5A, count: chunkBytes))
        let opener = try BlobOpener(header: sealer.header, key: key, context: context)
        let buffer = try SecretBuffer(byteCount: chunkBytes)
        return try rate(seconds: seconds) { _ in
            let source = sealed.span
            try opener.openChunk(index: 0, sealed: source.bytes, into: buffer, at: 0)
        }
    }

    private static let chunkBytes = 1 << 20
    private static let plaintextBytes: UInt64 = 1 << 40
    private static let key = try! SecretKey.random()
    private static let context = BlobContext(
        registryID: [UInt8](repeating: 1, count: 16),
        model: "speed",
        bundleID: [UInt8](repeating: 2, count: 16),
        path: "model.onnx"
    )

    private static func rate(seconds: Double, _ body: (Int) throws -> Void) throws -> Double {
        for index in 0..<16 { try body(index) }
        let start = try processorSeconds()
        var (count, elapsed) = (0, 0.0)
        while elapsed < seconds {
            for _ in 0..<64 { try body(count) }
            count += 64
            elapsed = try processorSeconds() - start
        }
        return Double(count * chunkBytes) / elapsed
    }

    private static func processorSeconds() throws -> Double {
        var time = timespec()
        guard clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else {
            throw LoadSpeed.Failure(message: "no clock")
        }
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
