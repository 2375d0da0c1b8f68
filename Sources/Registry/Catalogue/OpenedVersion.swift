package import Sealing
package import Text

/// A version that was verified and can be read: its record's signature held, and its data key is
/// unwrapped.
package final class OpenedVersion: Sendable {
    /// What lists show of it, as it was when it was opened.
    package let info: VersionInfo
    /// Its card.
    package let card: Card
    /// Its files, sorted by path.
    package let files: [FileInfo]

    /// Its card as it was published.
    package let cardText: [UInt8]
    let record: VersionRecord
    private let indexes: [ExactString: Int]
    let dataKey: SecretKey
    private let blobs: any BlobSource
    private let leases: BlobLeases
    private let hashed: HashedBlobs

    /// Takes a lease on the version's blobs, which is given back when this is released.
    init(
        info: VersionInfo,
        card: Card,
        cardText: [UInt8],
        record: VersionRecord,
        dataKey: SecretKey,
        blobs: any BlobSource,
        leases: BlobLeases,
        hashed: HashedBlobs
    ) {
        leases.take(bundle: record.bundleID)
        self.leases = leases
        self.hashed = hashed
        self.info = info
        self.card = card
        self.cardText = cardText
        self.record = record
        self.dataKey = dataKey
        self.blobs = blobs
        files = record.files.map { FileInfo(path: $0.path, size: $0.size, sha256: $0.sha256) }
        indexes = Dictionary(
            record.files.enumerated().map { ($1.path, $0) },
            uniquingKeysWith: { first, _ in first }
        )
    }

    deinit { leases.giveBack(bundle: record.bundleID) }

    /// Reads a whole file into memory that is wiped when it is released.
    ///
    /// Its SHA-256 is compared with the signed one the first time that this process reads it, the
    /// tags of its chunks each time.
    ///
    /// - Parameter threads: Threads that open it, the caller's among them.
    /// - Throws: `notFound` for no such file, `dataLoss` if a byte is not the one that was
    ///   signed, `resourceExhausted` if it does not fit into memory.
    package func read(_ path: ExactString, threads: Int = JoinedThreads.useful) throws
        -> SecretBuffer
    {
        let file = try sealedFile(path)
        return try translated(path) {
            let blob = try sealed(file)
            return try blob.readAll(threads: threads, hashed: hashed)
        }
    }

    /// Reads a whole file in pieces: with a part of it in memory at each moment.
    ///
    /// It is verified as by ``read(_:threads:)``; but the SHA-256, unlike the tags, is known only
    /// behind the last piece.
    ///
    /// - Parameters:
    ///   - threads: Threads that open it, the caller's among them.
    ///   - take: Gets the pieces in order, on one thread at a time; false ends the reading. The
    ///     bytes are wiped when it has returned.
    /// - Throws: As for ``read(_:threads:)``.
    package func readPieces(
        _ path: ExactString,
        threads: Int = JoinedThreads.useful,
        _ take: @escaping @Sendable (RawSpan) -> Bool
    ) throws {
        let file = try sealedFile(path)
        try translated(path) {
            let blob = try sealed(file)
            try blob.readPieces(threads: threads, hashed: hashed, take)
        }
    }

    /// Reads a part of a file. Every chunk that it lies in is verified.
    ///
    /// - Parameters:
    ///   - offset: The first byte; at most the file's size.
    ///   - length: Bytes wanted; fewer are answered at the file's end.
    /// - Throws: `notFound` for no such file, `outOfRange` past its end, `dataLoss`.
    package func read(_ path: ExactString, offset: UInt64, length: Int) throws -> [UInt8] {
        let file = try sealedFile(path)
        guard offset <= file.size else {
            throw RegistryError(
                .outOfRange,
                "\(path): offset \(offset) is past its \(file.size) bytes"
            )
        }
        let end = min(file.size, offset + UInt64(max(0, length)))
        guard offset < end else { return [] }
        return try translated(path) {
            let blob = try sealed(file)
            return try blob.read(offset..<end)
        }
    }

    private func sealedFile(_ path: ExactString) throws -> VersionRecord.File {
        guard let index = indexes[path] else {
            throw RegistryError(
                .notFound,
                "model \(quoted(info.model)), version \(info.version): no file \(quoted(path))"
            )
        }
        return record.files[index]
    }

    func sealed(_ file: VersionRecord.File) throws -> SealedFile {
        try SealedFile(
            file,
            dataKey: dataKey,
            context: BlobContext(
                registryID: record.registryID,
                model: record.model,
                bundleID: record.bundleID,
                path: file.path
            ),
            blobs: blobs
        )
    }

    /// Names model, version and file in whatever goes wrong.
    private func translated<R>(_ path: ExactString, _ body: () throws -> R) throws -> R {
        let place = "model \(quoted(info.model)), version \(info.version), file \(quoted(path))"
        do {
            return try body()
        } catch let error as SealingError {
            throw RegistryError.sealing(error, "\(place): its stored bytes do not open")
        } catch let error as RegistryError {
            throw RegistryError(error.code, "\(place): \(error.message)", detail: error.detail)
        }
    }
}
