internal import Platform
internal import Sealing
internal import Text

/// Checks the files around the database: the server's id, the modes, the second place, and what
/// lies in the store that nothing refers to.
struct StoreCheck {
    let layout: RegistryLayout
    let keyFolder: String
    /// Files and folders outside the registry that are judged besides.
    let judged: [JudgedPath]
    let findings: Findings

    /// Bits of a mode that no file of the store is made with.
    private static let othersMask: UInt32 = 0o007
    private static let currentKeyFile = "kek-current"
    private static let keyIDDigits = 16

    /// The kinds, owners and modes of files and folders, and the server's id.
    func checkFiles() {
        let keys = (try? StoreFolder.system.names(in: keyFolder)) ?? []
        let own = layout.judgedPaths
        for judged in judged + own + keyPaths(keys) { judge(judged) }
        for judged in own { noteReaders(judged) }
        let serverID = findings.attempt("file server-id", "") {
            try Registry.readServerID(layout)
        }
        if let serverID {
            checkLine(layout.serverIDPath, as: "file server-id", bytes: serverID.utf8.count + 1)
        }
        // That it names no key is said where the keys are opened.
        if keys.contains(Self.currentKeyFile) {
            checkLine(
                "\(keyFolder)/\(Self.currentKeyFile)",
                as: "key file \(Self.currentKeyFile)",
                bytes: Self.keyIDDigits + 1,
                followsLinks: true
            )
        }
    }

    /// A file of one line that is read without its line break, too.
    private func checkLine(
        _ path: String,
        as object: String,
        bytes: Int,
        followsLinks: Bool = false
    ) {
        let text = findings.attempt(object, "") {
            try StoreFolder.system.readText(path, maxBytes: bytes, followsLinks: followsLinks)
        }
        if let text, text?.utf8.last != UInt8(ascii: "\n") {
            findings.fault(object, "line break", "is missing at the end")
        }
    }

    /// The highest sequence seen; read before the head, which may move on meanwhile.
    func sequence() -> UInt64? {
        let object = "file sequence"
        let read = findings.attempt(object, "") {
            try SequenceFile(layout, steps: .none).read()
        }
        guard let read else { return nil }
        if read == nil { findings.fault(object, "", "is missing") }
        return read
    }

    func check(sequence: UInt64?, head: CatalogueHead?) {
        guard let sequence, let head else { return }
        if sequence > head.sequence {
            findings.fault(
                "file sequence",
                "sequence",
                "\(sequence) was seen before, and the head's is \(head.sequence): the store is an "
                    + "older copy"
            )
        } else if sequence < head.sequence {
            findings.plan.add { $0.sequence = head.sequence }
            findings.note(
                "file sequence",
                "sequence",
                "\(sequence) is behind the head's \(head.sequence): the next start mends it"
            )
        }
    }

    /// Compares the database's format with the highest one seen.
    func check(_ format: DatabaseFormat) {
        let object = "file format"
        let read = findings.attempt(object, "") { try FormatFile(layout).read() }
        guard let seen = read else { return }
        if let doubt = FormatFile.doubt(format, seen: seen) {
            findings.fault(object, "", doubt)
        } else if !format.isFormer, seen != UInt64(format.number) {
            findings.note(
                object,
                "",
                "\(seen.map { "\($0)" } ?? "nothing") was seen, and the database is of format "
                    + "\(format.number): the next start writes it"
            )
        }
    }

    /// Every blob's digest, and what lies among the blobs and is none.
    func blobNames() -> [BlobKey] {
        var keys: [BlobKey] = []
        eachEntry(layout.blobsPath) { folder in
            let path = "\(layout.blobsPath)/\(folder)"
            guard StoreFolder.isFolder(path) else {
                return stray("blobs/\(folder)")
            }
            eachEntry(path) { name in
                if let digest = Hex.decode(name), digest.count == Digest.byteCount,
                    name.hasPrefix(folder), folder.utf8.count == 2,
                    StoreFolder.isFile("\(path)/\(name)")
                {
                    keys.append(BlobKey(digest))
                } else {
                    stray("blobs/\(folder)/\(name)")
                }
            }
        }
        return keys
    }

    /// The folders of uploads, as names.
    func uploadNames() -> [String] {
        var names: [String] = []
        eachEntry(layout.uploadsPath) { names.append($0) }
        return names.sorted()
    }

    /// Notes blobs that no version and no upload refers to.
    func noteOrphans(_ names: [BlobKey], referred: Set<BlobKey>) {
        var count: UInt64 = 0
        var bytes: UInt64 = 0
        for key in names where !referred.contains(key) {
            let path = BlobFolders.path(of: key.digest, in: layout.blobsPath)
            count += 1
            bytes += ((try? StoreFile.reading(path, SystemCalls())?.byteCount()) ?? nil) ?? 0
            if count <= UInt64(Limits.maxNamedFindings) {
                findings.note("blob \(Hex.encode(key.digest))", "", "nothing refers to it")
            }
        }
        if count > 0 {
            findings.note("blobs", "", "\(count) of \(bytes) bytes are free: strongroom gc")
        }
    }

    /// Notes folders of uploads that are over, by ids that are not.
    func noteUploads(_ names: [String], open: Set<String>) {
        for name in names.filter({ !open.contains($0) }).prefix(Limits.maxNamedFindings) {
            findings.note("folder uploads/\(name)", "", "no open upload has this id")
        }
    }

    private func stray(_ path: String) {
        findings.note("file \(path)", "", "is no blob")
        findings.plan.add { $0.strays.insert(path) }
    }

    private func eachEntry(_ path: String, _ body: (String) -> Void) {
        // A store that never took a blob has no folder for them.
        guard (try? StoreFolder.system.exists(path)) != false else { return }
        findings.attempt("folder \(name(path))", "") {
            for entry in try StoreFolder.system.names(in: path).sorted() { body(entry) }
        }
    }

    /// The key files of the folder, in the order of their names.
    private func keyPaths(_ names: [String]) -> [JudgedPath] {
        names.sorted().compactMap { name in
            KeyFileNames.role(of: name).map { JudgedPath("\(keyFolder)/\(name)", $0) }
        }
    }

    private func judge(_ judged: JudgedPath) {
        guard let status = FileStatus(path: judged.path),
            let fault = FileTrust.strict.fault(status, judged.path, judged.role)
        else { return }
        findings.fault(object(judged), fault.kind.rawValue, fault.problem)
    }

    /// Notes a file or folder of the registry that other users may read: nothing in it is secret
    /// by itself, and the registry makes none.
    private func noteReaders(_ judged: JudgedPath) {
        guard let status = FileStatus(path: judged.path),
            status.permissions & Self.othersMask != 0,
            FileTrust.strict.fault(status, judged.path, judged.role) == nil
        else { return }
        let mode = "0" + String(status.permissions, radix: 8)
        findings.note(object(judged), "mode", "\(mode): every user may read it")
    }

    private func object(_ judged: JudgedPath) -> String {
        let name = name(judged.path).escaped
        switch judged.role {
        case .folder: return judged.path == keyFolder ? "folder of keys" : "folder \(name)"
        case .key: return "key file \(name)"
        case .trusted, .command: return "file \(name)"
        }
    }

    private func name(_ path: String) -> String {
        String(path.split(separator: "/").last ?? "")
    }
}
