internal import Engine
internal import Registry
internal import Sealing
internal import Synchronization
internal import Text

/// A version's files as an engine reads them: each whole, verified, and from memory.
final class BundleSource: ModelSource {
    private let version: LoadableVersion
    private let entry: Plaintext
    /// The entry's folder with a `/` behind it; empty at the top.
    private let folder: String
    private let firstFailure = Mutex<(any Error)?>(nil)

    /// Makes a source of a version whose entry was read.
    init(_ version: LoadableVersion, entry: Plaintext) {
        self.version = version
        self.entry = entry
        let path = version.card.entry.text
        folder = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[...$0]) } ?? ""
    }

    /// What went wrong first with reading a file, if anything did.
    var failure: (any Error)? { firstFailure.withLock { $0 } }

    private func located(_ path: ExactString) -> ExactString { ExactString(folder + path.text) }

    func withEntry<Result>(_ body: (RawSpan) throws -> Result) throws -> Result {
        try entry.withBytes(body)
    }

    func byteCount(ofFile path: ExactString) -> UInt64? { version.sizes[located(path)] }

    func file(_ path: ExactString) throws -> any HeldBytes {
        do {
            return Plaintext(try version.read(located(path)))
        } catch {
            firstFailure.withLock { $0 = $0 ?? error }
            throw error
        }
    }
}

/// A bundle's file in memory, gone with its last reader.
final class Plaintext: HeldBytes {
    private let buffer: SecretBuffer

    /// Holds a buffer, whose bytes do not move.
    init(_ buffer: SecretBuffer) {
        self.buffer = buffer
    }

    var byteCount: Int { buffer.byteCount }

    func withBytes<Result>(_ body: (RawSpan) throws -> Result) rethrows -> Result {
        try buffer.withBytes(body)
    }

    func giveBack(_ range: Range<Int>) { buffer.giveBack(range) }
}
