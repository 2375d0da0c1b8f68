internal import Sealing
internal import Synchronization
internal import Text

/// An open upload as this process holds it.
final class Upload: Sendable {
    let registryID: [UInt8]
    let stored: StoredUpload
    /// Seals the files; it becomes the version's data key.
    let dataKey: SecretKey
    /// Makes the codes of its rows.
    let mac: UploadMAC
    /// The request's files by index, and after them the card that the server writes, if any.
    let files: [UploadFile]
    /// The card that the server writes, since the bundle has none.
    let serverCard: [UInt8]?
    /// Held by the one commit or abort that is running.
    let ending = Mutex(())

    private let state: Mutex<State>

    private struct State {
        var phase = Phase.open
        var usedUnixMs: Int64
    }

    /// Whether chunks are taken.
    enum Phase {
        case open
        case committing
        case ended
    }

    init(
        registryID: [UInt8],
        stored: StoredUpload,
        dataKey: SecretKey,
        mac: UploadMAC,
        finished: [Int: StoredFile] = [:]
    ) throws {
        self.registryID = registryID
        self.stored = stored
        self.dataKey = dataKey
        self.mac = mac
        let request = PublishRequest(model: stored.model, files: stored.files)
        let card = try request.serverCard()
        serverCard = card
        var files = stored.files
        if let card {
            files.append(
                BundleFile(
                    path: Card.path,
                    size: UInt64(card.count),
                    sha256: Digest.sha256(card)
                )
            )
        }
        self.files = files.enumerated().map { index, file in
            UploadFile(index: index, file: file, finished: finished[index])
        }
        state = Mutex(State(usedUnixMs: stored.usedUnixMs))
    }

    /// Checks that the row is still the one that was begun, and open.
    func checkRow(_ transaction: MetadataTransaction) throws {
        guard let row = try transaction.upload(id: stored.id) else {
            throw Upload.unknown(stored.id)
        }
        guard row.version == nil, row.alias == nil, row.aliasGeneration == nil,
            row.mac == stored.mac, try mac.holds(for: row)
        else { throw stored.altered }
    }

    /// The files that the publisher sends.
    var requestFiles: ArraySlice<UploadFile> { files.prefix(stored.files.count) }

    /// When a chunk last came, in milliseconds since 1970.
    var usedUnixMs: Int64 { state.withLock { $0.usedUnixMs } }

    /// Notes that the upload is in use.
    func use(nowUnixMs: Int64) {
        state.withLock { $0.usedUnixMs = max($0.usedUnixMs, nowUnixMs) }
    }

    /// Changes whether chunks are taken. An upload that ended stays so.
    func enter(_ phase: Phase) {
        state.withLock { state in
            if state.phase != .ended { state.phase = phase }
        }
    }

    /// Throws unless chunks are taken.
    func checkOpen() throws(RegistryError) {
        switch state.withLock({ $0.phase }) {
        case .open: return
        case .committing:
            throw RegistryError(
                .failedPrecondition,
                "upload \(stored.id) is being committed"
            )
        case .ended: throw Upload.unknown(stored.id)
        }
    }

    /// The answer for an upload that is not there, and for another principal's.
    static func unknown(_ id: String) -> RegistryError {
        RegistryError(.notFound, "no upload \(quoted(id))")
    }
}
